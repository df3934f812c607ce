"""Server-sent events: what happens in a deployment, and in the runs of a device.

A stream has a WAMP session of its own, opened by its reader's ticket, and ends with it.
A deployment's stream is its history, from where the reader left off, and then what
comes; between two looks only the newest state is told. A device's stream is live only:
what a slow reader misses is counted.
"""

import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from heddle.contract.declare import message
from heddle.contract.deployments import (
    DEPLOYMENT_HISTORY,
    DEPLOYMENT_MOVED,
    GET_DEPLOYMENT,
    DeploymentMoved,
    DeploymentReport,
    DeploymentStatus,
    GetDeployment,
    GetHistory,
)
from heddle.contract.devices import GET_DEVICE, GetDevice
from heddle.contract.runs import RUN_EVENT, RunEvents
from heddle.wamp.session import Session
from services.gateway.deployment_shapes import deployment, history
from services.gateway.outlet import Outlet
from services.gateway.problems import Malformed, TooBusy, TooManyRequests

ENTRIES_AT_ONCE = 200
_NUMBER = re.compile(r"[0-9]{1,9}")
MOST_WAITING = 1000  # of a device's events
_ENDED = frozenset(
    {
        DeploymentStatus.COMPLETED,
        DeploymentStatus.FAILED,
        DeploymentStatus.ROLLED_BACK,
        DeploymentStatus.CANCELLED,
    }
)

Stream = Callable[[Outlet], Awaitable[None]]


@message
class Lost:
    """So many events were not told: the reader is too slow."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRoute:
    """A stream that can be asked for."""

    path: str
    name: str
    tag: str
    summary: str
    note: str
    open: Callable[[Session, Mapping[str, str], str], Awaitable[Stream]]


class Places:
    """How many streams there are, and of whom."""

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._of: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """Streams open now."""
        return self._of.total()

    @contextmanager
    def taken(self, who: str) -> Iterator[None]:
        """A place, for as long as the stream lasts."""
        if self.count >= self._most:
            raise TooBusy(f"all {self._most} streams are in use: try again later")
        if self._of[who] >= self._each:
            raise TooManyRequests(
                f"{self._each} streams are open with this credential: close one",
                retry_in_s=5,
            )
        self._of[who] += 1
        try:
            yield
        finally:
            self._of[who] -= 1
            if not self._of[who]:
                del self._of[who]


async def deployment_events(
    session: Session, ids: Mapping[str, str], last_id: str
) -> Stream:
    """What happens in a deployment. Raises ``DeploymentNotFound``, ``Malformed``."""
    name = ids["deployment"]
    if last_id and not _NUMBER.fullmatch(last_id):
        raise Malformed("Last-Event-ID is none that this stream gave")
    report = await _report(session, name)
    return _DeploymentStream(session, report, int(last_id) if last_id else -1).run


async def _report(session: Session, name: str) -> DeploymentReport:
    found = await session.call(GET_DEPLOYMENT, GetDeployment(deployment=name, most=1))
    return found.report


class _DeploymentStream:
    """One reader of one deployment."""

    def __init__(self, session: Session, report: DeploymentReport, last: int) -> None:
        self._session = session
        self._report = report
        self._last = last
        self._moved: DeploymentMoved | None = None

    async def run(self, out: Outlet) -> None:
        """Tell until it has ended, or nobody reads any more."""

        def heard(moved: DeploymentMoved, _ids: Mapping[str, str]) -> None:
            if moved.deployment == self._report.deployment:
                self._moved = moved
                out.bell.ring()

        await self._session.hear(DEPLOYMENT_MOVED, heard)
        self._report = await _report(self._session, self._report.deployment)
        out.send("deployment", deployment(self._report))
        while not out.is_over:
            if not await self._told_all(out):
                out.bell.ring()
            elif self._report.status in _ENDED:
                out.send("end", deployment(self._report))
                return
            await self._look(out, rung=await out.news())

    async def _told_all(self, out: Outlet) -> bool:
        """Tell a page of what happened; whether that was the last one."""
        asked = GetHistory(
            deployment=self._report.deployment, after=self._last, most=ENTRIES_AT_ONCE
        )
        page = history(await self._session.call(DEPLOYMENT_HISTORY, asked))
        for entry in page.entries:
            out.send("history", entry, str(entry.number))
            self._last = entry.number
        return not page.more

    async def _look(self, out: Outlet, *, rung: bool) -> None:
        """See how it stands; now and then also when nobody told that it moved."""
        moved, self._moved = self._moved, None
        if out.is_over or (rung and moved is None):
            return
        former, self._report = (
            self._report,
            await _report(self._session, self._report.deployment),
        )
        if self._report.revision != former.revision:
            out.send("deployment", deployment(self._report))


async def device_events(
    session: Session, ids: Mapping[str, str], _last_id: str
) -> Stream:
    """What happens in the runs of a device. Raises ``DeviceNotFound``."""
    device = ids["device"]
    await session.call(GET_DEVICE, GetDevice(device=device))
    waiting: deque[RunEvents] = deque()
    lost = 0

    async def run(out: Outlet) -> None:
        nonlocal lost

        def heard(told: RunEvents, _ids: Mapping[str, str]) -> None:
            nonlocal lost
            if len(waiting) >= MOST_WAITING:
                lost += len(waiting.popleft().events)
            waiting.append(told)
            out.bell.ring()

        await session.hear(RUN_EVENT, heard, device=device)
        while not out.is_over:
            await out.news()
            if lost:
                out.send("lost", Lost(count=lost))
                lost = 0
            while waiting:
                _tell_run(out, waiting.popleft())

    return run


def _tell_run(out: Outlet, told: RunEvents) -> None:
    number: Any = told.events[-1].number if told.events else 0
    out.send("run", told, f"{told.run}.{number}")


STREAMS: tuple[StreamRoute, ...] = (
    StreamRoute(
        path="/deployments/{deployment}/events",
        name="get_deployments_deployment_events",
        tag="Deployments",
        summary="What happens in a deployment, as server-sent events.",
        note="`history` (with an id, to go on from by Last-Event-ID), `deployment` "
        "whenever it moved, `end` when it has ended.",
        open=deployment_events,
    ),
    StreamRoute(
        path="/devices/{device}/events",
        name="get_devices_device_events",
        tag="Devices",
        summary="What happens in a device's runs from now on, as server-sent events.",
        note="`run` holds events of one run; `lost` tells how many a slow reader "
        "missed: ask for the run's events then.",
        open=device_events,
    ),
)
