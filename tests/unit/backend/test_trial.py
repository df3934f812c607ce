"""Trials: verdicts with ways that lead to a flaw, simulations, and what they refuse."""

import io
import struct

import msgspec
import pytest

from heddle.contract.declare import InvalidRequest
from heddle.contract.flows import FlowInvalid
from heddle.contract.trials import (
    CheckFlow,
    FlowVerdict,
    Gravity,
    ScriptInvalid,
    SimulateFlow,
    Simulation,
    SimulationEnd,
)
from services.backend.flows.trial import MOST_SCRIPTED, checked, simulated
from services.backend.flows.trial_process import CHECK, SIMULATE, serve
from tests.unit.workflow.drawing import (
    Json,
    approval,
    document,
    end,
    flows,
    phase,
    start,
    timer,
)

WAIT: Json = {"name": "wait", "type": "integer", "value": "10000"}
SOUND: Json = {
    **document(
        *(start(), phase("heat", ("heater", 37)), end()),
        timer("late", "heat", ms="${wait}"),  # type: ignore[arg-type]
        flows("start > heat", "late > end"),
    ),
    "variables": [WAIT],
}
UNSOUND = document(
    *(start(), phase("p"), approval("a", "p"), phase("q"), approval("b", "p"), end()),
    flows("start > p", "a > q", "b > end"),
)


def test_a_sound_workflow_is_valid_and_says_what_was_proved() -> None:
    verdict = checked(CheckFlow(definition=SOUND))
    assert verdict.valid
    assert verdict.findings == ()
    assert len(verdict.proved) == 3


def test_a_flaw_that_a_walk_found_has_the_way_that_leads_there() -> None:
    verdict = checked(CheckFlow(definition=UNSOUND))
    (found,) = verdict.findings
    assert (found.rule, found.element, found.gravity) == (
        "DEAD_END",
        "q",
        Gravity.ERROR,
    )
    assert [step.words for step in found.steps] == [
        "The run starts",
        "Approval a is given",
    ]
    assert found.steps[-1].phases == ("q",)
    assert (verdict.valid, verdict.proved) == (False, ())


def test_doubts_do_not_make_it_invalid() -> None:
    idle = {"name": "idle", "type": "text", "value": "x"}
    verdict = checked(CheckFlow(definition={**SOUND, "variables": [WAIT, idle]}))
    assert verdict.valid
    assert [(x.rule, x.gravity) for x in verdict.findings] == [
        ("UNUSED_VARIABLE", Gravity.WARNING)
    ]


@pytest.mark.parametrize(
    "junk", [{}, {"elements": 7}, {"variables": 1}, SOUND | {"x": 1}]
)
def test_whatever_it_is_there_is_a_verdict(junk: Json) -> None:
    assert not checked(CheckFlow(definition=junk)).valid


def test_a_simulation_uses_the_variables_it_is_given() -> None:
    found = simulated(SimulateFlow(definition=SOUND, variables={"wait": 2_000}))
    assert (found.end, found.lasted_ms) == (SimulationEnd.ENDED, 2_000)
    assert found.values == {"heater": 37}
    assert found.words == "the run is finished after 2 s"


def test_a_simulation_says_what_is_awaited() -> None:
    found = simulated(SimulateFlow(definition=SOUND, until_ms=4_000))
    assert found.end is SimulationEnd.UNTIL
    (awaited,) = found.awaited
    assert (awaited.element, awaited.due_at_ms) == ("late", 10_000)
    waiting = simulated(SimulateFlow(definition=UNSOUND))
    assert waiting.end is SimulationEnd.WAITING
    assert "approval a or approval b" in waiting.words
    cut = simulated(SimulateFlow(definition=SOUND, most=1))
    assert (cut.end, len(cut.events)) == (SimulationEnd.EVENTS, 1)


def test_what_cannot_be_simulated_is_refused_with_the_reasons() -> None:
    with pytest.raises(FlowInvalid) as invalid:
        simulated(SimulateFlow(definition=SOUND, variables={"other": 1}))
    assert invalid.value.details["findings"]
    with pytest.raises(ScriptInvalid, match="there is no listener 'x'"):
        simulated(SimulateFlow(definition=SOUND, script=({"at_s": 1, "trigger": "x"},)))
    steps = ({"at_s": 1, "pause": True},) * (MOST_SCRIPTED + 1)
    for asked in ({"most": 0}, {"until_ms": -1}, {"script": steps}):
        with pytest.raises(InvalidRequest):
            simulated(SimulateFlow(definition=SOUND, **asked))  # type: ignore[arg-type]


def test_a_process_answers_one_question_after_the_other() -> None:
    requests = [
        (CHECK, CheckFlow(definition=UNSOUND)),
        (SIMULATE, SimulateFlow(definition=SOUND)),
        (SIMULATE, SimulateFlow(definition={})),
    ]
    asked = b"".join(framed(msgspec.msgpack.encode(one)) for one in requests)
    answers = io.BytesIO()
    serve(io.BytesIO(asked), answers)
    ready, verdict, simulation, refused = unframed(answers.getvalue())
    assert ready == b""
    told = msgspec.msgpack.decode(verdict)["reply"]
    assert msgspec.convert(told, FlowVerdict).findings[0].element == "q"
    told = msgspec.msgpack.decode(simulation)["reply"]
    assert msgspec.convert(told, Simulation).end is SimulationEnd.ENDED
    assert msgspec.msgpack.decode(refused)["error"] == FlowInvalid.uri


def framed(question: bytes) -> bytes:
    return struct.pack(">I", len(question)) + question


def unframed(said: bytes) -> list[bytes]:
    parts = []
    while said:
        (length,) = struct.unpack_from(">I", said)
        parts.append(said[4 : 4 + length])
        said = said[4 + length :]
    return parts
