"""Deployments made: what was asked is checked, devices are found, a state begins.

Everything is decided in one transaction: of two requests at a time for the same devices
one is refused, and a repeat with the same key gets the deployment of the first.
"""

import hashlib
import secrets
from collections.abc import Sequence

import msgspec

from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.deployments import CreateDeployment, DeploymentConflict, NoTargets
from heddle.contract.fleet import Targets
from heddle.rollout.inputs import Gone, Start
from heddle.rollout.machine import begin
from heddle.wamp.session import Caller
from services.backend import audit
from services.backend.deployments.overrides import asked_of, resolved
from services.backend.deployments.plan import plan_of, spec_of
from services.backend.deployments.standing import (
    Known,
    decode,
    encode,
    move,
    row_of,
    summary_of,
)
from services.backend.fleet.targets import resolve
from services.backend.flows.releases import release_of
from services.backend.store import deployments as store
from services.backend.store.database import Connection
from services.backend.store.deployments import DeploymentRow, Happening
from services.backend.store.devices import Labelled
from services.backend.text import check_name

CREATED, STARTED = "created", "start"
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_CHARACTERS = 12
_NAMED = 5  # devices in one sentence


def create(
    connection: Connection,
    project: str,
    request: CreateDeployment,
    caller: Caller,
    at_ms: int,
) -> DeploymentRow:
    """Make a deployment, or give the one that was made with this key."""
    flow = check_id("flow", request.flow)
    check_name("note", request.note)
    spec = spec_of(
        request.strategy,
        request.config,
        dynamic=request.targets.dynamic,
        start_at_ms=request.start_at_ms,
    )
    fingerprint = hashlib.sha256(msgspec.json.encode(request)).hexdigest()
    store.lock_flow(connection, project, flow)
    if request.key is not None:
        check_name("key", request.key)
        known = store.by_key(connection, project, caller.authid, request.key)
        if known is not None:
            return _made_before(connection, project, known, request.key, fingerprint)
    release = release_of(connection, project, flow, request.version)
    devices = targets_of(connection, project, request.targets)
    overrides = resolved(asked_of(request), release, devices)
    deployment = "dep_" + "".join(
        secrets.choice(_ALPHABET) for _ in range(_ID_CHARACTERS)
    )
    ids = [one.device for one in devices]
    make_room(connection, project, flow, deployment, ids, at_ms)
    state = begin(spec, ids, at_ms, id=deployment, by=caller.authid)
    row = DeploymentRow(
        deployment=deployment,
        flow=flow,
        version=release.version,
        content_hash=release.content_hash,
        plan=msgspec.json.encode(plan_of(request, spec)),
        revision=1,
        created_at_ms=at_ms,
        created_by=caller.authid,
        happened=1,
        **summary_of(state, at_ms)._asdict(),
    )
    store.insert(
        connection,
        project,
        row,
        key=request.key,
        fingerprint=fingerprint,
        variables=msgspec.json.encode(overrides),
        state=encode(state),
    )
    made = Happening(at_ms, None, CREATED, request.note, caller.authid)
    store.append(connection, project, deployment, [made], 0)
    if request.start:
        move(
            connection,
            project,
            deployment,
            [Start(at_ms, caller.authid)],
            at_ms,
            known=Known(1, state),
            said=Happening(at_ms, None, STARTED, "", caller.authid),
        )
    entry = audit.by(
        caller,
        "deployment.create",
        deployment,
        flow=flow,
        version=release.version,
        content_hash=release.content_hash,
        strategy=request.strategy.value,
        devices=len(ids),
        start=request.start,
    )
    audit.record(connection, project, entry)
    return row_of(connection, project, deployment)


def targets_of(
    connection: Connection, project: str, targets: Targets
) -> list[Labelled]:
    """The devices meant: those named in the order in which they are, then by id.

    Raises ``NoTargets``, ``DeviceNotFound``, ``SelectorInvalid``.
    """
    if not (targets.devices or targets.all or targets.labels is not None):
        raise NoTargets("no device is meant: name some, give labels, or say all")
    found = {one.device: one for one in resolve(connection, project, targets)}
    if not found and not targets.dynamic:
        raise NoTargets(
            f"labels {targets.labels!r} match no device of project {project}"
            if targets.labels is not None
            else f"project {project} has no device"
        )
    named = [found[device] for device in dict.fromkeys(targets.devices)]
    rest = [one for device, one in found.items() if device not in set(targets.devices)]
    return named + rest


def make_room(
    connection: Connection,
    project: str,
    flow: str,
    deployment: str,
    devices: Sequence[str],
    at_ms: int,
) -> None:
    """See that no other deployment of the flow is about these devices any more.

    What one that has ended still owes them is dropped. Raises ``DeploymentConflict`` if
    one has not.
    """
    meant = frozenset(devices)
    for other in store.alive(connection, project, flow, but=deployment):
        common = sorted(meant.intersection(decode(other.state).targets))
        if not common:
            continue
        if not other.ended:
            more = f" and {len(common) - _NAMED} more" if len(common) > _NAMED else ""
            raise DeploymentConflict(
                f"deployment {other.deployment} of {flow} is {other.status} on "
                f"{', '.join(common[:_NAMED])}{more}: wait until it has ended, cancel "
                "it or roll it back",
                deployment=other.deployment,
                devices=common,
            )
        why = f"deployment {deployment} has taken its place"
        gone = [Gone(at_ms, device, why) for device in common]
        move(connection, project, other.deployment, gone, at_ms)


def _made_before(
    connection: Connection,
    project: str,
    known: tuple[str, str],
    key: str,
    fingerprint: str,
) -> DeploymentRow:
    deployment, asked = known
    if asked != fingerprint:
        raise InvalidRequest(
            f"key {key!r} was used for deployment {deployment}, which is another one: "
            "take a new key"
        )
    return row_of(connection, project, deployment)
