"""``heddle fleet``: one command to many devices, and what became of it on each."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from heddle.cli.connect import Client, client_command
from heddle.cli.deployment_show import devices
from heddle.cli.ending import FAILED
from heddle.cli.names import flow_names
from heddle.cli.parameters import duration_ms
from heddle.cli.show import show_json, show_table
from heddle.cli.targets import target_options
from heddle.contract.fleet import (
    COMMAND_FLEET,
    FleetCommand,
    FleetOutcome,
    FleetResult,
    FleetResults,
    FleetVerb,
    Targets,
)
from heddle.contract.runs import StopMode
from heddle.wamp.session import Session

MOST_ROWS = 40  # of those that did it; what went wrong is told of each
_ANSWER_AFTER_S = 15.0  # beyond the devices' time


@click.group()
def fleet() -> None:
    """Command the runs of a flow on many devices at once."""


def _fleet_command(command: Callable[..., None]) -> Callable[..., None]:
    """What all of them take; a command makes its request by ``request``."""
    for option in (
        client_command,
        click.option(
            "--key",
            help="A repeat with the same key, within a day, gives the same answer.",
        ),
        click.option(
            "--within",
            "within_ms",
            callback=duration_ms,
            default="10s",
            show_default=True,
            help="Who has not answered by then is told as timed out.",
        ),
        target_options,
        click.argument("flow", shell_complete=flow_names),
    ):
        command = option(command)
    return command


@fleet.command("start")
@_fleet_command
def start(client: Client, **asked: Any) -> None:
    """Start a run of FLOW on each device."""
    _give(client, _request(FleetVerb.START, **asked))


@fleet.command("pause")
@_fleet_command
def pause(client: Client, **asked: Any) -> None:
    """Hold the active run of FLOW on each device."""
    _give(client, _request(FleetVerb.PAUSE, **asked))


@fleet.command("resume")
@_fleet_command
def resume(client: Client, **asked: Any) -> None:
    """Let the paused run of FLOW go on, on each device."""
    _give(client, _request(FleetVerb.RESUME, **asked))


@fleet.command("stop")
@click.option("--hard", is_flag=True, help="At once, without letting phases end.")
@_fleet_command
def stop(client: Client, *, hard: bool, **asked: Any) -> None:
    """Stop the active run of FLOW on each device: phases may end first."""
    mode = StopMode.HARD if hard else StopMode.SOFT
    _give(client, replace(_request(FleetVerb.STOP, **asked), mode=mode))


@fleet.command("approve")
@click.option("--listener", help="Needed only if several approvals are awaited.")
@click.option("--comment", default="", help="Kept with the runs' events.")
@_fleet_command
def approve(
    client: Client, *, listener: str | None, comment: str, **asked: Any
) -> None:
    """Give the approval that the active run of FLOW waits for, on each device."""
    request = _request(FleetVerb.APPROVE, **asked)
    _give(client, replace(request, listener=listener, comment=comment))


def _request(
    verb: FleetVerb, *, flow: str, targets: Targets, within_ms: int, key: str | None
) -> FleetCommand:
    return FleetCommand(
        verb=verb, flow=flow, targets=targets, within_ms=within_ms, key=key
    )


def _give(client: Client, request: FleetCommand) -> None:
    async def work(session: Session) -> None:
        patience_s = request.within_ms / 1000 + _ANSWER_AFTER_S
        results = await session.call(COMMAND_FLEET, request, timeout_s=patience_s)
        if client.json:
            show_json(results)
        else:
            tell(request, results)
        done = results.counts.get(FleetOutcome.DONE.value, 0)
        if not done or done != sum(results.counts.values()):
            sys.exit(FAILED)

    client.run(work)


def tell(request: FleetCommand, results: FleetResults) -> None:
    """A table, and the sum below it; of a large fleet only what went wrong."""
    total = sum(results.counts.values())
    if not total:
        click.echo(f"no device fits: nobody was told to {request.verb}", err=True)
        return
    rows = results.results
    if total > MOST_ROWS:
        rows = tuple(one for one in rows if one.outcome is not FleetOutcome.DONE)
    if rows:
        show_table(("DEVICE", "OUTCOME", "RUN", "DETAIL"), map(_row, rows))
    counts = ", ".join(
        f"{count} {_WORDS[outcome]}"
        for outcome in FleetOutcome
        if (count := results.counts.get(outcome.value))
    )
    click.echo(f"{request.verb} {request.flow} on {devices(total)}: {counts}")


_WORDS = {
    FleetOutcome.DONE: "done",
    FleetOutcome.REFUSED: "refused",
    FleetOutcome.OFFLINE: "offline",
    FleetOutcome.TIMED_OUT: "timed out",
}


def _row(one: FleetResult) -> tuple[object, ...]:
    told = one.detail
    if one.run is not None:
        phases = ", ".join(one.run.active_phases)
        told = f"{one.run.status}{': ' * bool(phases)}{phases}"
    return one.device, _WORDS[one.outcome], one.run and one.run.run, told
