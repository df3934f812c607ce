"""One dashboard's link without a page: how long a sample takes to a bare subscriber.

It tells every second what it heard, in milliseconds since each was published.
"""

import time
from typing import Any

from twisted.internet.task import LoopingCall

from heddle.contract.samples import TELEMETRY
from tests.bench.pages.setting import REALM, Setting, play, tell
from tests.support.rawwamp import EVENT, SUBSCRIBE, RawWeb

TELL_EVERY_S = 1.0


async def probe(reactor: Any, setting: Setting) -> None:
    """Hear what the first watched dashboard shows; for ever, over as many links."""
    heard: list[float] = []

    def say() -> None:
        tell("heard", ms=heard)
        heard.clear()

    LoopingCall(say).start(TELL_EVERY_S, now=False)
    while True:
        link = await joined(reactor, setting)
        for said in subscriptions(setting.dashboard(0)):
            link.say(*said)
        tell("ready")
        while message := await link.next():
            if message[0] == EVENT:
                heard.append(round(time.time() * 1000 - message[-1][0]["at_ms"], 1))
        tell("lost")  # and joins again, as a page would


async def joined(reactor: Any, setting: Setting) -> RawWeb:
    """A link as the page's: JSON over a WebSocket."""
    link = await RawWeb.connect(reactor, setting.port)
    await link.join(REALM, setting.owner)
    return link


def subscriptions(devices: list[str]) -> list[list[object]]:
    """What the link says to hear these devices."""
    return [
        [SUBSCRIBE, number, {}, TELEMETRY.at(device=device)]
        for number, device in enumerate(devices, 1)
    ]


if __name__ == "__main__":
    play(probe)
