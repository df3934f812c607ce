"""Browsers that stall: each opens a dashboard and stops reading, for as long as the
router bears it; then comes the next.
"""

import socket
from itertools import count
from typing import Any

from twisted.internet.task import deferLater

from tests.bench.pages.probe import joined, subscriptions
from tests.bench.pages.setting import Setting, play, tell

ESTABLISHED = 1  # in the first byte of TCP_INFO
LOOK_EVERY_S = 0.5


async def stalled(reactor: Any, setting: Setting) -> None:
    """One after another; for ever."""
    for number in count(setting.watched + setting.onlookers):
        link = await joined(reactor, setting)
        for said in subscriptions(setting.dashboard(number)):
            link.say(*said)
        link.transport.pauseProducing()
        began_s = reactor.seconds()
        tell("stalled")
        while _is_open(link.transport.getHandle()):
            await deferLater(reactor, LOOK_EVERY_S)
        tell("cut", after_s=round(reactor.seconds() - began_s, 1))
        link.transport.abortConnection()


def _is_open(handle: socket.socket) -> bool:
    """Who does not read is not told of the end, but may ask."""
    info = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return info[0] == ESTABLISHED


if __name__ == "__main__":
    play(stalled)
