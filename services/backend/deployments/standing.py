"""How deployments stand in the database, and the one way to move them.

``move`` steps a state by many inputs in the caller's transaction, with the row locked;
state, summary and history are written together or not at all.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from heddle.contract.deployments import DeploymentNotFound
from heddle.rollout.inputs import Input
from heddle.rollout.machine import Step, due_at_ms, outstanding, step_all
from heddle.rollout.state import Deployment, Status, Target
from heddle.rollout.summary import asleep, counts
from services.backend.store import deployments as store
from services.backend.store.database import Connection
from services.backend.store.deployments import DeploymentRow, Happening, Summary

WAVE = "wave"
CAUGHT_UP = "caught_up"
REVERTED = "reverted"

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Deployment).decode


class DriverReplaced(Exception):
    """Somebody else drives the deployment now."""


class Known(NamedTuple):
    """A state and its revision."""

    revision: int
    state: Deployment


class Moved(NamedTuple):
    """What became of a deployment."""

    revision: int
    state: Deployment
    changed: bool


def move(
    connection: Connection,
    project: str,
    deployment: str,
    inputs: Iterable[Input],
    at_ms: int,
    *,
    known: Known | None = None,
    driver: str | None = None,
    said: Happening | None = None,
) -> Moved:
    """Step a deployment; ``said`` is written down if that changed it.

    ``driver`` is the token of who drives it: raises ``DriverReplaced`` if another does.
    Raises ``DeploymentNotFound``.
    """
    stored = store.lock(connection, project, deployment, known.revision if known else 0)
    if stored is None:
        raise not_found(project, deployment)
    if driver is not None and stored.driver != driver:
        raise DriverReplaced
    if known is not None and known.revision == stored.revision:
        before = known.state
    else:
        before = decode(stored.state)
    stepped = step_all(before, inputs)
    after = stepped.state
    if after is before or after == before:
        return Moved(stored.revision, before, changed=False)
    store.change(
        connection,
        project,
        deployment,
        encode(after),
        summary_of(after, at_ms),
        happenings(before, stepped, at_ms, said),
        stored.happened,
    )
    return Moved(stored.revision + 1, after, changed=True)


def summary_of(state: Deployment, at_ms: int) -> Summary:
    """What lists show of a state."""
    counted = counts(state)
    return Summary(
        awake=is_awake(state, at_ms),
        status=state.status.value,
        detail=state.detail,
        counts={str(status): n for status, n in counted.by_status.items()},
        total=counted.total,
        wave=max(state.wave, 0),
        waves=max(state.waves, 1),
        approved_by=state.approved_by,
        started_at_ms=state.started_at_ms,
        ended_at_ms=state.ended_at_ms,
        next_at_ms=_goes_on_at_ms(state),
    )


def is_awake(state: Deployment, at_ms: int) -> bool:
    """Whether there is, or will be, something to drive."""
    return (
        due_at_ms(state, at_ms) is not None
        or bool(outstanding(state, at_ms))
        or bool(asleep(state))
        or (state.spec.dynamic and state.status is Status.RUNNING)
    )


def _goes_on_at_ms(state: Deployment) -> int | None:
    """When it goes on by itself, as far as that is a time and not an answer."""
    match state.status:
        case Status.PENDING if state.started_by is None:
            return state.spec.start_at_ms
        case Status.RUNNING:
            times = (state.next_at_ms, state.switch_at_ms)
            return min((at for at in times if at is not None), default=None)
        case Status.ROLLING_BACK:
            return state.revert_at_ms
        case _:
            return None


def happenings(
    before: Deployment, stepped: Step, at_ms: int, said: Happening | None
) -> list[Happening]:
    """What is written down of a step: what was said, then devices, then the whole."""
    after = stepped.state
    found = [] if said is None else [said]
    if after.wave != before.wave:
        detail = f"wave {after.wave + 1} of {after.waves}"
        found.append(Happening(at_ms, None, WAVE, detail, ""))
    for device in sorted(stepped.changed):
        was = before.targets.get(device)
        found += _of_target(device, was, after.targets[device], at_ms)
    if after.status is not before.status:
        what = after.status.value
        found.append(Happening(at_ms, None, what, after.detail, ""))
    return found


_FLAGS: tuple[tuple[str, Callable[[Target], bool]], ...] = (
    (CAUGHT_UP, lambda target: target.caught_up),
    (REVERTED, lambda target: target.reverted),
)


def _of_target(
    device: str, was: Target | None, now: Target, at_ms: int
) -> list[Happening]:
    if was is None or was.status is not now.status:
        return [Happening(at_ms, device, now.status.value, now.detail, "")]
    return [
        Happening(at_ms, device, what, now.detail, "")
        for what, is_so in _FLAGS
        if is_so(now) and not is_so(was)
    ]


def row_of(connection: Connection, project: str, deployment: str) -> DeploymentRow:
    """A deployment. Raises ``DeploymentNotFound``."""
    row = store.one(connection, project, deployment)
    if row is None:
        raise not_found(project, deployment)
    return row


def not_found(project: str, deployment: str) -> DeploymentNotFound:
    """What is told of a deployment there is none of."""
    return DeploymentNotFound(
        f"project {project} has no deployment {deployment}: list its deployments"
    )
