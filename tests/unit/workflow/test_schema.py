"""The published JSON Schema says what ``parse`` says."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from heddle.workflow.findings import Mode, Rule
from heddle.workflow.parse import decode, findings
from heddle.workflow.schema import workflow_schema
from tests.unit.workflow.drawing import EXAMPLE
from tests.unit.workflow.test_parse import WHOLE, mangle

VALIDATOR = Draft202012Validator(workflow_schema())


def is_well_formed(document: Any) -> bool:
    formal = {Rule.SCHEMA, Rule.TOO_LARGE, Rule.INCORRECT_ELEMENT_TYPE}
    return not formal & {finding.rule for finding in findings(document, Mode.COMPAT)}


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(workflow_schema())


@pytest.mark.parametrize("document", [decode(EXAMPLE.read_bytes()), WHOLE])
def test_whole_workflows_fit(document: Any) -> None:
    assert VALIDATOR.is_valid(document)


@settings(deadline=None)
@given(st.data())
def test_the_schema_and_the_parser_agree(data: st.DataObject) -> None:
    mangled = mangle(WHOLE, data)
    assert VALIDATOR.is_valid(mangled) == is_well_formed(mangled)
