"""One trial of a workflow: what is to be said of it, how a run of it would go. Pure.

A trial takes what it takes, of time and of memory: see ``trial_process``.
"""

from collections.abc import Iterable, Iterator

import msgspec

from heddle.contract.declare import InvalidRequest
from heddle.contract.flows import Finding
from heddle.contract.runs import RunStatus, WorkflowEvent
from heddle.contract.trials import (
    Awaited,
    CheckedFinding,
    CheckFlow,
    FlowVerdict,
    Gravity,
    PlayedStep,
    RefusedStep,
    ScriptInvalid,
    Setting,
    SimulatedReading,
    SimulateFlow,
    Simulation,
    SimulationEnd,
)
from heddle.workflow import findings as workflow_findings
from heddle.workflow import soundness
from heddle.workflow.definition import Workflow
from heddle.workflow.effects import Tell
from heddle.workflow.findings import WorkflowInvalid
from heddle.workflow.parse import parse
from heddle.workflow.playing import play
from heddle.workflow.run import ENDED
from heddle.workflow.script import BadScript
from heddle.workflow.simulation import Question, Told, simulate
from heddle.workflow.soundness import Verdict
from heddle.workflow.variables import bind
from heddle.workflow.wording import lasting
from services.backend.flows.doubts import doubts
from services.backend.flows.text import MOST_FINDINGS, invalid, told

MOST_STEPS = 300  # of a way that is told
STEPS_BYTES = 300_000  # of all ways together
MOST_SCRIPTED, MOST_EVENTS, MOST_FLAWS = 1_000, 5_000, 50
LONGEST_MS = 10_000_000_000_000  # three centuries

RUN = "simulation"  # the run's name in the events' ids


def checked(request: CheckFlow) -> FlowVerdict:
    """Everything strict mode has to say, errors first."""
    verdict = soundness.check(request.definition)
    errors = list(_errors(request, verdict))
    warnings = doubts(request.definition, verdict) if verdict.walk else ()
    doubtful = [_finding(one, Gravity.WARNING) for one in warnings]
    is_proved = verdict.walk is not None and verdict.walk.complete
    return FlowVerdict(
        valid=verdict.valid,
        findings=tuple([*errors, *doubtful][:MOST_FINDINGS]),
        proved=soundness.CLAIMS if is_proved and verdict.valid else (),
    )


def _errors(request: CheckFlow, verdict: Verdict) -> Iterator[CheckedFinding]:
    room = STEPS_BYTES
    found = verdict.findings[:MOST_FINDINGS]
    workflow = _walked(request, verdict)
    for flaw, one in zip(found, told(found), strict=True):
        steps = tuple(_steps(workflow, verdict, flaw))
        room -= len(msgspec.json.encode(steps))
        yield _finding(one, Gravity.ERROR, steps if room >= 0 else ())


def _walked(request: CheckFlow, verdict: Verdict) -> Workflow | None:
    """The workflow as its author drew it, if it came to a walk."""
    return parse(bind(request.definition, {})) if verdict.walk else None


def _finding(
    one: Finding, gravity: Gravity, steps: tuple[PlayedStep, ...] = ()
) -> CheckedFinding:
    return CheckedFinding(
        rule=one.rule,
        gravity=gravity,
        element=one.element,
        message=one.message,
        steps=steps,
    )


def _steps(
    workflow: Workflow | None, verdict: Verdict, flaw: workflow_findings.Finding
) -> Iterator[PlayedStep]:
    walk = verdict.walk
    if workflow is None or walk is None or flaw.state is None:
        return
    if len(walk.way(flaw.state)) > MOST_STEPS:
        return
    for one in play(workflow, walk, flaw):
        yield PlayedStep(
            input=one.input,
            listener=one.listener,
            holds=one.holds,
            fails=one.fails,
            links=one.links,
            phases=one.phases,
            listening=one.listening,
            kept=one.kept,
            activations=dict(one.activations),
            words=one.words,
        )


def simulated(request: SimulateFlow) -> Simulation:
    """A run by the script, from its start at 0.

    Raises ``FlowInvalid``, ``ScriptInvalid`` and ``InvalidRequest``.
    """
    _check(request)
    try:
        workflow = parse(bind(request.definition, request.variables))
    except WorkflowInvalid as flaw:
        raise invalid(str(flaw), told(flaw.findings)) from None
    try:
        found = simulate(
            Question(
                workflow,
                request.script,
                seed=request.seed,
                until_ms=request.until_ms,
                most_events=request.most,
            )
        )
    except BadScript as bad:
        flaws = bad.flaws[:MOST_FLAWS]
        raise ScriptInvalid(
            f"the script does not fit this workflow: {flaws[0]}", flaws=list(flaws)
        ) from None
    return _told(request, found)


def _check(request: SimulateFlow) -> None:
    if not 1 <= request.most <= MOST_EVENTS:
        raise InvalidRequest(f"most must be 1 to {MOST_EVENTS}")
    if len(request.script) > MOST_SCRIPTED:
        raise InvalidRequest(f"a script has at most {MOST_SCRIPTED} steps")
    if request.until_ms is not None and not 0 <= request.until_ms <= LONGEST_MS:
        raise InvalidRequest(f"until_ms must be 0 to {LONGEST_MS}")


def _told(request: SimulateFlow, found: Told) -> Simulation:
    end = _end(request, found)
    return Simulation(
        status=RunStatus(found.run.status.value),
        end=end,
        words=_words(end, found),
        lasted_ms=found.lasted_ms,
        events=tuple(_event(one) for one in found.events),
        awaited=tuple(
            Awaited(element=one, words=words, due_at_ms=found.run.listening.get(one))
            for one, words in found.waits
        ),
        refused=tuple(
            RefusedStep(at_ms=at_ms, words=words) for at_ms, words in found.refused
        ),
        settings=tuple(
            Setting(at_ms=one.at_ms, phase=one.phase, node=one.node, value=one.value)
            for one in found.settings
        ),
        values={one.node: one.value for one in found.settings},
        readings=tuple(_reading(one) for one in found.readings),
    )


def _end(request: SimulateFlow, found: Told) -> SimulationEnd:
    if found.run.status in ENDED and not found.is_cut:
        return SimulationEnd.ENDED
    if found.is_cut:
        return SimulationEnd.EVENTS
    is_up = found.lasted_ms == request.until_ms
    return SimulationEnd.UNTIL if is_up else SimulationEnd.WAITING


def _words(end: SimulationEnd, found: Told) -> str:
    after = f"after {lasting(found.lasted_ms)}"
    waits = _or(words for _, words in found.waits) or "nothing"
    match end:
        case SimulationEnd.ENDED:
            return f"the run is {found.run.status} {after}"
        case SimulationEnd.EVENTS:
            return f"still {found.run.status} after {len(found.events)} events, {after}"
        case SimulationEnd.UNTIL:
            return f"stopped {after}; the run waits for {waits}"
        case SimulationEnd.WAITING:
            return f"nothing more happens {after}: the run waits for {waits}"


_FEW = 12


def _or(words: Iterable[str]) -> str:
    listed = list(words)
    more = [f"{len(listed) - _FEW} more"] if len(listed) > _FEW else []
    return " or ".join([*listed[:_FEW], *more])


def _event(told: Tell) -> WorkflowEvent:
    return WorkflowEvent(
        id=f"{RUN}:{told.number}",
        type=told.type.value,
        createdAt=told.at_ms,
        number=told.number,
        data=told.data,
    )


def _reading(one: tuple[int, str, object]) -> SimulatedReading:
    at_ms, node, value = one
    return SimulatedReading(at_ms=at_ms, node=node, value=value)
