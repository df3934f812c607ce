"""Why a request was refused, in the contract's errors: run, state, the way out."""

from typing import assert_never

from heddle.contract.declare import FleetError
from heddle.contract.runs import ListenerNotActive, RunPaused, WrongRunState
from heddle.workflow.inputs import Approve, Pause, Request, Resume, Start, Stop, Trigger
from heddle.workflow.refusal import Ambiguous, NotActive, Paused, Refusal, WrongState
from heddle.workflow.run import ENDED, Status

_SHOWN = 80


def error_of(run_id: str, request: Request, refused: Refusal) -> FleetError:
    """The error to answer ``request`` with."""
    match refused:
        case Paused():
            return RunPaused(
                f"run {run_id} is paused and heeds only resume, stop and status: "
                f"resume it, then {_verb(request)}",
                run=run_id,
                status=Status.PAUSED.value,
            )
        case WrongState(status):
            return WrongRunState(
                f"run {run_id} is {status}, so it cannot {_verb(request)}: "
                f"{_way_out(status)}",
                run=run_id,
                status=status.value,
            )
        case NotActive(listener, candidates):
            return ListenerNotActive(
                f"{_named(run_id, listener, request)}: {_choice(candidates)}",
                run=run_id,
                listener=None if listener is None else shown(listener),
                active=list(candidates),
            )
        case Ambiguous(candidates):
            return ListenerNotActive(
                f"run {run_id} waits for {len(candidates)} approvals and none was "
                f"named: {_choice(candidates)}",
                run=run_id,
                listener=None,
                active=list(candidates),
            )
        case _:
            assert_never(refused)


def shown(text: str) -> str:
    """A caller's text as far as a sentence should carry it."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _named(run_id: str, listener: str | None, request: Request) -> str:
    if isinstance(request, Approve):
        if listener is None:
            return f"run {run_id} waits for no approval"
        return f"run {run_id} waits for no approval of listener {shown(listener)}"
    return f"listener {shown(listener or '')} of run {run_id} is not active"


def _choice(candidates: tuple[str, ...]) -> str:
    if not candidates:
        return "nothing can be chosen now, ask for the run's status"
    return "choose from " + ", ".join(candidates[:10])


def _way_out(status: Status) -> str:
    if status in ENDED:
        return "it has ended, start a new run"
    match status:
        case Status.PAUSED:
            return "resume or stop it"
        case Status.STOPPING:
            return "it ends with its active phases, or stop it hard"
        case Status.READY:
            return "start it first"
        case _:
            return "pause or stop it first"


def _verb(request: Request) -> str:
    match request:
        case Start():
            return "start"
        case Pause():
            return "pause"
        case Resume():
            return "resume"
        case Stop():
            return "stop"
        case Approve():
            return "approve"
        case Trigger():
            return "trigger the listener"
        case _:
            assert_never(request)
