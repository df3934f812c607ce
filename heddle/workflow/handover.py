"""A run that goes on where it stands, as another version of its workflow.

It can if all its state refers to is there: elements of the same kind, links between the
same, commands that are the same. Deadlines stay; a condition that is another begins
anew, as one that nothing is known of yet. A listener that the new version adds to an
active phase listens from the phase's next start.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from heddle.workflow.definition import (
    Dispatcher,
    Element,
    Gateway,
    Listener,
    Workflow,
)
from heddle.workflow.run import Run


@dataclass(frozen=True, slots=True)
class CannotGoOn:
    """What of the run's state is missing in the other version, or is another thing."""

    missing: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The first of them, for people."""
        more = f" (and {len(self.missing) - 1} more)" if len(self.missing) > 1 else ""
        return f"{self.missing[0]}{more}"


def hand_over(old: Workflow, new: Workflow, run: Run) -> Run | CannotGoOn:
    """The run as one of the new workflow."""
    if missing := tuple(dict.fromkeys(_missing(old, new, run))):
        return CannotGoOn(missing)
    others = [
        new.listeners[x]
        for x in run.listening
        if old.listeners[x].condition != new.listeners[x].condition
    ]
    anew = {x.id for x in others}
    kept = {
        window
        for x in run.listening
        if x not in anew
        for window in new.listeners[x].windows
    }
    unknown = {tag for x in others for tag in x.tags}  # until they are told again
    return replace(
        run,
        listening={x: None if x in anew else d for x, d in run.listening.items()},
        windows={key: due for key, due in run.windows.items() if key in kept},
        readings={
            tag: value
            for tag, value in run.readings.items()
            if tag in new.tags and tag not in unknown
        },
    )


def _missing(old: Workflow, new: Workflow, run: Run) -> Iterator[str]:
    yield from (
        f"phase {phase}, which is active"
        for phase in run.active
        if phase not in new.phases
    )
    yield from (
        f"listener {listener}, which is active"
        for listener in run.listening
        if not _is_alike(old.listeners[listener], new.listeners.get(listener))
    )
    yield from (
        f"link {link}, which holds a signal"
        for link in run.signals
        if not _is_same_link(old, new, link)
    )
    yield from (
        f"gateway {gateway}, which was activated"
        for gateway in run.activations
        if not _is_same_kind(old, new, gateway)
    )
    yield from (
        f"command {old.command(phase, position).id} of phase {phase}"
        for phase, position in run.pending.values()
        if not _is_same_command(old, new, phase, position)
    )


def _is_alike(one: Listener, other: Listener | None) -> bool:
    return other is not None and (one.kind, one.phase) == (other.kind, other.phase)


def _is_same_link(old: Workflow, new: Workflow, link: str) -> bool:
    is_same = new.links.get(link) == old.links[link]
    return is_same and _is_same_kind(old, new, old.links[link].target)


def _is_same_command(old: Workflow, new: Workflow, phase: str, position: int) -> bool:
    there = new.phases.get(phase)
    commands = () if there is None else there.commands
    return commands[position : position + 1] == (old.command(phase, position),)


def _is_same_kind(old: Workflow, new: Workflow, element: str) -> bool:
    return _kind(old.elements[element]) == _kind(new.elements.get(element))


def _kind(element: Element | None) -> tuple[type, str]:
    kind = element.kind if isinstance(element, Listener | Gateway | Dispatcher) else ""
    return type(element), kind
