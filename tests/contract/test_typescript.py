"""The page's TypeScript copy of the contract is the contract."""

from pathlib import Path

import pytest

from heddle.contract.declare import message
from heddle.contract.typescript import _interface, typescript

COPY = Path(__file__).parents[2] / "services/web/src/contract.ts"


def test_the_copy_is_current() -> None:
    assert COPY.read_text() == typescript(), (
        "renew it: python -m heddle.contract.typescript > services/web/src/contract.ts"
    )


def test_only_what_people_may_use_is_told() -> None:
    text = typescript()
    assert "heddle.backend.session.open" in text
    assert "heddle.device.{device}.telemetry" in text
    assert "heddle.fleetdata.ingest" not in text
    assert "heddle.gatekeeper" not in text


@message
class _Parcel:
    """A parcel."""

    weight_kg: float
    labels: tuple[str | None, ...] = ()


def test_a_request_may_leave_out_what_has_a_default_and_an_answer_has_it_all() -> None:
    assert "readonly labels?: readonly (string | null)[];" in _interface(_Parcel, False)
    assert "readonly labels: readonly (string | null)[];" in _interface(_Parcel, True)


@message
class _Blob:
    """A type that JSON cannot carry."""

    content: frozenset[int]


def test_what_json_cannot_carry_is_refused() -> None:
    with pytest.raises(TypeError, match="frozenset"):
        _interface(_Blob, True)
