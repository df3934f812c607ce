"""Delivers what is left in a device's outbox, and ends: ``drain FOLDER URL``.

The agent's own outbox, delivery and uplink, without a driver: nothing new is produced.
"""

import sys
from pathlib import Path

import msgspec
from twisted.internet import task
from twisted.internet.defer import Deferred

from edge_agent.budget import Budget
from edge_agent.delivery import Delivery
from edge_agent.outbox import Outbox
from heddle.contract.devices import Enrolled
from heddle.contract.samples import Stream
from heddle.wamp.joining import KeyCredentials, Uplink
from heddle.wamp.keys import load_key
from heddle.wamp.session import Session

WITHIN_S = 300.0


async def drain(reactor, folder: Path, url: str) -> None:
    """Until nothing waits."""
    enrolled = msgspec.json.decode(
        (folder / "enrolled.json").read_bytes(), type=Enrolled
    )
    outbox = Outbox(reactor, folder / "outbox.sqlite", Budget(1 << 30))
    await outbox.open()
    deliveries = [Delivery(reactor, outbox, stream) for stream in Stream]

    async def joined(session: Session) -> None:
        for delivery in deliveries:
            delivery.start(session)

    def left(_why: str) -> None:
        for delivery in deliveries:
            delivery.stop()

    key = KeyCredentials(load_key(folder / "device.key"))
    uplink = Uplink(reactor, url, enrolled.realm, key, on_join=joined, on_leave=left)
    uplink.start()
    deadline = reactor.seconds() + WITHIN_S
    while any((waiting := await outbox.waiting()).values()):
        if reactor.seconds() > deadline:
            raise SystemExit(f"not drained in {WITHIN_S:g} s: {waiting}")
        await task.deferLater(reactor, 0.1)
    left("")
    await uplink.stop()
    await outbox.close()


if __name__ == "__main__":
    task.react(
        lambda reactor: Deferred.fromCoroutine(
            drain(reactor, Path(sys.argv[1]), sys.argv[2])
        )
    )
