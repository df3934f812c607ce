"""What people tell a deployment that there is: start, pause, resume, cancel, ..."""

from collections.abc import Callable
from dataclasses import dataclass

from heddle.contract.declare import Procedure
from heddle.contract.deployments import (
    APPROVE_DEPLOYMENT,
    CANCEL_DEPLOYMENT,
    PAUSE_DEPLOYMENT,
    RESUME_DEPLOYMENT,
    ROLL_BACK_DEPLOYMENT,
    START_DEPLOYMENT,
    DeploymentRef,
    DeploymentReport,
    SecondPersonNeeded,
    WrongDeploymentState,
)
from heddle.rollout.inputs import (
    Approve,
    Cancel,
    Command,
    Pause,
    Resume,
    RollBack,
    Start,
)
from heddle.rollout.refusal import needs_second_person, refusal
from heddle.wamp.session import Caller
from services.backend import audit
from services.backend.deployments.standing import (
    Known,
    decode,
    move,
    not_found,
    row_of,
)
from services.backend.flows.releases import release_of
from services.backend.store import deployments as store
from services.backend.store.database import Connection
from services.backend.store.deployments import DeploymentRow, Happening


@dataclass(frozen=True, slots=True)
class Verb:
    """A command by its name in history and audit trail."""

    name: str
    procedure: Procedure[DeploymentRef, DeploymentReport]
    given: Callable[[int, str], Command]
    begins: bool = False  # so its flow must not be archived


VERBS: tuple[Verb, ...] = (
    Verb("start", START_DEPLOYMENT, Start, begins=True),
    Verb("pause", PAUSE_DEPLOYMENT, Pause),
    Verb("resume", RESUME_DEPLOYMENT, Resume),
    Verb("cancel", CANCEL_DEPLOYMENT, Cancel),
    Verb("rollback", ROLL_BACK_DEPLOYMENT, RollBack),
    Verb("approve", APPROVE_DEPLOYMENT, Approve, begins=True),
)


def command(
    connection: Connection,
    project: str,
    verb: Verb,
    request: DeploymentRef,
    caller: Caller,
    at_ms: int,
) -> DeploymentRow:
    """Carry a command out, as far as the deployment's own state goes.

    Raises ``DeploymentNotFound``, ``WrongDeploymentState``, ``SecondPersonNeeded`` and
    ``FlowArchived``.
    """
    deployment = request.deployment
    stored = store.lock(connection, project, deployment)
    if stored is None:
        raise not_found(project, deployment)
    state = decode(stored.state)
    given = verb.given(at_ms, caller.authid)
    why = refusal(state, given)
    if why is not None:
        second = needs_second_person(state, given) and state.approved_by is None
        if second and state.spec.needs_approval:
            raise SecondPersonNeeded(why)
        raise WrongDeploymentState(why, status=state.status.value)
    if verb.begins:
        row = row_of(connection, project, deployment)
        release_of(connection, project, row.flow, row.version)
    move(
        connection,
        project,
        deployment,
        [given],
        at_ms,
        known=Known(stored.revision, state),
        said=Happening(at_ms, None, verb.name, request.reason, caller.authid),
    )
    entry = audit.by(
        caller, f"deployment.{verb.name}", deployment, reason=request.reason
    )
    audit.record(connection, project, entry)
    return row_of(connection, project, deployment)
