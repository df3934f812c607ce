"""Which requests with a key were heeded, and how they were answered.

A repeat with the same key gets the same answer and changes nothing. The newest keys are
remembered, in the journal with what they changed, so that no death comes in between.
"""

from collections.abc import Mapping

import msgspec

from edge_agent.engine.journal import Journal
from edge_agent.engine.protocol import Approve, Report, Trigger

REMEMBERED = 256

_decoder = msgspec.msgpack.Decoder(Report)
_encoder = msgspec.msgpack.Encoder()


class Heeded:
    """The keys of one engine, whichever run they were for."""

    def __init__(self, journal: Journal) -> None:
        self._answers = {
            name: _decoder.decode(answer) for name, answer in journal.heeded()
        }

    def answer(self, name: str) -> Report | None:
        """How a request of this name was answered, if it was."""
        return self._answers.get(name)

    def adopt(self, more: Mapping[str, Report]) -> None:
        """The journal has these."""
        self._answers.update(more)
        for oldest in list(self._answers)[:-REMEMBERED]:
            del self._answers[oldest]


def name_of(command: object) -> str | None:
    """What a command is remembered as; nothing without a key."""
    if isinstance(command, Approve | Trigger) and command.key is not None:
        return f"{type(command).__name__.lower()} {command.key}"
    return None


def write(journal: Journal, more: Mapping[str, Report]) -> None:
    """Keep answers, within a transaction."""
    answers = {name: _encoder.encode(report) for name, report in more.items()}
    journal.add_heeded(answers, REMEMBERED)
