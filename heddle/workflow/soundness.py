"""Whether every run of a workflow can come to its end, proved by walking.

Strict mode's second half. Each finding carries a shortest list of inputs that leads
there. A walk that had to stop early reports what it is sure of, and says what it did
not prove: a state whose future was not walked counts as one that may turn out well.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import Any

from heddle.workflow.abstraction import abstract
from heddle.workflow.components import components
from heddle.workflow.definition import ListenerKind, Workflow
from heddle.workflow.findings import Finding, Mode, Rule, WorkflowInvalid
from heddle.workflow.parse import read
from heddle.workflow.run import Run, Status
from heddle.workflow.variables import bind, undeclared
from heddle.workflow.walk import Move, Walk

CLAIMS = (
    "every reachable state can still reach END",
    "no AND gateway starves",
    "no loop turns without time or the outside",
)
"""What a complete walk proves."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything a mode has to say; ``unproved`` is what a walk was too long for."""

    findings: tuple[Finding, ...]
    unproved: tuple[str, ...] = ()
    walk: Walk | None = field(default=None, compare=False, repr=False)

    @property
    def valid(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def check(document: object, mode: Mode = Mode.STRICT) -> Verdict:
    """The verdict on a decoded JSON document, whatever it is; never raises.

    Strict mode takes its variables with their defaults; upstream knows none.
    """
    undefined: tuple[Finding, ...] = ()
    if mode is Mode.STRICT:
        undefined = undeclared(document)
        try:
            document = bind(document, {})
        except WorkflowInvalid as invalid:
            return Verdict(invalid.findings)
    workflow, found = read(document)
    findings = (*undefined, *found.of(mode))
    if mode is Mode.COMPAT or workflow is None or found.common:
        return Verdict(findings)
    proved = prove(workflow)
    return replace(proved, findings=(*findings, *proved.findings))


def prove(workflow: Workflow) -> Verdict:
    """Walk a workflow that keeps upstream's rules."""
    walk = Walk(abstract(workflow))
    walk.explore()
    return _Proof(workflow, walk).verdict()


class _Proof:
    """Reads a walk. ``_future`` has, for each state, what may still be reached."""

    def __init__(self, workflow: Workflow, walk: Walk) -> None:
        self._workflow = workflow
        self._walk = walk
        self._end = 1 << len(walk.joins)
        # what only a person's trigger does may harm, but must not be needed
        self._edges = [[e for e in es if not e.move.forced] for es in walk.edges]
        self._components = components([[e.target for e in es] for es in self._edges])
        self._future = [0] * len(walk.states)
        for component in self._components:
            reached = 0
            for state in component:
                reached |= self._reached(state)
            for state in component:
                self._future[state] = reached

    def verdict(self) -> Verdict:
        first = {
            (finding.rule, finding.element): finding
            for finding in reversed([*self._findings()])
        }
        walk = self._walk
        unproved = (
            ()
            if walk.complete
            else tuple(
                f"{claim}: only {walk.explored} states were walked" for claim in CLAIMS
            )
        )
        return Verdict(tuple(reversed(first.values())), unproved, walk)

    def _findings(self) -> Iterator[Finding]:
        yield from self._runaways()
        yield from self._traps()
        yield from self._starving()
        yield from self._timeless()

    def _reached(self, state: int) -> int:
        """END and the AND gateways this state leads to, through final components."""
        if state >= self._walk.explored:
            return 2 * self._end - 1
        reached = self._end if self._run(state).status is Status.FINISHED else 0
        for edge in self._edges[state]:
            reached |= edge.joined | self._future[edge.target]
        return reached

    def _run(self, state: int) -> Run:
        return self._walk.states[state].run

    def _runaways(self) -> Iterator[Finding]:
        for number, state in enumerate(self._walk.states):
            if state.ran_away is not None:
                problem = "signals run around it without end"
                yield self._finding(Rule.TIMELESS_LOOP, state.ran_away, problem, number)

    def _traps(self) -> Iterator[Finding]:
        """Components nothing leads out of, and END is not in."""
        for component in sorted(self._components, key=min):
            state = min(component)
            if self._future[state] & self._end or self._walk.states[state].ran_away:
                continue
            if not self._edges[state]:
                yield self._dead_end(state)
            elif self._is_closed(set(component)):
                listener = next(iter(self._run(state).listening))
                problem = "from here the run goes on for ever and never reaches END"
                yield self._finding(Rule.END_NEVER_REACHED, listener, problem, state)

    def _is_closed(self, component: set[int]) -> bool:
        leaving = (e.target for state in component for e in self._edges[state])
        return component.issuperset(leaving)

    def _dead_end(self, state: int) -> Finding:
        run = self._run(state)
        move = self._walk.states[state].move
        if run.active:
            phase = next(iter(run.active))
            problem = "nothing can end this phase, and nothing else goes on"
            return self._finding(Rule.DEAD_END, phase, problem, state)
        if run.signals:
            gateway = self._workflow.links[run.signals[0]].target
            problem = "waits for a signal that cannot come, and nothing else goes on"
            return self._finding(Rule.STARVING_GATEWAY, gateway, problem, state)
        last = move.listener or self._workflow.initial[0]
        problem = "after it nothing goes on, and END was not reached"
        return self._finding(Rule.DEAD_END, last.id, problem, state)

    def _starving(self) -> Iterator[Finding]:
        """AND gateways that keep a signal for ever, or are never activated at all."""
        for state in range(self._walk.explored):
            for link in self._run(state).signals:
                gateway = self._workflow.links[link].target
                if not self._future[state] & self._walk.joins[gateway]:
                    problem = "keeps a signal, but the others cannot come any more"
                    yield self._finding(Rule.STARVING_GATEWAY, gateway, problem, state)
        for gateway, bit in self._walk.joins.items():
            if not self._from_the_start() & bit:
                problem = f"{gateway}: is never activated"
                yield Finding(Rule.STARVING_GATEWAY, gateway, problem)

    def _from_the_start(self) -> int:
        """The AND gateways that a start activates at once, or that it leads to."""
        first = self._walk.first
        return reduce(or_, (e.joined | self._future[e.target] for e in first), 0)

    def _timeless(self) -> Iterator[Finding]:
        edges = [[e for e in es if e.timeless] for es in self._edges]
        for component in components([[e.target for e in es] for es in edges]):
            state, members = min(component), set(component)
            turning = [e for e in edges[state] if e.target in members]
            if turning and turning[0].move.listener is not None:
                listener = turning[0].move.listener.id
                problem = "fires again and again without any time passing"
                yield self._finding(Rule.TIMELESS_LOOP, listener, problem, state)

    def _finding(self, rule: Rule, element: str, problem: str, state: int) -> Finding:
        inputs = [x for move in self._walk.path(state) for x in self._inputs(move)]
        return Finding(rule, element, f"{element}: {problem}", tuple(inputs), state)

    def _inputs(self, move: Move) -> Iterator[dict[str, Any]]:
        """A move as inputs an operator would understand."""
        answers: dict[str, list[str]] = {"holds": [], "fails": []}
        for oracle, says in move.answers.items():
            asked = self._walk.abstraction.asked[oracle]
            answers["holds" if says else "fails"].append(asked)
        if move.answers:
            yield {"input": "sampled", **answers}
        if move.listener is None:
            yield {"input": "start"}
        else:
            kind = self._workflow.listeners[move.listener.id].kind
            fired_by = "trigger" if move.forced else _FIRED_BY[kind]
            yield {"input": fired_by, "listener": move.listener.id}


_FIRED_BY = {
    ListenerKind.START: "trigger",
    ListenerKind.TIMER: "due",
    ListenerKind.APPROVAL: "approve",
    ListenerKind.CONDITION: "sampled",
}
