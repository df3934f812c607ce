"""Why a command would change nothing, for whoever gave it. ``step`` goes by it, too."""

from heddle.rollout.inputs import (
    Approve,
    Cancel,
    Command,
    Pause,
    Resume,
    RollBack,
    Start,
)
from heddle.rollout.state import TERMINAL, Deployment, Status


def refusal(state: Deployment, given: Command) -> str | None:
    """Why ``step`` would ignore a command: a sentence for whoever gave it."""
    if state.status in TERMINAL:
        why: str | None = "it has ended; make a new deployment"
    else:
        why = _why_not(state, given)
    return f"deployment {state.id} is {state.status}: {why}" if why else None


def needs_second_person(state: Deployment, given: Command) -> bool:
    """Whether it is refused only because of who gave it."""
    return isinstance(given, Approve) and given.by == state.created_by


def _why_not(state: Deployment, given: Command) -> str | None:
    match given:
        case Start():
            return _why_not_start(state)
        case Approve():
            return _why_not_approve(state, given)
        case Pause() | Resume():
            return _why_not_hold(state, given)
        case Cancel() | RollBack():
            return _why_not_back(state, given)


def _why_not_start(state: Deployment) -> str | None:
    if state.status is not Status.PENDING:
        return "it has started already"
    return "it waits for an approval" if state.started_by is not None else None


def _why_not_hold(state: Deployment, given: Pause | Resume) -> str | None:
    if isinstance(given, Pause):
        running = state.status is Status.RUNNING
        return None if running else "only a running one can be paused"
    paused = state.status is Status.PAUSED
    return None if paused else "only a paused one can go on"


def _why_not_back(state: Deployment, given: Cancel | RollBack) -> str | None:
    if isinstance(given, RollBack) and state.status is Status.PENDING:
        return "no device has the release yet; cancel it"
    turning = state.status is Status.ROLLING_BACK
    if turning and (isinstance(given, Cancel) or state.ending is Status.ROLLED_BACK):
        return "its devices are being put back already"
    return None


def _why_not_approve(state: Deployment, given: Approve) -> str | None:
    if not state.spec.needs_approval:
        return "it needs no approval"
    if state.approved_by is not None:
        return f"{state.approved_by} has approved it"
    if state.status is not Status.PENDING:
        return "it has started already"
    if given.by == state.created_by:
        return "who made it cannot approve it; ask a second person"
    return None
