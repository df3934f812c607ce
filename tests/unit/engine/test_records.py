"""How events and messages become bytes."""

from contextlib import suppress
from uuid import uuid5

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from edge_agent.engine import protocol
from edge_agent.engine.protocol import (
    MAX_FRAME_BYTES,
    Answered,
    Frames,
    GarbledFrame,
    Listening,
    Refusal,
    Reply,
    Report,
    Request,
    StopRun,
    decode_to_agent,
    decode_to_engine,
    encode,
    encode_events,
)
from edge_agent.engine.records import NAMESPACE, encode_event, event_id
from heddle.contract.runs import ListenerReport, RunReport, RunStatus, WorkflowEvent
from heddle.workflow.effects import EventType, Tell


@given(some.text("abcz019_", min_size=1, max_size=64), some.integers(0, 2**40))
def test_an_events_id_is_the_uuid_of_run_and_number(run: str, number: int) -> None:
    assert event_id(run, number) == str(uuid5(NAMESPACE, f"{run}/{number}"))


def test_events_arrive_as_they_were_told() -> None:
    tell = Tell(3, 1000, EventType.PHASE_STARTED, {"phaseId": "p"})
    frame = encode_events("r1", "f", 2, [encode_event("r1", tell, 500)])
    told = decode_to_agent(frame)
    event = WorkflowEvent(
        id=event_id("r1", 3),
        type="PHASE_STARTED",
        createdAt=1500,
        number=3,
        data={"phaseId": "p"},
    )
    assert told == protocol.Events(run="r1", flow="f", version=2, events=(event,))


def test_messages_survive_the_wire() -> None:
    request = Request(id=7, command=StopRun(run="r1"))
    assert decode_to_engine(encode(request)) == request
    reports = (RunReport(run="r", flow="f", version=1, status=RunStatus.PAUSED),)
    for answer in (Reply(id=7, runs=reports), Refusal(id=7, uri="u", sentence="s")):
        assert decode_to_agent(encode(answer)) == answer


def test_the_engines_own_reports_are_the_contracts_to_the_byte() -> None:
    listening = Listening("t", "TIMER", "p", 7, None)
    activations = {"g": 2}
    mine = Report("r", "f", 1, "running", 5, None, ("p",), [listening], activations, 9)
    theirs = RunReport(
        run="r",
        flow="f",
        version=1,
        status=RunStatus.RUNNING,
        started_at_ms=5,
        active_phases=("p",),
        listening=(ListenerReport(listener="t", type="TIMER", phase="p", due_at_ms=7),),
        activations=activations,
        events=9,
    )
    assert encode(Answered(3, (mine,))) == encode(Reply(id=3, runs=(theirs,)))


@given(some.lists(some.binary(max_size=40)), some.lists(some.integers(1, 30)))
def test_frames_are_cut_wherever_the_stream_is_torn(
    wanted: list[bytes], sizes: list[int]
) -> None:
    stream = b"".join(len(one).to_bytes(4, "big") + one for one in wanted)
    frames, found = Frames(), []
    for size in (*sizes, len(stream)):
        found += frames.cut(stream[:size])
        stream = stream[size:]
    assert found == wanted


def test_a_frame_that_is_too_long_is_garbled_before_it_has_come() -> None:
    with pytest.raises(GarbledFrame, match="1048577 bytes"):
        Frames().cut((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"\x80",
        b"\x91" * 100_000,
        msgspec.msgpack.encode({"type": "request", "id": "x", "command": {}}),
        msgspec.msgpack.encode({"type": "request", "id": 1, "command": {"type": "?"}}),
        msgspec.msgpack.encode({"type": "readings", "at_ms": 0, "values": {"a": 1}}),
        msgspec.msgpack.encode({"type": "acked", "run": b"\xff", "next_number": 0}),
    ],
)
def test_what_is_no_message_is_garbled(frame: bytes) -> None:
    with pytest.raises(GarbledFrame):
        decode_to_engine(frame)


@given(some.binary(max_size=200))
def test_no_bytes_raise_anything_else(frame: bytes) -> None:
    for decode in (decode_to_engine, decode_to_agent):
        with suppress(GarbledFrame):
            decode(frame)


_leaves = some.none() | some.booleans() | some.integers(-(2**63), 2**64 - 1)
_anything = some.recursive(
    _leaves | some.floats() | some.text(max_size=8) | some.binary(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(
            some.sampled_from(["type", "id", "command", "run", "values", "at_ms"]),
            inner | some.sampled_from(["request", "start", "readings", "acked"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(_anything)
def test_no_message_like_thing_raises_anything_else(thing: object) -> None:
    with suppress(GarbledFrame):
        decode_to_engine(msgspec.msgpack.encode(thing))
