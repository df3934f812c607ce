"""Commands to runs: finds the run's flow and has its engine do it.

The answers to ``heddle.device.{device}.run.*``. Between the caller and the engine
there is one look into a dictionary and one hop over the engine's socket.
"""

import secrets
from collections.abc import Callable

from edge_agent.engine.protocol import (
    Approve,
    Command,
    Forget,
    PauseRun,
    ResumeRun,
    StartRun,
    Status,
    Trigger,
)
from edge_agent.engine.protocol import StopRun as EngineStop
from edge_agent.flow import ENDED, Flow
from edge_agent.flows import Flows
from edge_agent.outbox import Outbox
from heddle.contract import runs as contract
from heddle.contract.declare import InvalidRequest, Role, check_id
from heddle.contract.runs import (
    EngineUnavailable,
    RunAlreadyActive,
    RunList,
    RunNotFound,
    RunReport,
    WrongRunState,
)
from heddle.wamp.session import Caller
from heddle.wamp.spawn import spawn

ENDED_RUNS_KEPT = 20  # per flow; older ones are history, and that is in fleetdata


class Runs:
    """The runs of all flows."""

    def __init__(self, flows: Flows, outbox: Outbox, now_s: Callable[[], float]):
        self._flows = flows
        self._outbox = outbox
        self._now_s = now_s

    async def start(self, request: contract.StartRun, _: Caller) -> RunReport:
        """Start a run; a flow has one active run at a time."""
        flow = self._flows.get(request.flow)
        run = request.run or self._new_id()
        check_id("run", run)
        async with flow.turn():
            known = await flow.ask(Status())
            flow.note(known)
            if active := [r.run for r in known if r.status not in ENDED]:
                raise RunAlreadyActive(
                    f"run {active[0]!r} of flow {request.flow!r} is active; "
                    "stop it before starting another",
                    run=active[0],
                )
            report = await self._command(flow, StartRun(run=run))
        ended = [r.run for r in known if r.run != run]  # newest first
        spawn(self._forget(flow, ended[ENDED_RUNS_KEPT:]), "forgetting old runs")
        return report

    async def pause(self, request: contract.RunRef, _: Caller) -> RunReport:
        """Hold a run."""
        flow, run = await self._meant(request)
        return await self._command(flow, PauseRun(run=run))

    async def resume(self, request: contract.RunRef, _: Caller) -> RunReport:
        """Let a run go on."""
        flow, run = await self._meant(request)
        return await self._command(flow, ResumeRun(run=run))

    async def stop(self, request: contract.StopRun, _: Caller) -> RunReport:
        """Stop a run."""
        flow, run = await self._meant(request)
        return await self._command(flow, EngineStop(run=run, mode=request.mode))

    async def approve(self, request: contract.ApproveRun, by: Caller) -> RunReport:
        """Give an approval in the caller's name, or in whose the backend speaks."""
        flow, run = await self._meant_once(request)
        spoken_for = request.by if by.role is Role.BACKEND else None
        command = Approve(
            run=run,
            listener=request.listener,
            by=spoken_for or by.authid,
            comment=request.comment,
            key=request.key,
        )
        return await self._command(flow, command)

    async def trigger(self, request: contract.TriggerListener, by: Caller) -> RunReport:
        """Fire a listener in the caller's name."""
        command = Trigger(
            run=request.run,
            listener=request.listener,
            by=by.authid,
            key=request.key,
        )
        return await self._command(self._flows.of_run(request.run), command)

    async def status(self, request: contract.RunQuery, _: Caller) -> RunList:
        """One run, or every run of the engines that answer."""
        if request.run is not None:
            flow = self._flows.of_run(request.run)
            return RunList(runs=await flow.ask(Status(run=request.run)))
        asked = [flow.ask(Status()) for flow in self._flows]
        found: list[RunReport] = []
        for answer in asked:
            try:
                found.extend(await answer)
            except EngineUnavailable:
                continue  # flow.list tells which, and why
        found.sort(key=lambda report: report.started_at_ms or 0, reverse=True)
        return RunList(runs=tuple(found))

    async def _meant(
        self, request: contract.RunRef | contract.StopRun | contract.ApproveRun
    ) -> tuple[Flow, str]:
        """The flow and run that a command is for."""
        if request.run is not None:
            return self._flows.of_run(request.run), request.run
        if request.flow is None:
            raise InvalidRequest("name a run, or the flow whose active run is meant")
        flow = self._flows.get(request.flow)
        active = await flow.active_runs()
        if not active:
            raise RunNotFound(f"flow {request.flow!r} has no active run here")
        return flow, active[-1]

    async def _meant_once(self, request: contract.ApproveRun) -> tuple[Flow, str]:
        """The same; a repeat may come when the run it was for has ended."""
        try:
            return await self._meant(request)
        except RunNotFound:
            if request.key is None or request.flow is None or request.run is not None:
                raise
            return self._flows.get(request.flow), ""  # the engine knows it by its key

    async def _command(self, flow: Flow, command: Command) -> RunReport:
        reports = await flow.ask(command)
        flow.note(reports)
        return reports[0]

    async def _forget(self, flow: Flow, runs: list[str]) -> None:
        for run in runs:
            try:
                await flow.ask(Forget(run=run))
            except (WrongRunState, EngineUnavailable):
                return  # its events are not all delivered yet: another time
            flow.runs.discard(run)
            await self._outbox.forget_run(run)

    def _new_id(self) -> str:
        """Sorts by time; no clock is needed to keep two apart."""
        return f"run_{int(self._now_s() * 1000):012x}{secrets.token_hex(3)}"
