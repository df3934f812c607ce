"""Runs: start and steer them, see how they stand, follow their events."""

from typing import Any

import click
from twisted.internet.defer import Deferred

from heddle.cli.connect import Ambiguous, Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.moments import when_ms
from heddle.cli.names import device_names, flow_names
from heddle.cli.show import clock_time, show_json, show_json_line, show_table, when
from heddle.contract.declare import Procedure
from heddle.contract.history import RUN_EVENTS, RunEventsQuery
from heddle.contract.run_records import (
    MAX_RUNS_PER_REPLY,
    RUNS,
    RunRecord,
    RunRecords,
    RunsQuery,
)
from heddle.contract.runs import (
    APPROVE_RUN,
    PAUSE_RUN,
    RESUME_RUN,
    RUN_EVENT,
    RUN_STATUS,
    START_RUN,
    STOP_RUN,
    TRIGGER_LISTENER,
    ApproveRun,
    RunEvents,
    RunQuery,
    RunRef,
    RunReport,
    RunStatus,
    StartRun,
    StopMode,
    StopRun,
    TriggerListener,
    WorkflowEvent,
)
from heddle.wamp.session import Session

ENDED = {RunStatus.FINISHED, RunStatus.TERMINATED}


@click.group()
def run() -> None:
    """Runs of flows on devices."""


def since_ms(ctx: object, option: object, value: str | None) -> int | None:
    """A moment, or so long ago; None: not asked about."""
    return None if value is None else when_ms(ctx, option, value)


run_argument = click.argument("run_id", metavar="[RUN]", required=False)


async def the_run(session: Session, device: str, named: str | None) -> str:
    """The run named; else the device's only active one, else its newest."""
    if named is not None:
        return named
    found = await session.call(RUN_STATUS, RunQuery(), device=device)
    active = [one.run for one in found.runs if one.status not in ENDED]
    if len(active) > 1:
        raise Ambiguous(f"name a run: {device} has {', '.join(active)}")
    if active:
        return active[0]
    if not found.runs:
        raise Ambiguous(f"{device} has no run yet: start one with `heddle run start`")
    return found.runs[0].run


def show_report(client: Client, report: RunReport) -> None:
    """Print the state of one run."""
    if client.json:
        show_json(report)
        return
    phases = ", ".join(report.active_phases) or "none"
    click.echo(
        f"{report.run}: {report.status} (flow {report.flow} version {report.version}), "
        f"active phases: {phases}, {report.events} events"
    )


def _command(
    client: Client,
    device: str | None,
    run_id: str | None,
    procedure: Procedure[Any, RunReport],
    request: Any,
) -> None:
    """Call a run's procedure; ``request`` makes the request for the run's id."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        found = await the_run(session, target, run_id)
        report = await session.call(procedure, request(found), device=target)
        show_report(client, report)

    client.run(work)


@run.command("start")
@click.argument("flow")
@device_option
@click.option("--run", "run_id", help="The new run's id; made by the device otherwise.")
@client_command
def start(client: Client, flow: str, device: str | None, run_id: str | None) -> None:
    """Start a run of an installed FLOW."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        request = StartRun(flow=flow, run=run_id)
        show_report(client, await session.call(START_RUN, request, device=target))

    client.run(work)


@run.command("pause")
@run_argument
@device_option
@client_command
def pause(client: Client, run_id: str | None, device: str | None) -> None:
    """Hold a run; its timers keep their remainder."""
    _command(client, device, run_id, PAUSE_RUN, lambda found: RunRef(run=found))


@run.command("resume")
@run_argument
@device_option
@client_command
def resume(client: Client, run_id: str | None, device: str | None) -> None:
    """Let a paused run go on."""
    _command(client, device, run_id, RESUME_RUN, lambda found: RunRef(run=found))


@run.command("stop")
@run_argument
@device_option
@click.option("--hard", is_flag=True, help="At once, without letting phases end.")
@client_command
def stop(client: Client, run_id: str | None, device: str | None, hard: bool) -> None:
    """Stop a run: active phases may end first, unless --hard."""
    mode = StopMode.HARD if hard else StopMode.SOFT
    _command(
        client, device, run_id, STOP_RUN, lambda found: StopRun(run=found, mode=mode)
    )


@run.command("approve")
@run_argument
@device_option
@click.option("--listener", help="Needed only if several approvals are awaited.")
@click.option("--comment", default="", help="Kept with the run's events.")
@client_command
def approve(
    client: Client,
    run_id: str | None,
    device: str | None,
    listener: str | None,
    comment: str,
) -> None:
    """Give the approval a run waits for."""
    _command(
        client,
        device,
        run_id,
        APPROVE_RUN,
        lambda found: ApproveRun(run=found, listener=listener, comment=comment),
    )


@run.command("trigger")
@click.argument("listener")
@run_argument
@device_option
@client_command
def trigger(
    client: Client, listener: str, run_id: str | None, device: str | None
) -> None:
    """Fire an active LISTENER by hand."""
    _command(
        client,
        device,
        run_id,
        TRIGGER_LISTENER,
        lambda found: TriggerListener(run=found, listener=listener),
    )


@run.command("status")
@run_argument
@device_option
@client_command
def status(client: Client, run_id: str | None, device: str | None) -> None:
    """How RUN stands, or every run the device knows."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        found = await session.call(RUN_STATUS, RunQuery(run=run_id), device=target)
        if client.json:
            show_json(found)
            return
        show_table(
            ("RUN", "FLOW", "STATUS", "ACTIVE PHASES", "STARTED", "ENDED", "EVENTS"),
            (
                (
                    f"{one.run}",
                    f"{one.flow} v{one.version}",
                    one.status,
                    ", ".join(one.active_phases) or None,
                    when(one.started_at_ms),
                    when(one.ended_at_ms),
                    one.events,
                )
                for one in found.runs
            ),
        )

    client.run(work)


@run.command("list")
@click.option("--device", help="Only runs on this device.", shell_complete=device_names)
@click.option("--flow", help="Only runs of this flow.", shell_complete=flow_names)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(["running", "paused", "finished", "terminated"]),
    help="Only runs that stand so; may be repeated.",
)
@click.option("--active", is_flag=True, help="Only those that still go on.")
@click.option("--from", "from_ms", callback=since_ms, help="Under way since then.")
@click.option("--to", "to_ms", callback=since_ms, help="Under way before then.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@client_command
def list_runs(
    client: Client,
    *,
    device: str | None,
    flow: str | None,
    statuses: tuple[str, ...],
    active: bool,
    from_ms: int | None,
    to_ms: int | None,
    limit: int,
) -> None:
    """Runs that are stored, newest first: of every device, also of one that is away."""

    async def work(session: Session) -> None:
        found: list[RunRecord] = []
        more: int | None = None
        while not found or (more is not None and len(found) < limit):
            query = RunsQuery(
                device=device,
                flow=flow,
                statuses=tuple(RunStatus(one) for one in statuses) or None,
                active=True if active else None,
                from_ms=from_ms,
                to_ms=to_ms,
                before=more,
                limit=min(MAX_RUNS_PER_REPLY, limit - len(found)),
            )
            page = await session.call(RUNS, query)
            found.extend(page.runs)
            more = page.more
            if not page.runs:
                break
        if client.json:
            show_json(RunRecords(runs=tuple(found), more=more))
            return
        _show_records(found)
        if more is not None:
            click.echo(f"there are more than {limit}: see --limit", err=True)

    client.run(work)


def _show_records(found: list[RunRecord]) -> None:
    show_table(
        ("DEVICE", "RUN", "FLOW", "STATUS", "STARTED", "ENDED", "EVENTS"),
        (
            (
                one.device,
                one.run,
                f"{one.flow} v{one.version}",
                "overtaken" if one.overtaken else one.status,
                when(one.started_at_ms),
                when(one.ended_at_ms),
                one.events,
            )
            for one in found
        ),
    )


_LAST_EVENTS = {"WORKFLOW_FINISHED", "WORKFLOW_TERMINATED"}


@run.command("events")
@run_argument
@device_option
@click.option("--follow", is_flag=True, help="Go on until the run ends.")
@client_command
def events(
    client: Client, run_id: str | None, device: str | None, follow: bool
) -> None:
    """A run's events from its beginning, one a line."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        found = await the_run(session, target, run_id)
        printer = _EventPrinter(client, found)
        if follow:
            await session.hear(RUN_EVENT, lambda e, _: printer.hear(e), device=target)
        await printer.catch_up(session, target)
        if follow:
            await printer.ended

    client.run(work)


class _EventPrinter:
    """Prints a run's events in order, each once, from history and live topic alike."""

    def __init__(self, client: Client, run: str) -> None:
        self._client = client
        self._run = run
        self._next = 0
        self._waiting: dict[int, WorkflowEvent] = {}
        self.ended: Deferred[None] = Deferred()

    async def catch_up(self, session: Session, device: str) -> None:
        """Print what fleetdata has stored."""
        while True:
            query = RunEventsQuery(device=device, run=self._run, first=self._next)
            stored = await session.call(RUN_EVENTS, query)
            if not stored.events:
                return
            self.hear(stored)

    def hear(self, told: RunEvents) -> None:
        """Take events in; print those whose turn it is."""
        if told.run != self._run:
            return
        self._waiting |= {event.number: event for event in told.events}
        while (event := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            self._print(event)
        self._waiting = {n: e for n, e in self._waiting.items() if n > self._next}

    def _print(self, event: WorkflowEvent) -> None:
        if self._client.json:
            show_json_line(event)
        else:
            data = "  ".join(f"{key}={value}" for key, value in event.data.items())
            click.echo(
                f"{event.number:>5}  {clock_time(event.createdAt)}  "
                f"{event.type:<24}  {data}"
            )
        if event.type in _LAST_EVENTS and not self.ended.called:
            self.ended.callback(None)
