"""Commands to many devices at once: each is told, each answer comes back, in time.

Devices that are offline are told apart at once; whoever has not answered when the time
is over is told as timed out, and may still do it. What is commanded is written down
before anybody is told, what became of it afterwards.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import msgspec
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from typing_extensions import override

from heddle.contract.declare import (
    FleetError,
    InvalidRequest,
    Procedure,
    StorageUnavailable,
    check_id,
)
from heddle.contract.fleet import (
    COMMAND_FLEET,
    FleetCommand,
    FleetOutcome,
    FleetResult,
    FleetResults,
    FleetVerb,
)
from heddle.contract.runs import (
    APPROVE_RUN,
    PAUSE_RUN,
    RESUME_RUN,
    RUN_STATUS,
    START_RUN,
    STOP_RUN,
    ApproveRun,
    RunAlreadyActive,
    RunExists,
    RunQuery,
    RunRef,
    RunReport,
    StartRun,
    StopRun,
)
from heddle.wamp.session import Caller, CallTimedOut, ConnectionLost, NotServed, Session
from services.backend import audit
from services.backend.fleet.presence import Online
from services.backend.fleet.repeats import Elsewhere, Mine, claim, keep, run_id
from services.backend.fleet.targets import resolve
from services.backend.pages import PAGE_BYTES
from services.backend.realm import Part, Serve
from services.backend.store.database import Connection, Database
from services.backend.store.fleet_commands import Name
from services.backend.text import check_name

log = Logger()

LONGEST_MS = 300_000
LOOK_AGAIN_S = 0.2
SLICE = 50  # calls sent before others have their turn
MOST_TOLD = 50  # devices that did not do it, in the audit trail


@dataclass(frozen=True, slots=True)
class Order:
    """A command on its way: to whom, from whom, until when."""

    request: FleetCommand
    caller: Caller
    devices: tuple[str, ...]
    until_s: float  # by our clock
    mine: Mine | None = None  # if it may be repeated

    def run(self, device: str) -> str | None:
        """The id of the run to start; None: the device makes one."""
        return None if self.mine is None else run_id(self.mine, device)


class FleetCommands(Part):
    """Serves commands to the fleet of one project."""

    def __init__(
        self, clock: IReactorTime, database: Database, project: str, online: Online
    ) -> None:
        self._clock = clock
        self._database = database
        self._project = project
        self._online = online
        self._session: Session | None = None

    @override
    async def settle(self, session: Session, serve: Serve) -> None:
        """Serve what is ours, and speak to devices by this session."""
        self._session = session
        await serve(COMMAND_FLEET, self.command)

    @override
    def left(self) -> None:
        """There is no session to speak by."""
        self._session = None

    async def command(self, request: FleetCommand, caller: Caller) -> FleetResults:
        """Serve COMMAND_FLEET."""
        check(request)
        while True:
            begun = await self._database(begin, self._project, request, caller)
            match begun:
                case FleetResults():
                    return begun
                case Elsewhere():
                    await deferLater(self._clock, LOOK_AGAIN_S)
                case Begun(devices=devices, mine=mine):
                    until_s = self._clock.seconds() + request.within_ms / 1000
                    order = Order(request, caller, devices, until_s, mine)
                    return await self._carried_out(order)

    async def _carried_out(self, order: Order) -> FleetResults:
        results = fitting(tallied(await self._told(order)))
        try:
            await self._database(end, self._project, order, results)
        except StorageUnavailable:  # the devices have done it: say so
            log.warn("the answer to a fleet command could not be written down")
        return results

    async def _told(self, order: Order) -> list[FleetResult]:
        """Tell all at once, in slices so that others have their turn."""
        session = self._session
        if session is None:
            raise ConnectionLost("the backend has lost its link to the router")
        waiting = []
        for number, device in enumerate(order.devices):
            if number % SLICE == SLICE - 1:
                await deferLater(self._clock, 0)
            one = self._one(session, order, device)
            waiting.append(Deferred.fromCoroutine(one))
        results = await gatherResults(waiting)
        if any(one.error == ConnectionLost.uri for one in results):
            # Nobody hears this answer; whoever asks again has it carried out anew.
            raise ConnectionLost("the backend has lost its link to the router")
        return results

    async def _one(self, session: Session, order: Order, device: str) -> FleetResult:
        if not self._online.has(device):
            return _not_done(device, FleetOutcome.OFFLINE, "it is offline")
        try:
            report = await self._tell(session, order, device)
        except CallTimedOut:
            within = f"{order.request.within_ms / 1000:g} s"
            return _not_done(
                device,
                FleetOutcome.TIMED_OUT,
                f"no answer within {within}; it may still do it",
            )
        except NotServed:
            return _not_done(
                device, FleetOutcome.OFFLINE, "it is not there, or left meanwhile"
            )
        except FleetError as error:
            return _not_done(device, FleetOutcome.REFUSED, str(error), error.uri)
        return FleetResult(device=device, outcome=FleetOutcome.DONE, run=brief(report))

    async def _tell(self, session: Session, order: Order, device: str) -> RunReport:
        """Have one device do it."""
        procedure, message = _message(order, device)
        try:
            return await session.call(
                procedure, message, timeout_s=self._left_s(order), device=device
            )
        except (RunExists, RunAlreadyActive) as error:
            run = order.run(device)
            if run is None or error.details.get("run", run) != run:
                raise
        # Started at an earlier attempt: tell how it stands.
        asked, within_s = RunQuery(run=run), self._left_s(order)
        known = await session.call(RUN_STATUS, asked, timeout_s=within_s, device=device)
        return known.runs[0]

    def _left_s(self, order: Order) -> float:
        return max(0.0, order.until_s - self._clock.seconds())


def _message(order: Order, device: str) -> tuple[Procedure[Any, RunReport], Any]:
    request, flow = order.request, order.request.flow
    match request.verb:
        case FleetVerb.START:
            return START_RUN, StartRun(flow=flow, run=order.run(device))
        case FleetVerb.PAUSE:
            return PAUSE_RUN, RunRef(flow=flow)
        case FleetVerb.RESUME:
            return RESUME_RUN, RunRef(flow=flow)
        case FleetVerb.STOP:
            return STOP_RUN, StopRun(flow=flow, mode=request.mode)
        case FleetVerb.APPROVE:
            return APPROVE_RUN, ApproveRun(
                flow=flow,
                listener=request.listener,
                comment=request.comment,
                key=request.key and f"{order.caller.authid} {request.key}",
                by=order.caller.authid,
            )


@dataclass(frozen=True, slots=True)
class Begun:
    """A command that is ours to carry out, and to whom it is."""

    devices: tuple[str, ...]
    mine: Mine | None


def begin(
    connection: Connection, project: str, request: FleetCommand, caller: Caller
) -> Begun | Elsewhere | FleetResults:
    """Take a command on, unless it was given before; find out who is meant."""
    mine = None
    if request.key is not None:
        claimed = claim(connection, Name(project, caller.authid, request.key), request)
        if not isinstance(claimed, Mine):
            return claimed
        mine = claimed
    devices = tuple(one.device for one in resolve(connection, project, request.targets))
    told = {"targets": _asked(request), "devices": len(devices)}
    entry = audit.by(caller, f"fleet.{request.verb.value}", request.flow, **told)
    audit.record(connection, project, entry)
    return Begun(devices, mine)


def end(
    connection: Connection, project: str, order: Order, results: FleetResults
) -> None:
    """Write down what became of a command, for its repeats and for the trail."""
    if order.mine is not None:
        keep(connection, order.mine, results)
    failed = [one for one in results.results if one.outcome is not FleetOutcome.DONE]
    details = {
        "counts": results.counts,
        "not_done": {one.device: one.outcome.value for one in failed[:MOST_TOLD]},
    }
    action = f"fleet.{order.request.verb.value}.answered"
    entry = audit.by(order.caller, action, order.request.flow, **details)
    audit.record(connection, project, entry)


def check(request: FleetCommand) -> None:
    """Raises ``InvalidRequest`` and ``InvalidId``."""
    check_id("flow", request.flow)
    check_name("comment", request.comment)
    if request.key is not None and not request.key:
        raise InvalidRequest("key is empty: give a word of your own, or none")
    check_name("key", request.key or "")
    if not 1 <= request.within_ms <= LONGEST_MS:
        raise InvalidRequest(
            f"within_ms is {request.within_ms}: give devices 1 to {LONGEST_MS} ms"
        )


def brief(report: RunReport) -> RunReport:
    """A run without its listeners: a reply holds a thousand of them."""
    return replace(report, listening=(), activations={}, active_since_ms=())


def tallied(results: Sequence[FleetResult]) -> FleetResults:
    """The results with their counts, also those that are 0."""
    counts = Counter(one.outcome for one in results)
    return FleetResults(
        results=tuple(results),
        counts={outcome.value: counts[outcome] for outcome in FleetOutcome},
    )


def fitting(results: FleetResults) -> FleetResults:
    """As much of the results as one message carries; the counts are always whole.

    What is left out, in this order: runs, details, devices that did it, and then
    whoever does not fit.
    """
    told = every = results.results
    for leaner in _LEANER:
        told = leaner(every)
        if len(msgspec.json.encode(told)) <= PAGE_BYTES:
            return replace(results, results=told)
    most = len(told) * PAGE_BYTES // len(msgspec.json.encode(told))
    return replace(results, results=told[: most - 1])


_Results: TypeAlias = tuple[FleetResult, ...]
_LEANER: tuple[Callable[[_Results], _Results], ...] = (
    lambda told: told,
    lambda told: tuple(replace(one, run=None) for one in told),
    lambda told: tuple(replace(one, run=None, detail="") for one in told),
    lambda told: tuple(
        replace(one, detail="") for one in told if one.outcome is not FleetOutcome.DONE
    ),
)


def _asked(request: FleetCommand) -> dict[str, Any]:
    """The targets as they were asked for."""
    named = list(request.targets.devices)
    return {
        "labels": request.targets.labels,
        "all": request.targets.all,
        "named": named[:MOST_TOLD],
    }


def _not_done(
    device: str, outcome: FleetOutcome, detail: str, error: str | None = None
) -> FleetResult:
    return FleetResult(device=device, outcome=outcome, detail=detail, error=error)
