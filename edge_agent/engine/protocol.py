"""What the agent and a flow's engine say to each other over their Unix socket.

A frame is a 4-byte big-endian length and one MessagePack map, at most
``MAX_FRAME_BYTES`` long, whose key ``type`` names the message. Bytes that are none of
these messages raise ``GarbledFrame``; whoever reads them closes the connection.

Only declarations and the codec live here: no sockets, no state. The order and the
promises of the conversation are told in ``docs/reference/engine-protocol.md``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from heddle.contract.runs import RunReport, StopMode, WorkflowEvent

MAX_FRAME_BYTES = 1024 * 1024
SOCKET_NAME = "engine.sock"
FLOW_NAME = "flow.json"
JOURNAL_NAME = "journal.sqlite"

Value: TypeAlias = float | int | bool | str | None


class GarbledFrame(ValueError):
    """The bytes of a frame are not one of the declared messages."""


# --- commands: what a Request asks for ------------------------------------------------


class StartRun(msgspec.Struct, frozen=True, kw_only=True, tag="start"):
    """Make the run ``run`` and trigger its START listener."""

    run: str


class PauseRun(msgspec.Struct, frozen=True, kw_only=True, tag="pause"):
    """Hold the run; timers keep their exact remainder."""

    run: str


class ResumeRun(msgspec.Struct, frozen=True, kw_only=True, tag="resume"):
    """Let a paused run go on."""

    run: str


class StopRun(msgspec.Struct, frozen=True, kw_only=True, tag="stop"):
    """End the run: softly (active phases may end first) or at once."""

    run: str
    mode: StopMode = StopMode.SOFT


class Approve(msgspec.Struct, frozen=True, kw_only=True, tag="approve"):
    """Give an approval; ``listener`` may be left out if exactly one is awaited."""

    run: str
    listener: str | None = None
    by: str = ""
    comment: str = ""
    key: str | None = None  # a repeat with the same key gets the same answer


class Trigger(msgspec.Struct, frozen=True, kw_only=True, tag="trigger"):
    """Fire an active listener by hand."""

    run: str
    listener: str
    by: str = ""
    key: str | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True, tag="status"):
    """Report one run, or every run, newest first."""

    run: str | None = None


class Forget(msgspec.Struct, frozen=True, kw_only=True, tag="forget"):
    """Delete an ended run, all of whose events were acknowledged, from the journal."""

    run: str


Command: TypeAlias = (
    StartRun | PauseRun | ResumeRun | StopRun | Approve | Trigger | Status | Forget
)


# --- agent -> engine ------------------------------------------------------------------


class Request(msgspec.Struct, frozen=True, kw_only=True, tag="request"):
    """Do ``command``; answered once by a ``Reply`` or ``Refusal`` with this ``id``."""

    id: int
    command: Command


class Readings(msgspec.Struct, frozen=True, kw_only=True, tag="readings"):
    """Current values of tags that conditions reference: ``{node: (value, quality)}``.

    All of ``Welcome.nodes`` on connect, later those that changed. Any ``Readings``,
    an empty one too, vouches for the values sent before it: after
    ``Welcome.stale_after_ms`` without one the engine takes every value as bad. So
    send one at least every ``stale_after_ms / 3``. ``quality`` is
    ``heddle.contract.samples.Quality``; ``at_ms`` is the agent's clock, unix ms.
    """

    at_ms: int
    values: dict[str, tuple[Value, int]] = {}


class Executed(msgspec.Struct, frozen=True, kw_only=True, tag="executed"):
    """The outcome of the ``Execute`` with this run and number."""

    run: str
    number: int
    error: str | None = None


class Acked(msgspec.Struct, frozen=True, kw_only=True, tag="acked"):
    """Events below ``next_number`` are safe with the agent: forget them."""

    run: str
    next_number: int


ToEngine: TypeAlias = Request | Readings | Executed | Acked


# --- engine -> agent ------------------------------------------------------------------


class Welcome(msgspec.Struct, frozen=True, kw_only=True, tag="welcome"):
    """First message on a connection: whose engine this is and what it wants to know."""

    flow: str
    version: int
    engine_version: str
    nodes: tuple[str, ...]  # reporterFctIds the conditions read: send Readings of these
    inputs: tuple[str, ...]  # inputNodeIds the commands write
    stale_after_ms: int


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag="reply"):
    """A request was heeded, and what it changed is on disk.

    ``runs`` is the one run commanded; for ``Status`` those asked for; none after
    ``Forget``.
    """

    id: int
    runs: tuple[RunReport, ...] = ()


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag="refusal"):
    """A request was refused and changed nothing; ``uri`` names a declared error."""

    id: int
    uri: str
    sentence: str
    details: dict[str, Any] = {}


class Events(msgspec.Struct, frozen=True, kw_only=True, tag="events"):
    """Events of one run, in order and without gaps; repeated until ``Acked``."""

    run: str
    flow: str
    version: int
    events: tuple[WorkflowEvent, ...]


class Execute(msgspec.Struct, frozen=True, kw_only=True, tag="execute"):
    """Carry out one command of a phase; answer with ``Executed``.

    Told at least once: again on each connection until answered. Drop a repeat by
    ``(run, number)``, but answer it again. ``command`` is the author's JSON, e.g.
    ``{"id": ..., "type": "SET_TARGETS", "data": {"targets": [...]}}``.
    """

    run: str
    number: int
    phase: str
    command: dict[str, Any]


class Listening(msgspec.Struct, frozen=True):
    """The contract's ``ListenerReport``."""

    listener: str
    type: str
    phase: str | None
    due_at_ms: int | None
    remaining_ms: int | None


class Report(msgspec.Struct, frozen=True):
    """The contract's ``RunReport``."""

    run: str
    flow: str
    version: int
    status: str
    started_at_ms: int | None
    ended_at_ms: int | None
    active_phases: tuple[str, ...]
    listening: list[Listening]
    activations: Mapping[str, int]
    events: int
    active_since_ms: Sequence[int] = ()


class Answered(msgspec.Struct, frozen=True, tag="reply"):
    """A ``Reply`` as the engine makes it: equal to the byte, and in half the time."""

    id: int
    runs: Sequence[Report] = ()


ToAgent: TypeAlias = Welcome | Reply | Refusal | Events | Execute


# --- codec ----------------------------------------------------------------------------

_encoder = msgspec.msgpack.Encoder()
_to_engine: msgspec.msgpack.Decoder[ToEngine] = msgspec.msgpack.Decoder(ToEngine)
_to_agent: msgspec.msgpack.Decoder[ToAgent] = msgspec.msgpack.Decoder(ToAgent)


def encode(message: ToEngine | ToAgent | Answered) -> bytes:
    """The frame's bytes, without the length."""
    return _encoder.encode(message)


class _Told(msgspec.Struct, frozen=True, tag="events"):
    """``Events`` whose events are encoded already."""

    run: str
    flow: str
    version: int
    events: Sequence[msgspec.Raw]


def encode_events(run: str, flow: str, version: int, events: Sequence[bytes]) -> bytes:
    """An ``Events`` frame around encoded ``WorkflowEvent`` maps."""
    return _encoder.encode(_Told(run, flow, version, [msgspec.Raw(e) for e in events]))


def decode_to_engine(frame: bytes) -> ToEngine:
    """Read what an agent sent; raises ``GarbledFrame``."""
    try:
        return _to_engine.decode(frame)
    except (msgspec.MsgspecError, RecursionError, ValueError) as flaw:
        raise GarbledFrame(f"not a message to an engine: {flaw}") from flaw


class Frames:
    """Cuts a stream of bytes into frames, as they come."""

    def __init__(self) -> None:
        self._begun = b""  # of a frame not all of which has come

    def cut(self, more: bytes) -> list[bytes]:
        """The frames that are complete now; raises ``GarbledFrame`` for a long one."""
        stream = self._begun + more if self._begun else more
        frames, begin, have = [], 4, len(stream)
        while begin <= have:
            length = int.from_bytes(stream[begin - 4 : begin])
            if length > MAX_FRAME_BYTES:
                raise GarbledFrame(
                    f"a frame of {length} bytes, the most is {MAX_FRAME_BYTES}"
                )
            end = begin + length
            if end > have:
                break
            frames.append(stream[begin:end])
            begin = end + 4
        self._begun = stream[begin - 4 :]
        return frames


def decode_to_agent(frame: bytes) -> ToAgent:
    """Read what an engine sent; raises ``GarbledFrame``."""
    try:
        return _to_agent.decode(frame)
    except (msgspec.MsgspecError, RecursionError, ValueError) as flaw:
        raise GarbledFrame(f"not a message to an agent: {flaw}") from flaw
