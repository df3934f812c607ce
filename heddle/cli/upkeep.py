"""Looking after a device: how it is, what it logs, its agent, its key, its end."""

import click

from heddle.cli.connect import Client, client_command
from heddle.cli.moments import when_ms
from heddle.cli.show import clock_time, show_json, show_table, when
from heddle.contract.upkeep import (
    DECOMMISSION,
    DEVICE_INFO,
    MAX_LINES,
    PRUNE_IMAGES,
    READ_LOG,
    RESTART_AGENT,
    ROTATE_KEY,
    AskDevice,
    Decommission,
    DeviceInfo,
    LogLevel,
    PruneImages,
    ReadLog,
    RestartAgent,
    RotateKey,
)
from heddle.wamp.session import Session

DECOMMISSION_WITHIN_S = 90.0
PRUNE_WITHIN_S = 120.0
_GIB = 1 << 30
_MIB = 1 << 20


@click.command("info")
@click.argument("device")
@client_command
def info(client: Client, device: str) -> None:
    """How DEVICE is now, by its own account."""

    async def work(session: Session) -> None:
        found = await session.call(DEVICE_INFO, AskDevice(), device=device)
        if client.json:
            show_json(found)
        else:
            _show(found)

    client.run(work)


@click.command("logs")
@click.argument("device")
@click.option("--flow", help="The log of this flow's engine, not the agent's.")
@click.option(
    "--tail", type=click.IntRange(1, MAX_LINES), default=100, show_default=True
)
@click.option(
    "--since",
    "since_ms",
    callback=when_ms,
    default="1970-01-01",
    help="A moment (ISO 8601; UTC without a zone), or so long ago, e.g. -2h.",
)
@click.option(
    "--level",
    type=click.Choice(
        [level.value for level in LogLevel if level is not LogLevel.DEBUG]
    ),
    default="info",
    show_default=True,
    help="Lines of this gravity and graver ones.",
)
@client_command
def logs(
    client: Client, device: str, flow: str | None, tail: int, since_ms: int, level: str
) -> None:
    """The newest lines that the agent of DEVICE, or an engine, logged."""

    async def work(session: Session) -> None:
        asked = ReadLog(flow=flow, tail=tail, since_ms=since_ms, level=LogLevel(level))
        found = await session.call(READ_LOG, asked, device=device)
        if client.json:
            show_json(found)
            return
        for line in found.lines:
            origin = line.origin.rpartition(".")[2]
            click.echo(
                f"{when(line.at_ms)[:10]} {clock_time(line.at_ms)} {line.level:<8} "
                f"{origin}: {line.text}"
            )
        if not found.lines:
            click.echo("nothing was logged", err=True)

    client.run(work)


@click.command("restart")
@click.argument("device")
@client_command
def restart(client: Client, device: str) -> None:
    """Restart the agent of DEVICE; engines in containers go on meanwhile."""

    async def work(session: Session) -> None:
        done = await session.call(RESTART_AGENT, RestartAgent(), device=device)
        if client.json:
            show_json(done)
        else:
            click.echo(f"{device} restarts its agent")

    client.run(work)


@click.command("prune")
@click.argument("device")
@client_command
def prune(client: Client, device: str) -> None:
    """Remove engine images from DEVICE that nothing needs."""

    async def work(session: Session) -> None:
        done = await session.call(
            PRUNE_IMAGES, PruneImages(), timeout_s=PRUNE_WITHIN_S, device=device
        )
        if client.json:
            show_json(done)
        else:
            click.echo(f"{done.freed_bytes / _MIB:.1f} MiB freed on {device}")

    client.run(work)


@click.command("rotate-key")
@click.argument("device")
@client_command
def rotate_key(client: Client, device: str) -> None:
    """Have DEVICE make itself a new key; the old one is void then."""

    async def work(session: Session) -> None:
        done = await session.call(ROTATE_KEY, RotateKey(), device=device)
        if client.json:
            show_json(done)
        else:
            click.echo(f"{device} has a new key: {done.public_key}")

    client.run(work)


@click.command("decommission")
@click.argument("device")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option(
    "--force",
    is_flag=True,
    help="Even if it is offline, a run is active, or data waits to be delivered.",
)
@client_command
def decommission(client: Client, device: str, *, yes: bool, force: bool) -> None:
    """Take DEVICE out of the project: end its flows, wipe it, revoke its key.

    Its history stays.
    """
    if not yes:
        click.confirm(f"Take {device} out of the project for good?", abort=True)

    async def work(session: Session) -> None:
        done = await session.call(
            DECOMMISSION,
            Decommission(device=device, force=force),
            timeout_s=DECOMMISSION_WITHIN_S,
        )
        if client.json:
            show_json(done)
        elif done.told:
            click.echo(f"{device} is out of the project, and has wiped itself")
        else:
            click.echo(
                f"{device} is out of the project; it was not there to be told: stop "
                "its agent and its containers, and delete its folder"
            )

    client.run(work)


def _show(found: DeviceInfo) -> None:
    up_s = (found.at_ms - found.started_at_ms) / 1000
    facts = found.facts
    waiting = ", ".join(f"{x.items} {x.stream}" for x in found.outbox if x.items)
    show_table(
        ("", found.device),
        (
            (
                "agent",
                f"{found.version}, up {_span(up_s)}, "
                f"{found.memory_bytes / _MIB:.0f} MiB",
            ),
            (
                "host",
                f"{facts.hostname}: {facts.os} on {facts.arch}, {facts.cpus} CPUs",
            ),
            ("docker", facts.docker or "not found"),
            ("clock", when(found.at_ms)),
            (
                "disk",
                f"{found.disk_free_bytes / _GIB:.1f} GiB free of "
                f"{found.disk_bytes / _GIB:.1f}",
            ),
            (
                "outbox",
                f"{waiting or 'nothing'} waiting, {found.outbox_bytes / _MIB:.1f} MiB"
                f"{_oldest(found)}",
            ),
            ("tags", f"{found.tags}, {found.bad_tags} of them bad"),
            *(
                (
                    f"link {x.connection}",
                    f"{'up' if x.connected else 'down'}, "
                    f"{x.tags} tags{': ' + x.detail if x.detail else ''}",
                )
                for x in found.links
            ),
            *(
                (
                    f"flow {x.flow}",
                    f"version {x.version}, {x.state}"
                    f"{f', restarted {x.restarts} times' if x.restarts else ''}"
                    f"{': ' + x.detail if x.detail else ''}",
                )
                for x in found.flows
            ),
        ),
    )


def _oldest(found: DeviceInfo) -> str:
    if found.outbox_oldest_ms is None:
        return ""
    return f", the oldest {_span((found.at_ms - found.outbox_oldest_ms) / 1000)} old"


def _span(seconds: float) -> str:
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86_400
    if days >= 2:  # noqa: PLR2004
        return f"{days:.0f} days"
    if hours >= 2:  # noqa: PLR2004
        return f"{hours:.0f} h"
    return f"{minutes:.0f} min" if minutes >= 2 else f"{seconds:.0f} s"  # noqa: PLR2004


COMMANDS = (info, logs, restart, prune, rotate_key, decommission)
