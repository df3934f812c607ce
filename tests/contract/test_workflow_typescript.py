"""The designer's copy of the language's rules is the language's."""

from pathlib import Path

from heddle.workflow.typescript import typescript

COPY = Path(__file__).parents[2] / "services/web/src/design/rules.ts"


def test_the_copy_is_current() -> None:
    assert COPY.read_text() == typescript(), (
        "renew it: "
        "python -m heddle.workflow.typescript > services/web/src/design/rules.ts"
    )


def test_listeners_lead_once_and_phases_nowhere() -> None:
    text = typescript()
    assert '"PHASE": [],' in text
    assert '"EVENT_DISPATCHER": [],' in text
    assert 'LEAD_ONCE = ["EVENT_LISTENER"]' in text
    assert "MAY_LEAD_TO_ITSELF = false" in text
