"""The contract: declared once, soundly named, and its documents current."""

import ast
import json
import re
from pathlib import Path

import jsonschema
import msgspec
import pytest

from heddle.contract import ERRORS, PROCEDURES, TOPICS
from heddle.contract.declare import FleetError, InvalidId, Role, Scope, project_realm
from heddle.contract.reference import json_schema, messages, schema_text, wire_page
from heddle.contract.runs import START_RUN, StartRun
from heddle.contract.samples import TELEMETRY

ROOT = Path(__file__).parents[2]
URI = re.compile(r"heddle(\.([a-z_]+|\{[a-z]+\}))+")
EVERYTHING = (*PROCEDURES, *TOPICS)


def test_every_uri_is_declared_once() -> None:
    uris = [one.uri for one in EVERYTHING] + [error.uri for error in ERRORS]
    assert len(uris) == len(set(uris))


@pytest.mark.parametrize("one", EVERYTHING, ids=lambda one: one.uri)
def test_a_uri_is_strict_and_ours(one) -> None:
    assert URI.fullmatch(one.uri)


@pytest.mark.parametrize("one", EVERYTHING, ids=lambda one: one.uri)
def test_nobody_uses_a_uri_outside_the_realm_they_can_join(one) -> None:
    system_only = {Role.GATEKEEPER, Role.ENROLLING, Role.PERSON}
    project_only = {Role.AGENT, Role.OWNER, Role.OPERATOR, Role.VIEWER}
    roles = {
        getattr(one, name)
        for name in ("served_by", "published_by")
        if hasattr(one, name)
    } | getattr(one, "called_by", getattr(one, "subscribed_by", frozenset()))
    stray = system_only if one.scope is Scope.PROJECT else project_only
    assert not roles & stray


def test_error_uris_are_unique_over_all_error_classes() -> None:
    def below(kind):
        for sub in kind.__subclasses__():
            yield sub
            yield from below(sub)

    uris = [kind.uri for kind in below(FleetError) if "uri" in vars(kind)]
    assert len(uris) == len(set(uris))


@pytest.mark.parametrize(
    "value", ["", "a.b", "Press", "a" * 65, "a-b", "a..b", "é", "a\n", "a b", "*"]
)
def test_an_id_that_could_widen_a_uri_is_refused(value) -> None:
    with pytest.raises(InvalidId, match="is not an id"):
        START_RUN.at(device=value)
    with pytest.raises(InvalidId):
        project_realm(value)


def test_ids_are_filled_in() -> None:
    assert START_RUN.at(device="press_7") == "heddle.device.press_7.run.start"
    assert TELEMETRY.everywhere() == "heddle.device..telemetry"


def test_every_message_has_a_docstring_of_its_own() -> None:
    undocumented = [
        kind.__name__
        for kind in messages()
        if not kind.__doc__ or kind.__doc__.startswith(f"{kind.__name__}(")
    ]
    assert undocumented == []


def test_the_reference_page_is_current() -> None:
    page = (ROOT / "docs/reference/wire.md").read_text()
    remedy = "run `python -m heddle.contract.reference docs/reference`"
    assert page == wire_page(), remedy


def test_the_json_schema_is_current_and_sound() -> None:
    text = (ROOT / "docs/reference/wire.schema.json").read_text()
    assert text == schema_text(), "run `python -m heddle.contract.reference …`"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_the_schema_accepts_what_we_send() -> None:
    schema = json_schema() | {"$ref": "#/$defs/StartRun"}
    jsonschema.validate(msgspec.to_builtins(StartRun(flow="f")), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"run": "r"}, schema)


def sources():
    for folder in ("heddle", "services", "edge_agent"):
        for file in (ROOT / folder).rglob("*.py"):
            inside = file.is_relative_to(ROOT / "heddle/contract")
            if not inside and "node_modules" not in file.parts:
                yield file


FAMILIES = "|".join(sorted({one.uri.split(".")[1] for one in EVERYTHING}))


def uri_literals(file: Path) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.match(rf"heddle\.({FAMILIES}|error)\.", node.value)
    ]


def test_no_uri_is_spelled_outside_the_contract() -> None:
    assert [place for file in sources() for place in uri_literals(file)] == []
