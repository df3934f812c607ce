"""Which values are values of which type."""

import math

import pytest

from edge_agent.typed import MAX_INTEGER, MAX_TEXT_BYTES, fitted
from heddle.contract.devices import TagType

FLOAT, INTEGER, BOOLEAN = TagType.FLOAT, TagType.INTEGER, TagType.BOOLEAN
TEXT, JSON = TagType.TEXT, TagType.JSON


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        (FLOAT, 1.5, 1.5),
        (FLOAT, 3, 3.0),
        (FLOAT, True, 1.0),
        (FLOAT, "1.5", None),
        (FLOAT, math.nan, None),
        (FLOAT, -math.inf, None),
        (FLOAT, 10**400, None),
        (INTEGER, 7, 7.0),
        (INTEGER, 7.0, 7.0),
        (INTEGER, 7.5, None),
        (INTEGER, MAX_INTEGER, float(MAX_INTEGER)),
        (INTEGER, MAX_INTEGER + 1, None),
        (INTEGER, -MAX_INTEGER - 2, None),
        (INTEGER, "7", None),
        (BOOLEAN, False, 0.0),
        (BOOLEAN, 1, 1.0),
        (BOOLEAN, 2, None),
        (BOOLEAN, "true", None),
        (TEXT, "", ""),
        (TEXT, "läuft", "läuft"),
        (TEXT, 4, "4"),
        (TEXT, True, "true"),
        (TEXT, "a\0b", None),
        (TEXT, "\ud800", None),
        (TEXT, "x" * MAX_TEXT_BYTES, "x" * MAX_TEXT_BYTES),
        (TEXT, "x" * (MAX_TEXT_BYTES + 1), None),
        (JSON, '{"a": [1, null]}', '{"a": [1, null]}'),
        (JSON, 1.5, "1.5"),
        (JSON, "{", None),
        (JSON, '"\ud800"', None),
        (JSON, "[" * 5_000 + "]" * 5_000, None),
        *((kind, None, None) for kind in TagType),
    ],
)
def test_a_value_is_kept_as_its_tags_type_has_it(kind, value, kept) -> None:
    assert fitted(kind, value) == kept
