"""Many dashboards' links that nobody measures: each reads all it hears, at once.

They speak as the page does until they have subscribed; from then on only the frames are
told apart, so that a hundred of them take little of the machine from what is measured.
"""

import json
import struct
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from typing_extensions import override

from tests.bench.pages.probe import joined, subscriptions
from tests.bench.pages.setting import Setting, play, tell

TEXT, PING, PONG = 1, 9, 10
_SHORT, _LONG = 126, 127  # lengths that say how many bytes the length has


class Reader(Protocol):
    """Reads frames and answers pings."""

    def __init__(self) -> None:
        self._rest = b""

    @override
    def dataReceived(self, data: bytes) -> None:
        data, at = self._rest + data, 0
        while (frame := _frame(data, at)) is not None:
            opcode, begin, at = frame
            if opcode == PING:
                self.send(PONG, data[begin:at])
        self._rest = data[at:]

    def send(self, opcode: int, payload: bytes) -> None:
        """A short frame, masked with zeros."""
        assert self.transport is not None
        head = bytes([0x80 | opcode, 0x80 | len(payload)])
        self.transport.write(head + bytes(4) + payload)


def _frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Opcode, begin and end of a whole frame, if it has arrived."""
    if len(data) < at + 2:
        return None
    length, begin = data[at + 1] & 0x7F, at + 2
    if length >= _SHORT:
        size, form = (2, ">H") if length == _SHORT else (8, ">Q")
        if len(data) < begin + size:
            return None
        (length,) = struct.unpack_from(form, data, begin)
        begin += size
    end = begin + length
    return (data[at] & 0x0F, begin, end) if len(data) >= end else None


async def onlookers(reactor: Any, setting: Setting) -> None:
    """Open them all and read; for ever."""
    for number in range(setting.onlookers):
        link = await joined(reactor, setting)
        reader, transport = Reader(), link.transport
        transport.protocol = reader  # nothing is on its way: nothing is subscribed yet
        reader.makeConnection(transport)
        for said in subscriptions(setting.dashboard(setting.watched + number)):
            reader.send(TEXT, json.dumps(said).encode())
    tell("ready")
    await Deferred()


if __name__ == "__main__":
    play(onlookers)
