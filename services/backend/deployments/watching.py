"""The devices of one deployment that are watched, and what comes of it.

Alarms of all of them are looked at every few seconds; each device is asked once, at the
end of its watch, and so are its tags if there is a check. What cannot be known yet, for
a device or a service does not answer, is asked again: the machine's timeout ends that.
"""

from collections.abc import Callable

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from heddle.contract.declare import FleetError
from heddle.contract.device_deployments import DeploymentUnknown
from heddle.rollout.effects import Await
from heddle.rollout.inputs import Failed, Healthy, Report
from heddle.wamp.session import Session
from heddle.wamp.spawn import spawn
from services.backend.deployments.health import (
    Watched,
    alarmed,
    check_flaw,
    critical_alarms,
    flaw_of,
)
from services.backend.deployments.sending import Answer

log = Logger()

ALARMS_EVERY_MS = 5_000
AGAIN_MS = 2_000
CHECKS_AT_A_TIME = 20


class Watching:
    """Tells ``verdict`` of each; ``ask`` asks a device how it stands.

    ``moved`` is told when ``due_at_ms`` has become another.
    """

    def __init__(
        self,
        clock: IReactorTime,
        session: Session,
        *,
        check: str,
        start_run: bool,
        ask: Callable[[Await], None],
        verdict: Callable[[Report], None],
        moved: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._session = session
        self._check = check
        self._start_run = start_run
        self._ask = ask
        self._verdict = verdict
        self._moved = moved
        self._watched: dict[str, Watched] = {}
        self._ask_at_ms: dict[str, int] = {}  # who is not being asked
        self._alarms_at_ms = 0
        self._looking = False
        self._without_alarms = False
        self._room = DeferredSemaphore(CHECKS_AT_A_TIME)

    def watch(self, watched: Watched) -> None:
        """Watch a device from now on."""
        if self._watched.get(watched.device) != watched:
            self._watched[watched.device] = watched
            self._ask_at_ms[watched.device] = watched.until_ms

    def forget(self, device: str) -> None:
        """Watch it no longer."""
        self._watched.pop(device, None)
        self._ask_at_ms.pop(device, None)

    def due_at_ms(self) -> int | None:
        """When ``look`` matters."""
        if not self._watched or self._looking:
            return None
        return min((self._alarms_at_ms, *self._ask_at_ms.values()))

    def look(self, at_ms: int) -> None:
        """Do what is due."""
        due = self.due_at_ms()
        if due is not None and due <= at_ms:
            self._looking = True
            spawn(self._look(at_ms), "watching devices")

    def heard(self, device: str, answer: Answer, at_ms: int) -> bool:
        """Take an answer of a device that was asked; False if it was not for us."""
        if device not in self._watched or device in self._ask_at_ms:
            return False
        if isinstance(answer, DeploymentUnknown):
            self._judge(device, "it has forgotten the deployment", at_ms)
        elif isinstance(answer, FleetError):
            self._ask_at_ms[device] = at_ms + AGAIN_MS
            self._moved()
        elif (flaw := flaw_of(answer, start_run=self._start_run)) or not self._check:
            self._judge(device, flaw, at_ms)
        else:
            spawn(self._check_tags(device), "checking {device}", device=device)
        return True

    async def _look(self, at_ms: int) -> None:
        try:
            flawed = await self._alarmed()
        finally:
            self._looking = False
            self._alarms_at_ms = at_ms + ALARMS_EVERY_MS
        for device, why in flawed.items():
            self._judge(device, why, self._now_ms())
        ended = [x for x, until_ms in self._ask_at_ms.items() if until_ms <= at_ms]
        for device in ended:
            del self._ask_at_ms[device]
            self._ask(Await(device))
        self._moved()

    async def _alarmed(self) -> dict[str, str]:
        try:
            alarms = await critical_alarms(self._session)
        except FleetError as error:
            if not self._without_alarms:
                log.warn("devices are watched without alarms: {why}", why=str(error))
            self._without_alarms = True
            return {}
        self._without_alarms = False
        return alarmed(self._watched.values(), alarms)

    async def _check_tags(self, device: str) -> None:
        async with self._room:
            try:
                flaw = await check_flaw(self._session, device, self._check)
            except FleetError as error:
                log.debug("no values of {device}: {why}", device=device, why=str(error))
            else:
                self._judge(device, flaw, self._now_ms())
                return
        if device in self._watched:
            self._ask_at_ms[device] = self._now_ms() + AGAIN_MS
            self._moved()

    def _judge(self, device: str, flaw: str | None, at_ms: int) -> None:
        if device not in self._watched:
            return
        self.forget(device)
        healthy = Healthy(at_ms, device)
        self._verdict(healthy if flaw is None else Failed(at_ms, device, flaw))

    def _now_ms(self) -> int:
        return int(self._clock.seconds() * 1000)
