"""Who works with the fleet while things go wrong: asks again until there is an answer.

Only what is safe to ask twice is asked: each run and each deployment has a name of its
own from the beginning.
"""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.task import deferLater
from typing_extensions import override

from heddle.contract.declare import FleetError, project_realm
from heddle.contract.devices import LIST_DEVICES, ListDevices
from heddle.contract.flows import INSTALL_FLOW, InstallFlow
from heddle.contract.lifecycle import SAVE_FLOW, SaveFlow
from heddle.contract.runs import (
    RUN_STATUS,
    START_RUN,
    STOP_RUN,
    RunAlreadyActive,
    RunExists,
    RunNotFound,
    RunQuery,
    RunReport,
    RunStatus,
    StartRun,
    StopMode,
    StopRun,
    WrongRunState,
)
from heddle.local.folder import ADMIN, PROJECT, Folder
from heddle.wamp.joining import KeyCredentials, Uplink
from heddle.wamp.keys import load_key
from heddle.wamp.session import Session
from tests.chaos.happened import Happened
from tests.chaos.plan import DEVICES, VIRTUAL, WORKING
from tests.soak.rollouts import Operator
from tests.support.engine import dispatcher, gateway, phase, timer, workflow
from tests.support.stack import EXAMPLE, RunningStack

T = TypeVar("T")

PATIENCE_S = 300.0
BATCH, ENDLESS = "batch", "endless"  # flows: one ends after half a minute, one never
ENDED = (RunStatus.FINISHED, RunStatus.TERMINATED)
ENDS_WITHIN_S, MOVES_WITHIN_S = 300.0, 120.0  # when nothing goes wrong any more
_ROUND_MS = 120_000  # of the device's time: it lives 60 times faster
_LOOK_S = 1.5
_STIRRED = {"stirrer_speed": 400}


class Person(Operator):
    """An owner of the project whose link comes back."""

    def __init__(self, reactor: Any, stack: RunningStack) -> None:
        super().__init__(reactor, stack)
        self.reactor = reactor
        self._uplink = Uplink(
            reactor,
            stack.router,
            project_realm(PROJECT),
            KeyCredentials(load_key(Folder(stack.data).key(ADMIN))),
            on_join=self._joined,
        )
        self._uplink.start()
        self.asked = self.answered = 0

    async def _joined(self, _session: Session) -> None:
        return None

    async def leave(self) -> None:
        """Go home."""
        await self._uplink.stop()

    async def once(self, work: Callable[[Session], Awaitable[T]]) -> T | None:
        """Ask once; None if there was no answer."""
        session = self._uplink.session
        if session is None:
            return None
        self.asked += 1
        try:
            answer = await work(session)
        except FleetError:
            return None
        self.answered += 1
        return answer

    @override
    async def ask(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Ask until there is an answer."""
        give_up_at = time.monotonic() + PATIENCE_S
        error: FleetError | None = None
        while time.monotonic() < give_up_at:
            if (session := self._uplink.session) is not None:
                try:
                    return await work(session)
                except FleetError as refusal:
                    error = refusal
            await deferLater(self.reactor, 0.5)
        raise error or FleetError("there was no link to the router")

    async def online(self) -> set[str]:
        """The devices that are online."""
        found = await self.ask(lambda s: s.call(LIST_DEVICES, ListDevices()))
        return {one.device for one in found.devices if one.online}


def endless() -> Any:
    """A phase that is left and entered again every two seconds, for ever."""
    count = {"type": "GATEWAY", "data": {"gatewayId": "g", "property": "activations"}}
    again = {"left": count, "operator": "<", "right": 1_000_000_000}
    return workflow(
        phase("p", **_STIRRED),
        timer("t", "p", _ROUND_MS),
        gateway("g", "CONDITIONAL", condition=again, trueFlowId="f2", falseFlowId="f3"),
        dispatcher("end"),
        links="start>p t>g g>p g>end",
    )


class Work:
    """Runs on every device that has flows, one after the other, and an endless one."""

    def __init__(self, person: Person, happened: Happened) -> None:
        self._person = person
        self._happened = happened
        self._goes_on = True
        self._reports: dict[tuple[str, str], RunReport] = {}
        self.started: dict[str, list[str]] = {device: [] for device in DEVICES}

    async def prepare(self) -> None:
        """Install the flows, and start the endless runs."""
        definitions = {BATCH: json.loads(EXAMPLE.read_text()), ENDLESS: endless()}
        for flow, definition in definitions.items():
            save = SaveFlow(flow=flow, definition=definition)
            saved = await self._person.ask(lambda s, r=save: s.call(SAVE_FLOW, r))  # type: ignore[misc]
            install = InstallFlow(
                flow=flow, version=saved.version, definition=saved.definition
            )
            for device in (VIRTUAL, *WORKING):
                await self._person.ask(
                    lambda s, r=install, d=device: s.call(  # type: ignore[misc]
                        INSTALL_FLOW, r, timeout_s=90.0, device=d
                    )
                )
        for device in (VIRTUAL, *WORKING):
            await self._start(device, ENDLESS, f"endless_{device}")

    async def keep_running(self, device: str) -> None:
        """One run after the other, until ``stop``; the last one ends, too."""
        number = 0
        while self._goes_on:
            run = f"batch_{device}_{number}"
            number += 1
            if await self._start(device, BATCH, run):
                await self._ended(device, run)
            else:
                await deferLater(self._person.reactor, _LOOK_S)

    def stop(self) -> None:
        """No more runs; nothing goes wrong any more."""
        self._goes_on = False

    async def end_all(self) -> None:
        """The endless runs still move; then they are stopped."""
        for device in (VIRTUAL, *WORKING):
            run = f"endless_{device}"
            await self._moves(device, run)
            stop = StopRun(run=run, mode=StopMode.HARD)

            async def stopped(session: Session, s: StopRun = stop, d: str = device):
                try:
                    await session.call(STOP_RUN, s, device=d)
                except WrongRunState:
                    return  # it was stopped, and the answer was lost

            await self._person.ask(stopped)

    async def reports(self, device: str) -> tuple[RunReport, ...]:
        """All runs that a device knows."""
        found = await self._person.ask(
            lambda s: s.call(RUN_STATUS, RunQuery(), device=device)
        )
        return found.runs

    async def _start(self, device: str, flow: str, run: str) -> bool:
        """Whether it has been started, by whichever question."""
        request = StartRun(flow=flow, run=run)

        async def started(session: Session) -> bool:
            try:
                await session.call(START_RUN, request, device=device)
            except RunExists:
                return True
            except RunAlreadyActive as refusal:
                return refusal.details.get("run") == run
            return True

        done = await self._person.ask(started)
        if done:
            self.started[device].append(run)
        return done

    async def _report(self, device: str, run: str) -> RunReport | None:
        """What is known now; None if nobody answers."""

        async def asked(session: Session) -> RunReport | None:
            try:
                found = await session.call(
                    RUN_STATUS, RunQuery(run=run), timeout_s=10.0, device=device
                )
            except RunNotFound:
                return None
            return found.runs[0]

        return await self._person.once(asked)

    async def _ended(self, device: str, run: str) -> None:
        """Wait for its end; of a quiet system it must come within its time."""
        give_up_at = None
        while True:
            report = await self._report(device, run)
            if report is not None and report.status in ENDED:
                return
            if not self._goes_on:
                give_up_at = give_up_at or time.monotonic() + ENDS_WITHIN_S
                if time.monotonic() > give_up_at:
                    self._stuck(device, run, report)
                    return
            await deferLater(self._person.reactor, _LOOK_S)

    async def _moves(self, device: str, run: str) -> None:
        """Wait until it tells two more events."""
        give_up_at = time.monotonic() + MOVES_WITHIN_S
        first: int | None = None
        report = None
        while time.monotonic() < give_up_at:
            report = await self._report(device, run)
            if report is not None:
                first = report.events if first is None else first
                if report.events > first + 1 or report.status in ENDED:
                    return
            await deferLater(self._person.reactor, _LOOK_S)
        self._stuck(device, run, report)

    def _stuck(self, device: str, run: str, report: RunReport | None) -> None:
        if report is None:
            what = "its engine does not tell how it stands"
        else:
            due = [one.due_at_ms for one in report.listening if one.due_at_ms]
            late_s = time.time() - min(due) / 1000 if due else 0.0
            what = f"it is {report.status}, and its next moment was due {late_s:.0f} s"
            what += f" ago: {report.listening}"
        self._happened.flaw(f"{run} on {device} is stuck: {what}", time.time())
