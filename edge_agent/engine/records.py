"""How inputs, states and events of a run become bytes, for the journal and the wire."""

from hashlib import sha1
from typing import Any
from uuid import UUID

import msgspec

from heddle.workflow.effects import Execute, Tell
from heddle.workflow.inputs import Input
from heddle.workflow.run import Run

NAMESPACE = UUID("b6a7a1de-5b0c-5d8e-9a63-1f3f0b3c7a51")
_NAMESPACE = NAMESPACE.bytes
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

_encoder = msgspec.msgpack.Encoder()
_inputs: msgspec.msgpack.Decoder[Input] = msgspec.msgpack.Decoder(Input)
_runs = msgspec.msgpack.Decoder(Run)
_executes = msgspec.msgpack.Decoder(Execute)

encode_input = _encoder.encode
decode_input = _inputs.decode
encode_run = _encoder.encode
decode_run = _runs.decode
encode_execute = _encoder.encode
decode_execute = _executes.decode


def event_id(run: str, number: int) -> str:
    """The same id for the same event, however often it is made: a UUID of version 5.

    (``uuid.uuid5`` makes the same in thrice the time, and there are many events.)
    """
    name = _NAMESPACE + f"{run}/{number}".encode()
    x = sha1(name, usedforsecurity=False).hexdigest()
    return f"{x[:8]}-{x[8:12]}-5{x[13:16]}-{_VARIANT[x[16]]}{x[17:20]}-{x[20:32]}"


class _Event(msgspec.Struct, frozen=True):
    """The contract's ``WorkflowEvent`` to the byte, made and encoded faster."""

    id: str
    type: str
    createdAt: int  # noqa: N815 -- OSPIN's field name
    number: int
    data: dict[str, Any]


def encode_event(run: str, tell: Tell, skew_ms: int) -> bytes:
    """A told event as the wire's ``WorkflowEvent``."""
    number = tell.number
    return _encoder.encode(
        _Event(
            event_id(run, number), tell.type, tell.at_ms + skew_ms, number, tell.data
        )
    )
