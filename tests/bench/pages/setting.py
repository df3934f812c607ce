"""What the programs of bench ``page`` have in common: who takes part, how they tell."""

import json
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey
from twisted.internet import task
from twisted.internet.defer import Deferred

from heddle.wamp.keys import load_key

REALM = "project_default"
TAGS = ("flow", "level", "pressure", "temperature")
LEAST_DEVICES, MOST_DEVICES = 4, 10  # on one dashboard


@dataclass(frozen=True, slots=True)
class Setting:
    """The same for all programs of one run."""

    data: str  # the stack's folder
    port: int  # of the page and its WebSocket
    devices: int
    every_ms: int  # how often each publishes
    onlookers: int  # dashboards that nobody measures
    watched: int  # dashboards in a real browser

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def owner(self) -> SigningKey:
        return load_key(Path(self.data) / "keys/admin.key")

    def names(self) -> list[str]:
        """The devices."""
        return [f"bench_{number:03}" for number in range(1, self.devices + 1)]

    def dashboard(self, number: int) -> list[str]:
        """The devices that a dashboard shows; equal numbers show the same."""
        dice = random.Random(number)  # noqa: S311 -- not a secret
        most = min(MOST_DEVICES, self.devices)
        return dice.sample(self.names(), dice.randint(min(LEAST_DEVICES, most), most))

    def argument(self) -> str:
        """As a program is told it."""
        return json.dumps(asdict(self))


def dashboard_id(number: int) -> str:
    """What a dashboard in a real browser is called."""
    return f"bench_{number}"


def tell(what: str, **more: object) -> None:
    """A line for who started the program."""
    print(json.dumps({"what": what, **more}), flush=True)


def play(work: Callable[[Any, Setting], Awaitable[None]]) -> None:
    """Do ``work`` with the setting of the command line; it ends by being killed."""
    setting = Setting(**json.loads(sys.argv[1]))
    task.react(lambda reactor: Deferred.fromCoroutine(work(reactor, setting)))  # type: ignore[arg-type]
