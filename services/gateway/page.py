"""The API description as a page to be read: one file, no script, no other host."""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

Json = dict[str, Any]

_STYLE = """\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:#8881;padding:.7rem;overflow:auto}
summary{cursor:pointer;padding:.25rem 0}summary b{display:inline-block;width:4.5rem}
table{border-collapse:collapse}
td,th{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top}
details details{margin-left:1rem}h2{margin-top:2.5rem}:root{color-scheme:light dark}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    ),
}


def page(document: Json) -> bytes:
    """The whole page."""
    return "".join(_page(document)).encode()


def _page(document: Json) -> Iterator[str]:
    info = document["info"]
    yield (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1>"
        f"<p>{_text(info['description'])}</p>"
        '<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
    )
    of_tag: dict[str, list[tuple[str, str, Json]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            of_tag.setdefault(operation["tags"][0], []).append(
                (method, path, operation)
            )
    for tag, operations in of_tag.items():
        yield f"<h2>{escape(tag)}</h2>"
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
    yield "<h2>Types</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield from _type(name, schema)
    yield "</html>"


def _text(text: str) -> str:
    """Prose; what stands in backquotes is code."""
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if index % 2 else part
        for index, part in enumerate(parts)
    )


def _operation(method: str, path: str, operation: Json) -> Iterator[str]:
    yield (
        f'<details id="{operation["operationId"]}"><summary><b>{method.upper()}</b> '
        f"<code>{escape(path)}</code> {_text(operation['summary'])}</summary>"
        f"<p>{_text(operation.get('description', ''))}</p>"
    )
    if parameters := operation.get("parameters"):
        yield "<table><tr><th>parameter<th>in<th>type"
        for one in parameters:
            need = ", required" if one.get("required") else ""
            yield (
                f"<tr><td><code>{escape(one['name'])}</code><td>{one['in']}{need}"
                f"<td>{_kind(one['schema'])}"
            )
        yield "</table>"
    if (body := operation.get("requestBody")) is not None:
        ((kind, content),) = body["content"].items()
        yield f"<p>Body ({escape(kind)}): {_kind(content['schema'])}</p>"
        if "example" in content:
            yield _example(content["example"])
    yield "<p>Answers: "
    yield ", ".join(_answer(s, a) for s, a in operation["responses"].items())
    yield "</p>"
    for answer in operation["responses"].values():
        for content in answer.get("content", {}).values():
            for example in content.get("examples", {}).values():
                yield _example(example["value"])
    yield "</details>"


def _example(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2))}</pre>"


def _answer(status: str, answer: Json) -> str:
    kinds = [_kind(c["schema"]) for c in answer.get("content", {}).values()]
    return " ".join([f"<b>{status}</b>", *kinds]) if kinds else status


def _type(name: str, schema: Json) -> Iterator[str]:
    yield (
        f"<details><summary><code>{name}</code></summary>"
        f'<p id="{name}">{_text(schema.get("description", ""))}</p>'
    )
    if "enum" in schema:
        values = ", ".join(f"<code>{escape(str(v))}</code>" for v in schema["enum"])
        yield f"<p>{values}</p>"
    if properties := schema.get("properties"):
        yield "<table><tr><th>field<th>type<th>"
        for field, kind in properties.items():
            need = (
                "required"
                if field in schema.get("required", ())
                else f"default <code>{escape(json.dumps(kind.get('default')))}</code>"
            )
            yield f"<tr><td><code>{field}</code><td>{_kind(kind)}<td>{need}"
        yield "</table>"
    yield "</details>"


def _kind(schema: Json) -> str:
    """A type in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(v))}</code>" for v in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map to {_kind(schema['additionalProperties'])}"
    limits = [
        f"{word} {schema[name]}"
        for name, word in (("minimum", "≥"), ("maximum", "≤"), ("format", ""))
        if name in schema
    ]
    return escape(" ".join([str(schema.get("type", "anything")), *limits]))
