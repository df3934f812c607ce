"""Deployments: every rule that moves one lives in this file and ``draft``."""

from collections.abc import Iterable
from typing import NamedTuple

from heddle.rollout.effects import Effect
from heddle.rollout.inputs import Input
from heddle.rollout.spec import Spec
from heddle.rollout.state import Deployment


class Step(NamedTuple):
    """What inputs made of a deployment.

    ``effects`` are those of ``outstanding`` that were not outstanding before;
    ``changed`` are the devices whose target is another one now.
    """

    state: Deployment
    effects: tuple[Effect, ...]
    changed: frozenset[str]


def begin(
    spec: Spec, targets: Iterable[str], at_ms: int, *, id: str, by: str = ""
) -> Deployment:
    """A pending deployment to devices, which get their turn in this order."""


def step(state: Deployment, given: Input) -> Step:
    """Move a deployment by one input."""


def step_all(state: Deployment, inputs: Iterable[Input]) -> Step:
    """Move a deployment by many inputs: as ``step`` by each, at the cost of one."""


def outstanding(state: Deployment, at_ms: int) -> tuple[Effect, ...]:
    """Everything the outside owes now; what is under way already must not be redone."""


def due_at_ms(state: Deployment, at_ms: int) -> int | None:
    """When a ``Tick`` will matter, seen from now; maybe at once. None: never."""
