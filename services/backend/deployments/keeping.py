"""What a driver needs of the database: taking a deployment over, and moving it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import msgspec

from heddle.contract.flows import SignedRelease
from heddle.rollout.inputs import Appeared, Gone, Input
from heddle.rollout.state import Deployment
from services.backend.deployments.creation import make_room
from services.backend.deployments.overrides import Overrides, resolved
from services.backend.deployments.plan import Plan
from services.backend.deployments.standing import (
    DriverReplaced,
    Known,
    Moved,
    decode,
    move,
)
from services.backend.fleet.targets import resolve
from services.backend.store import deployments as store
from services.backend.store import devices, releases
from services.backend.store.database import Connection, Database
from services.backend.store.devices import Labelled


class Taken(NamedTuple):
    """A deployment as its driver finds it."""

    flow: str
    version: int
    plan: Plan
    overrides: Overrides
    release: SignedRelease
    known: Known


class Roll(NamedTuple):
    """Who there is, compared with whom a deployment knows."""

    inputs: Sequence[Input]
    overrides: Overrides | None  # if they are others now


class Keeper(Protocol):
    """Where a driver's deployment is kept. Raises ``StorageUnavailable``."""

    async def take(self) -> Taken | None:
        """Drive it from now on; None if there is none any more."""
        ...

    async def move(self, inputs: Iterable[Input], at_ms: int, known: Known) -> Moved:
        """Step it. Raises ``DriverReplaced``."""
        ...

    async def call_the_roll(self, taken: Taken, state: Deployment, at_ms: int) -> Roll:
        """Who has joined the project, or left it. Raises ``DriverReplaced``."""
        ...


class InDatabase:
    """The real one; ``token`` tells our writes from those of another driver."""

    def __init__(
        self, database: Database, project: str, deployment: str, token: str
    ) -> None:
        self._database = database
        self._project = project
        self._deployment = deployment
        self._token = token

    async def take(self) -> Taken | None:
        """Drive it from now on; None if there is none any more."""
        return await self._database(take, self._project, self._deployment, self._token)

    async def move(self, inputs: Iterable[Input], at_ms: int, known: Known) -> Moved:
        """Step it. Raises ``DriverReplaced``."""
        return await self._database(
            move,
            self._project,
            self._deployment,
            tuple(inputs),
            at_ms,
            known=known,
            driver=self._token,
        )

    async def call_the_roll(self, taken: Taken, state: Deployment, at_ms: int) -> Roll:
        """Who has joined the project, or left it. Raises ``DriverReplaced``."""
        return await self._database(
            call_the_roll, self._project, taken, state, at_ms, self._token
        )


def take(
    connection: Connection, project: str, deployment: str, token: str
) -> Taken | None:
    """Write our token, and read all there is."""
    row = store.take(connection, project, deployment, token)
    if row is None:
        return None
    release = releases.get(connection, project, row.flow, row.version)
    assert release is not None, "releases stay for ever"  # noqa: S101
    return Taken(
        flow=row.flow,
        version=row.version,
        plan=msgspec.json.decode(row.plan, type=Plan),
        overrides=msgspec.json.decode(
            store.variables_of(connection, project, deployment), type=Overrides
        ),
        release=release.signed,
        known=Known(
            row.revision, decode(store.state_of(connection, project, deployment))
        ),
    )


def call_the_roll(
    connection: Connection,
    project: str,
    taken: Taken,
    state: Deployment,
    at_ms: int,
    token: str,
) -> Roll:
    """Devices that are gone; for dynamic targets, those that have come, too."""
    if store.driver_of(connection, project, state.id) != token:
        raise DriverReplaced
    here = {one.device: one for one in devices.labelled(connection, project)}
    gone = [
        Gone(at_ms, device)
        for device, target in state.targets.items()
        if device not in here and not target.gone
    ]
    if not state.spec.dynamic or state.ended_at_ms is not None:
        return Roll(gone, None)
    new = _new(connection, project, taken, state, here.keys())
    if not new:
        return Roll(gone, None)
    ids = [one.device for one in new]
    make_room(connection, project, taken.flow, state.id, ids, at_ms)
    release = releases.get(connection, project, taken.flow, taken.version)
    assert release is not None, "releases stay for ever"  # noqa: S101
    overrides = resolved(taken.overrides, release, new)
    store.set_variables(connection, project, state.id, msgspec.json.encode(overrides))
    return Roll([*gone, *(Appeared(at_ms, device) for device in ids)], overrides)


def _new(
    connection: Connection,
    project: str,
    taken: Taken,
    state: Deployment,
    here: Collection[str],
) -> list[Labelled]:
    """Who is meant and not known yet, nor in another deployment of the flow."""
    targets = taken.plan.targets
    targets = replace(targets, devices=tuple(x for x in targets.devices if x in here))
    if not (targets.devices or targets.all or targets.labels is not None):
        return []
    busy: set[str] = set()
    found = [
        one
        for one in resolve(connection, project, targets)
        if one.device not in state.targets
    ]
    if found:
        store.lock_flow(connection, project, taken.flow)
        for other in store.alive(connection, project, taken.flow, but=state.id):
            if not other.ended:
                busy |= decode(other.state).targets.keys()
    return [one for one in found if one.device not in busy]
