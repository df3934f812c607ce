"""The contract as documents: the reference page and the JSON Schema.

Both are made from the declarations and held current by ``tests/contract``; rewrite them
with ``python -m heddle.contract.reference docs/reference``.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from heddle.contract import CHAPTERS, ERRORS, PROCEDURES, TOPICS
from heddle.contract.declare import FleetError, Procedure, Topic
from heddle.contract.permissions import ROUTER_PROCEDURES, ROUTER_TOPICS

_REF = "#/$defs/{name}"


def messages() -> tuple[type[Any], ...]:
    """Every message that travels, requests before replies, each once."""
    travelling: list[type[Any]] = []
    for procedure in PROCEDURES:
        travelling += [procedure.request, procedure.reply]
    travelling += [topic.event for topic in TOPICS]
    return tuple(dict.fromkeys(travelling))


def json_schema() -> dict[str, Any]:
    """A JSON Schema whose ``$defs`` hold every message by its name."""
    _, definitions = msgspec.json.schema_components(messages(), ref_template=_REF)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Heddle wire messages",
        "$defs": dict(sorted(definitions.items())),
    }


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]


def _roles(roles: Iterable[str]) -> str:
    return ", ".join(sorted(roles))


def _kind(schema: dict[str, Any]) -> str:
    """A field's type in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(
        schema.get("additionalProperties"), dict
    ):
        return f"map to {_kind(schema['additionalProperties'])}"
    if schema.get("contentEncoding") == "base64":
        return "bytes"
    return str(schema.get("type", "any"))


def _link(kind: type[Any]) -> str:
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


def _procedure(procedure: Procedure[Any, Any]) -> Iterator[str]:
    yield f"### `{procedure.uri}`\n"
    yield f"{procedure.summary}\n"
    yield f"- request {_link(procedure.request)}, reply {_link(procedure.reply)}"
    yield f"- served by {procedure.served_by}; called by {_roles(procedure.called_by)}"
    yield f"- realm: {procedure.scope}"
    if procedure.raises:
        yield "- errors: " + ", ".join(f"`{e.uri}`" for e in procedure.raises)
    yield ""


def _topic(topic: Topic[Any]) -> Iterator[str]:
    yield f"### `{topic.uri}`\n"
    yield f"{topic.summary}\n"
    yield f"- event {_link(topic.event)}"
    yield f"- published by {topic.published_by}"
    yield f"- subscribed by {_roles(topic.subscribed_by)}"
    yield f"- realm: {topic.scope}"
    yield ""


def _chapter(chapter: ModuleType) -> Iterator[str]:
    yield f"## {_first_line(chapter)}\n"
    for one in vars(chapter).values():
        if isinstance(one, Procedure):
            yield from _procedure(one)
        elif isinstance(one, Topic):
            yield from _topic(one)


def _messages() -> Iterator[str]:
    yield "## Messages\n"
    for name, schema in json_schema()["$defs"].items():
        yield f"### {name}\n"
        yield re.sub(r"\s*\n\s*", " ", schema.get("description", "")).strip() + "\n"
        if "enum" in schema:
            yield "One of " + ", ".join(f"`{v}`" for v in schema["enum"]) + ".\n"
            continue
        fields = schema.get("properties", {})
        if not fields:
            yield "No fields.\n"
            continue
        yield "| field | type | |"
        yield "|---|---|---|"
        for field, kind in fields.items():
            if field in schema.get("required", ()):
                need = "required"
            else:
                need = f"default `{json.dumps(kind.get('default'))}`"
            yield f"| `{field}` | {_kind(kind)} | {need} |"
        yield ""


def _errors() -> Iterator[str]:
    yield "## Errors\n"
    yield "| URI | meaning |"
    yield "|---|---|"
    for error in sorted(ERRORS, key=lambda e: e.uri):
        yield f"| `{error.uri}` | {_error_line(error)} |"
    yield ""


def _error_line(error: type[FleetError]) -> str:
    return _first_line(error).replace("|", "\\|")


def _router() -> Iterator[str]:
    yield "## Served by the router itself\n"
    for uri, roles in ROUTER_PROCEDURES.items():
        yield f"- `{uri}`: called by {_roles(roles)}"
    for uri, roles in ROUTER_TOPICS.items():
        yield f"- `{uri}`: subscribed by {_roles(roles)}"
    yield ""


_HEAD = """# Wire reference

<!-- Made by `python -m heddle.contract.reference docs/reference`; do not edit. -->

Every procedure and topic of Heddle. A call carries one positional argument, the
request as a map, and the keyword argument `request_id`, taken over from hop to hop; the
reply is one map. An error carries one sentence as its first argument and the keyword
argument `details`. An event is one positional argument. Ids in URIs are 1 to 64 of
`a-z`, `0-9` and `_`. What is not listed here is refused to everyone. Bytes are those of
MessagePack and CBOR; over JSON they are a string of U+0000 and base64, as WAMP has it.

Any call may also fail with the common errors listed at the end, and with
`wamp.error.no_such_procedure` when nobody serves it: the device is offline.
"""


def wire_page() -> str:
    """The reference page in Markdown."""
    lines = [_HEAD]
    for chapter in CHAPTERS:
        lines += _chapter(chapter)
    lines += [*_router(), *_messages(), *_errors()]
    return "\n".join(lines).rstrip() + "\n"


def schema_text() -> str:
    """The JSON Schema as the file holds it."""
    return json.dumps(json_schema(), indent=2) + "\n"


def write(folder: Path) -> None:
    """Write ``wire.md`` and ``wire.schema.json`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wire.md").write_text(wire_page())
    (folder / "wire.schema.json").write_text(schema_text())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
