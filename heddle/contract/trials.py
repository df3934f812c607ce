"""Workflows on trial: checked and simulated as they are given, before they are saved.

Nothing is kept and nothing is changed by either. Both have a budget: of time, of
memory, and of what fits into one reply.
"""

import enum
from dataclasses import field
from typing import Any

from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    Procedure,
    message,
    of_backend,
)
from heddle.contract.flows import FlowInvalid
from heddle.contract.runs import RunStatus, WorkflowEvent


class Gravity(enum.StrEnum):
    """What a finding means for publishing."""

    ERROR = "error"  # the workflow cannot be published
    WARNING = "warning"  # its author should know


@message
class CheckFlow:
    """Ask for the verdict on a workflow; its variables have their defaults."""

    definition: dict[str, Any]


@message
class PlayedStep:
    """One step of a counter-example, and how the run stands after it."""

    input: str  # start, timer, condition, approval, or trigger: somebody, by hand
    listener: str | None  # that fires; None when the run starts
    holds: tuple[str, ...] = ()  # comparisons assumed to hold, in words
    fails: tuple[str, ...] = ()  # and not to
    links: tuple[str, ...] = ()  # that carry a signal, in this order
    phases: tuple[str, ...] = ()  # active afterwards
    listening: tuple[str, ...] = ()  # listeners that are active afterwards
    kept: tuple[str, ...] = ()  # links whose signal waits before an AND gateway
    activations: dict[str, int] = field(default_factory=dict)  # by gateway
    words: str = ""  # what happens


@message
class CheckedFinding:
    """One flaw or doubt. ``steps``: a shortest way there, where soundness found one."""

    rule: str
    gravity: Gravity
    element: str | None
    message: str
    steps: tuple[PlayedStep, ...] = ()


@message
class FlowVerdict:
    """What is to be said of a workflow; errors come first."""

    valid: bool  # nothing keeps it from being published
    findings: tuple[CheckedFinding, ...]
    proved: tuple[str, ...] = ()  # of all its runs


@message
class SimulateFlow:
    """Ask how a run would go, in virtual time that counts from its start at 0.

    ``script`` has the steps of `heddle flow simulate --script`, e.g.
    ``{"at_s": 200, "approve": "eventListener_3", "by": "ada"}``.
    """

    definition: dict[str, Any]
    variables: dict[str, Any] = field(default_factory=dict)  # over the defaults
    script: tuple[dict[str, Any], ...] = ()
    seed: int | None = None  # of a world that improvises what the script leaves open
    until_ms: int | None = None  # of virtual time
    most: int = 1000  # events


class SimulationEnd(enum.StrEnum):
    """Why a simulation goes no further."""

    ENDED = "ended"  # the run is finished or terminated
    WAITING = "waiting"  # nothing more happens unless somebody does something
    UNTIL = "until"  # virtual time is up
    EVENTS = "events"  # so many events were asked for, or fit into the reply


@message
class Awaited:
    """Something a simulated run waits for."""

    element: str  # a listener, or an AND gateway
    words: str
    due_at_ms: int | None = None  # when it comes by itself


@message
class RefusedStep:
    """A step of the script that the run did not heed."""

    at_ms: int
    words: str


@message
class Setting:
    """A phase gives an input of the device a value."""

    at_ms: int
    phase: str
    node: str
    value: Any


@message
class SimulatedReading:
    """A tag has a new value, by the script or improvised; None: not to be trusted."""

    at_ms: int
    node: str
    value: Any


@message
class Simulation:
    """How the run went. All times are ms since its start."""

    status: RunStatus
    end: SimulationEnd
    words: str  # how it ended, or what it waits for
    lasted_ms: int
    events: tuple[WorkflowEvent, ...]
    awaited: tuple[Awaited, ...] = ()
    refused: tuple[RefusedStep, ...] = ()
    settings: tuple[Setting, ...] = ()  # in order
    values: dict[str, Any] = field(default_factory=dict)  # node -> as set in the end
    readings: tuple[SimulatedReading, ...] = ()


class ScriptInvalid(FleetError):
    """The script does not fit the workflow; ``details["flaws"]`` has every reason."""

    uri = "heddle.error.script_invalid"


class BudgetSpent(FleetError):
    """It would take more time or memory than one trial is given."""

    uri = "heddle.error.budget_spent"


class TrialsBusy(FleetError):
    """Too many trials are under way: this person's, or all together."""

    uri = "heddle.error.trials_busy"


CHECK_FLOW: Procedure[CheckFlow, FlowVerdict] = of_backend(
    "flow.check", CheckFlow, FlowVerdict,
    "Findings of a workflow that need not be saved, with ways that lead to them.",
    BudgetSpent, TrialsBusy, called_by=PEOPLE,
)  # fmt: skip
SIMULATE_FLOW: Procedure[SimulateFlow, Simulation] = of_backend(
    "flow.simulate", SimulateFlow, Simulation,
    "How a run of a workflow that need not be saved would go, in virtual time.",
    FlowInvalid, ScriptInvalid, BudgetSpent, TrialsBusy, called_by=PEOPLE,
)  # fmt: skip
