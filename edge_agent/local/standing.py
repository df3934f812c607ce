"""How flows stand: what their engines say, or what they said last.

A flow whose engine hangs holds up nobody for long, and is never shown as if it were
well: what was said last comes with the moment at which it was said.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from edge_agent.engine.protocol import Status
from edge_agent.flow import ENDED, Flow
from edge_agent.flows import Flows
from edge_agent.local.answers import (
    CurrentPhase,
    FlowChange,
    FlowStatus,
    FlowStatuses,
)
from heddle.contract.flows import FlowState, InstalledFlow
from heddle.contract.runs import EngineUnavailable, RunReport

ANSWER_WITHIN_S = 3.0


class Standing:
    """The newest run of each flow, as far as it is known."""

    def __init__(
        self,
        clock: IReactorTime,
        flows: Flows,
        etag: Callable[[Flow], str],
        change: Callable[[str], FlowChange | None],
        now_s: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._flows = flows
        self._etag = etag
        self._change = change
        self._now_s = now_s
        self._last: dict[str, tuple[int, RunReport | None]] = {}

    async def all(self) -> FlowStatuses:
        """Every flow, by id."""
        flows = sorted(self._flows, key=lambda flow: flow.wanted.flow)
        asked = [Deferred.fromCoroutine(self._of(flow)) for flow in flows]
        found = {status.flow: status for status in [await each for each in asked]}
        self._forget(found.keys())
        for report in self._flows.list().flows:
            found.setdefault(report.flow, self._unread(report))
        statuses = tuple(found[flow] for flow in sorted(found))
        return FlowStatuses(at_ms=self._now_ms(), flows=statuses)

    async def one(self, flow: str) -> FlowStatus:
        """One flow. Raises ``FlowNotInstalled``."""
        return await self._of(self._flows.get(flow))

    async def _of(self, flow: Flow) -> FlowStatus:
        name = flow.wanted.flow
        is_at_rest = flow.report.state is FlowState.STOPPED
        why = "" if is_at_rest else await self._ask(flow)
        at_ms, run = self._last.get(name, (0, None))
        report = flow.report
        return FlowStatus(
            flow=name,
            version=report.version,
            state=report.state,
            etag=self._etag(flow),
            asked_at_ms=at_ms,
            is_current=not why,
            detail=why or report.detail,
            run=run,
            current=_current(run, flow.wanted.definition),
            change=self._change(name),
        )

    async def _ask(self, flow: Flow) -> str:
        """Have the engine say how it stands; why it does not, if so."""
        try:
            known = await flow.ask(Status()).addTimeout(ANSWER_WITHIN_S, self._clock)
        except EngineUnavailable as error:
            return str(error)
        except defer.TimeoutError:
            return f"its engine gave no answer in {ANSWER_WITHIN_S:g} s"
        flow.note(known)
        self._last[flow.wanted.flow] = self._now_ms(), _newest(known)
        return ""

    def _unread(self, report: InstalledFlow) -> FlowStatus:
        """A flow of which nobody can read what is wanted."""
        return FlowStatus(
            flow=report.flow,
            version=report.version,
            state=report.state,
            etag="",
            asked_at_ms=0,
            is_current=False,
            detail=report.detail,
            change=self._change(report.flow),
        )

    def _forget(self, but: Collection[str]) -> None:
        for flow in self._last.keys() - but:
            del self._last[flow]

    def _now_ms(self) -> int:
        return int(self._now_s() * 1000)


def _newest(known: tuple[RunReport, ...]) -> RunReport | None:
    """The active run, else the one that began last."""
    active = [run for run in known if run.status not in ENDED]
    return next(iter([*active, *known]), None)


def _current(
    run: RunReport | None, definition: Mapping[str, Any]
) -> tuple[CurrentPhase, ...]:
    if run is None or run.status in ENDED:
        return ()
    names = {
        element.get("id"): element.get("name")
        for element in definition.get("elements", ())
    }
    since = dict(zip(run.active_phases, run.active_since_ms, strict=False))
    return tuple(
        CurrentPhase(
            phase=phase, name=str(names.get(phase) or phase), since_ms=since.get(phase)
        )
        for phase in run.active_phases
    )
