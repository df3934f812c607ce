"""Builders: a workflow as a few lines that read like its picture."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from heddle.workflow.definition import Workflow
from heddle.workflow.effects import Effect, Tell
from heddle.workflow.engine import Step, step
from heddle.workflow.inputs import Input, Start
from heddle.workflow.parse import parse
from heddle.workflow.run import Run

Json = dict[str, Any]
EXAMPLE = Path(__file__).parents[3] / "examples" / "flows" / "bioreactor.json"
SENSOR: Json = {"type": "SENSOR_DATA", "data": {"reporterFctId": "T"}}

HOT: Json = {"left": SENSOR, "operator": ">=", "right": 37, "options": {}}


def start(element: str = "start") -> Json:
    return listener(element, "START")


def end(element: str = "end") -> Json:
    return {"id": element, "elementType": "EVENT_DISPATCHER", "type": "END"}


def alert(element: str = "alert") -> Json:
    return {"id": element, "elementType": "EVENT_DISPATCHER", "type": "ALERT"}


def phase(element: str, *setpoints: tuple[str, Any]) -> Json:
    targets = [{"inputNodeId": node, "target": value} for node, value in setpoints]
    command = {"id": "set", "type": "SET_TARGETS", "data": {"targets": targets}}
    commands = [command] if setpoints else []
    return {"id": element, "elementType": "PHASE", "commands": commands}


def listener(element: str, kind: str, phase: str | None = None, **more: Any) -> Json:
    drawn = {"id": element, "elementType": "EVENT_LISTENER", "type": kind, **more}
    return drawn if phase is None else {**drawn, "phaseId": phase}


def timer(element: str, phase: str | None = None, ms: int = 10, **more: Any) -> Json:
    return listener(element, "TIMER", phase, durationInMS=ms, **more)


def approval(element: str, phase: str | None = None, **more: Any) -> Json:
    return listener(element, "APPROVAL", phase, **more)


def condition(
    element: str, phase: str | None = None, when: Any = HOT, **more: Any
) -> Json:
    return listener(element, "CONDITION", phase, condition=when, **more)


def hot(limit: float = 37, **options: Any) -> Json:
    return {"left": SENSOR, "operator": ">=", "right": limit, "options": options}


def gateway(element: str, kind: str, **more: Any) -> Json:
    return {"id": element, "elementType": "GATEWAY", "type": kind, **more}


def turns(element: str, operator: str, times: int) -> Json:
    counted = {"gatewayId": element, "property": "activations"}
    left = {"type": "GATEWAY", "data": counted}
    return {"left": left, "operator": operator, "right": times}


def switch(element: str, when: Json, yes: str, no: str) -> Json:
    """A CONDITIONAL gateway; ``yes`` and ``no`` are the elements it leads to."""
    flows = {"trueFlowId": f"{element}>{yes}", "falseFlowId": f"{element}>{no}"}
    return gateway(element, "CONDITIONAL", condition=when, **flows)


def flows(*paths: str) -> list[Json]:
    """``flows("a > b > c")`` is two flows, called ``a>b`` and ``b>c``."""
    made = []
    for path in paths:
        ends = [end.strip() for end in path.split(">")]
        for source, target in pairwise(ends):
            flow = {"id": f"{source}>{target}", "elementType": "FLOW"}
            made.append({**flow, "srcId": source, "destId": target})
    return made


def document(*elements: Json | list[Json]) -> Json:
    flat = [y for x in elements for y in (x if isinstance(x, list) else [x])]
    return {"id": "drawn", "version": "1", "elements": flat}


def drawn(*elements: Json | list[Json]) -> Workflow:
    return parse(document(*elements))


def parallel() -> Json:
    """Two branches beside each other, an alert on the way, joined in the end."""
    return document(
        start(),
        gateway("split", "OR"),
        phase("a", ("node", 1)),
        timer("at", "a", 10),
        approval("aa", "a"),
        phase("b"),
        condition("bc", "b", hot(sustainTimeInMS=5)),
        timer("bt", "b", 7, interrupting=False),
        alert(),
        gateway("join", "AND"),
        switch("warm", hot(30), "join", "end"),
        approval("rest"),
        end(),
        flows("start > split > a", "split > b", "at > join", "aa > warm > join"),
        flows("bc > join > rest > end", "bt > alert", "warm > end"),
    )


def one_phase(*listeners: Json) -> Workflow:
    """START leads to phase ``p``; each of its listeners leads to END."""
    ends = [f"{one['id']} > end" for one in listeners]
    return drawn(start(), phase("p"), *listeners, end(), flows("start > p", *ends))


def loop(times: int, ms: int = 0) -> Workflow:
    """PLATFORM's LOOP(N): phase, timer, counted switch, and round again."""
    return drawn(
        start(),
        phase("p", ("node", 1)),
        timer("t", "p", ms),
        switch("again", turns("again", "<", times - 1), "p", "end"),
        end(),
        flows("start > p", "t > again > p", "again > end"),
    )


def after(workflow: Workflow, *inputs: Input, run: Run | None = None) -> Step:
    """The last step when the run is started (unless given) and ``inputs`` arrive."""
    outcome = Step(run) if run is not None else step(workflow, Run(), Start(0))
    for received in inputs:
        outcome = step(workflow, outcome.run, received)
    return outcome


def told(effects: Sequence[Effect]) -> list[str]:
    """Events in short: ``PHASE_STARTED p``."""
    return [
        " ".join([e.type.value, *(str(x) for x in e.data.values())])
        for e in effects
        if isinstance(e, Tell)
    ]


def asked(effects: Sequence[Effect]) -> list[Effect]:
    """The effects that are not events."""
    return [effect for effect in effects if not isinstance(effect, Tell)]
