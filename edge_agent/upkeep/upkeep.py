"""The answers to ``heddle.device.{device}.log|info|restart|prune|key|retire``."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from twisted.internet.task import deferLater
from twisted.logger import Logger

from edge_agent.flows import Flows
from edge_agent.identity import Identity
from edge_agent.outbox import Outbox, OutboxFailed
from edge_agent.runs import Runs
from edge_agent.runtime.runtime import EngineFailed, Runtime
from edge_agent.serving import together
from edge_agent.upkeep.diary import Diary
from heddle.contract.declare import InvalidRequest
from heddle.contract.flows import RemoveFlow
from heddle.contract.runs import (
    EngineUnavailable,
    RunAlreadyActive,
    RunNotFound,
    StopMode,
    StopRun,
    WrongRunState,
)
from heddle.contract.upkeep import (
    DEVICE_INFO,
    MAX_LINES,
    OFFER_KEY,
    PRUNE_IMAGES,
    READ_LOG,
    RESTART_AGENT,
    RETIRE,
    ROTATE_KEY,
    AskDevice,
    DeviceInfo,
    KeyRotated,
    LogLevel,
    LogLine,
    LogLines,
    OfferKey,
    Pruned,
    PruneImages,
    ReadLog,
    RestartAgent,
    Restarting,
    Retire,
    Retired,
    RotateKey,
    UndeliveredData,
)
from heddle.wamp.keys import public_hex
from heddle.wamp.session import Caller, Session

log = Logger()

FAREWELL_S = 0.5  # so that the answer gets away first
BACKLOG_S = 60.0  # what waits longer is no mere delay
DRAIN_WITHIN_S = 10.0
LOOK_EVERY_S = 0.1


class Endings(Protocol):
    """How the agent's process may go on, as its program arranges it."""

    def restart(self) -> None:
        """End, and begin anew."""
        ...

    def retire(self) -> None:
        """End, and forget everything."""
        ...


class Upkeep:
    """Looks after one device."""

    def __init__(
        self,
        clock: Any,
        device: str,
        *,
        now_s: Callable[[], float],
        identity: Identity,
        diary: Diary,
        info: Callable[[], Awaitable[DeviceInfo]],
        flows: Flows,
        runs: Runs,
        runtime: Runtime,
        outbox: Outbox,
        images: Callable[[], Collection[str]],
        quiet: Callable[[], Awaitable[None]],
        endings: Endings | None,
    ) -> None:
        """``quiet`` ends the measuring; ``images`` are those that are needed."""
        self._clock = clock
        self._device = device
        self._now_s = now_s
        self._identity = identity
        self._diary = diary
        self._info = info
        self._flows = flows
        self._runs = runs
        self._runtime = runtime
        self._outbox = outbox
        self._images = images
        self._quiet = quiet
        self._endings = endings

    async def serve(self, session: Session) -> None:
        """Serve until the session ends."""

        async def rotate(_: RotateKey, __: Caller) -> KeyRotated:
            return await self._rotate(session)

        device = self._device
        await together(
            session.serve(READ_LOG, self._read_log, device=device),
            session.serve(DEVICE_INFO, self._tell, device=device),
            session.serve(PRUNE_IMAGES, self._prune, device=device),
            session.serve(ROTATE_KEY, rotate, device=device),
        )
        if (endings := self._endings) is not None:
            restart, retire = (
                partial(self._restart, endings),
                partial(self._retire, endings),
            )
            await together(
                session.serve(RESTART_AGENT, restart, device=device),
                session.serve(RETIRE, retire, device=device),
            )

    async def _tell(self, _: AskDevice, __: Caller) -> DeviceInfo:
        return await self._info()

    async def _read_log(self, asked: ReadLog, _: Caller) -> LogLines:
        if not 1 <= asked.tail <= MAX_LINES:
            raise InvalidRequest(
                f"tail is {asked.tail}: ask for 1 to {MAX_LINES} lines at a time"
            )
        if asked.flow is None:
            lines = self._diary.newest(asked.tail, asked.since_ms, asked.level)
            return LogLines(lines=lines, kept_since_ms=self._diary.kept_since_ms)
        flow = self._flows.get(asked.flow)
        try:
            found = await self._runtime.logs(
                asked.flow, tail=asked.tail, since_s=asked.since_ms / 1000
            )
        except EngineFailed as error:
            raise EngineUnavailable(str(error)) from None
        origin = flow.report.engine
        lines = tuple(
            LogLine(
                at_ms=int(each.at_s * 1000),
                level=LogLevel.INFO,
                origin=origin,
                text=each.text,
            )
            for each in found
        )
        return LogLines(lines=lines, kept_since_ms=0)

    async def _restart(
        self, endings: Endings, _: RestartAgent, caller: Caller
    ) -> Restarting:
        log.info("restarting, as {by} wants", by=caller.authid)
        self._clock.callLater(FAREWELL_S, endings.restart)
        return Restarting()

    async def _prune(self, _: PruneImages, caller: Caller) -> Pruned:
        try:
            freed = await self._runtime.prune(self._images())
        except EngineFailed as error:
            raise EngineUnavailable(str(error)) from None
        log.info("{by} had images pruned: {n} bytes", by=caller.authid, n=freed)
        return Pruned(freed_bytes=freed)

    async def _rotate(self, session: Session) -> KeyRotated:
        """The next key is on disk before the backend hears of it, and the present one
        goes only when it has: whatever breaks in between, one of the two opens.
        """
        key = public_hex(self._identity.next_key())
        await session.call(OFFER_KEY, OfferKey(public_key=key))
        self._identity.take_next()
        log.info("the device's key is {key} now", key=key[:16])
        return KeyRotated(public_key=key)

    async def _retire(self, endings: Endings, asked: Retire, caller: Caller) -> Retired:
        if not asked.force:
            await self._refuse_if_needed()
        log.warn("{by} takes this device out of service", by=caller.authid)
        await self._quiet()
        await self._end_flows(caller)
        await self._drained()
        self._clock.callLater(FAREWELL_S, endings.retire)
        return Retired()

    async def _refuse_if_needed(self) -> None:
        for flow in self._flows:
            if active := await flow.active_runs():
                raise RunAlreadyActive(
                    f"run {active[0]!r} of flow {flow.wanted.flow!r} is active: stop "
                    "it, or force",
                    run=active[0],
                )
        try:
            oldest_ms = await self._outbox.oldest_ms()
        except OutboxFailed as error:
            raise UndeliveredData(f"{error}: force, if that is lost anyway") from None
        waits_s = 0.0 if oldest_ms is None else self._now_s() - oldest_ms / 1000
        if waits_s > BACKLOG_S:
            raise UndeliveredData(
                f"data of the last {waits_s:.0f} s waits on {self._device} to be "
                "delivered: wait, or force, and it is lost"
            )

    async def _end_flows(self, caller: Caller) -> None:
        for flow in list(self._flows):
            for run in await flow.active_runs():
                with suppress(EngineUnavailable, RunNotFound, WrongRunState):
                    await self._runs.stop(StopRun(run=run, mode=StopMode.HARD), caller)
            await self._flows.remove(RemoveFlow(flow=flow.wanted.flow))

    async def _drained(self) -> None:
        """Until nothing waits to be delivered; not for ever."""
        give_up_at = self._clock.seconds() + DRAIN_WITHIN_S
        try:
            while sum((await self._outbox.waiting()).values()):
                if self._clock.seconds() > give_up_at:
                    log.warn("the last of the outbox is not delivered")
                    return
                await deferLater(self._clock, LOOK_EVERY_S)
        except OutboxFailed as error:
            log.warn("the outbox fails: {error}", error=str(error))
