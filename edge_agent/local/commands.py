"""What a person on the spot has flows do: start, stop, pause, resume, approve.

Runs are commanded as from the centre. Added is what the spot needs: a flow stands for
its one active run, and a hard stop is heeded even by an engine that hangs.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import uuid4

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from edge_agent.engine.protocol import Status
from edge_agent.flow import Flow
from edge_agent.flows import Flows
from edge_agent.local.answers import Approval, CommandName, FlowsCommand, StopType
from edge_agent.runs import Runs
from heddle.contract import runs as contract
from heddle.contract.declare import Role
from heddle.contract.flows import FlowState
from heddle.contract.runs import EngineUnavailable, RunReport, StopMode, WrongRunState
from heddle.wamp.session import Caller

log = Logger()

LOCAL = "local"  # who did it, where a name is asked for
ANSWER_WITHIN_S = 3.0
AGAIN_EVERY_S = 0.5
ANEW_WITHIN_S = 30.0


class Commands:
    """Has the flows of this device do something."""

    def __init__(
        self,
        clock: IReactorTime,
        flows: Flows,
        runs: Runs,
        make_anew: Callable[[str], Awaitable[None]],
    ) -> None:
        """``make_anew`` ends a flow's engine, which then comes up again by itself."""
        self._clock = clock
        self._flows = flows
        self._runs = runs
        self._make_anew = make_anew

    async def command(self, flow: str, command: FlowsCommand) -> RunReport:
        """Have one flow heed a command. Raises what the contract says of runs."""
        found = self._flows.get(flow)
        match command.command:
            case CommandName.START:
                return await self._runs.start(contract.StartRun(flow=flow), _by())
            case CommandName.PAUSE:
                run = contract.RunRef(run=await self._active(found, "pause"))
                return await self._runs.pause(run, _by())
            case CommandName.RESUME:
                run = contract.RunRef(run=await self._active(found, "resume"))
                return await self._runs.resume(run, _by())
            case CommandName.STOP:
                return await self._stop(found, command.type)

    async def approve(self, flow: str, approval: Approval) -> RunReport:
        """Give the approval that the flow's active run waits for."""
        request = contract.ApproveRun(
            run=await self._active(self._flows.get(flow), "approve"),
            listener=approval.listener,
            comment=approval.comment,
        )
        return await self._runs.approve(request, _by())

    async def _stop(self, flow: Flow, how: StopType) -> RunReport:
        if how is StopType.SOFT or flow.report.state is FlowState.STOPPED:
            return await self._end(flow, StopMode.SOFT)
        if await self._answers(flow):
            with suppress(EngineUnavailable):
                return await self._end(flow, StopMode.HARD)
        log.warn(
            "{flow}: its engine is ended, for it does not heed a stop",
            flow=flow.wanted.flow,
        )
        name = flow.wanted.flow
        ending = Deferred.fromCoroutine(self._ended(name))
        try:
            await ending.addTimeout(ANEW_WITHIN_S, self._clock)
        except defer.TimeoutError:
            raise EngineUnavailable(
                f"the engine of flow {name!r} does not heed a stop, and could not be "
                f"ended in {ANEW_WITHIN_S:g} s"
            ) from None
        return await self._end_once_up(flow)

    async def _answers(self, flow: Flow) -> bool:
        try:
            known = await flow.ask(Status()).addTimeout(ANSWER_WITHIN_S, self._clock)
        except (EngineUnavailable, defer.TimeoutError):
            return False
        flow.note(known)
        return True

    async def _ended(self, flow: str) -> None:
        await self._make_anew(flow)

    async def _end_once_up(self, flow: Flow) -> RunReport:
        give_up_at_s = self._clock.seconds() + ANEW_WITHIN_S
        while True:
            await deferLater(self._clock, AGAIN_EVERY_S)
            with suppress(defer.TimeoutError):
                await flow.settled().addTimeout(ANEW_WITHIN_S, self._clock)
            try:
                return await self._end(flow, StopMode.HARD)
            except EngineUnavailable as why:
                if self._clock.seconds() > give_up_at_s:
                    raise EngineUnavailable(
                        f"the engine of flow {flow.wanted.flow!r} was ended, but its "
                        f"run is not, for it does not come up again: {why}"
                    ) from None

    async def _end(self, flow: Flow, mode: StopMode) -> RunReport:
        run = await self._active(flow, "stop")
        return await self._runs.stop(contract.StopRun(run=run, mode=mode), _by())

    async def _active(self, flow: Flow, to: str) -> str:
        """The flow's one active run."""
        active = await flow.active_runs()
        if active:
            return active[0]
        name = flow.wanted.flow
        if flow.report.state is FlowState.STOPPED:
            raise WrongRunState(f"flow {name!r} is at rest: it has no run to {to}")
        if flow.report.state is not FlowState.READY:
            raise EngineUnavailable(
                f"the engine of flow {name!r} does not answer now "
                f"({flow.report.detail or flow.report.state}): try again"
            )
        raise WrongRunState(f"flow {name!r} has no active run to {to}: start it")


def _by() -> Caller:
    return Caller(0, LOCAL, Role.OPERATOR, uuid4().hex)
