"""Devices: list, show, codes for new ones; and what is done to them."""

import click

from heddle.cli.connect import Client, client_command, find_target
from heddle.cli.provision import add, tell_code
from heddle.cli.show import show_json, show_table, when
from heddle.cli.upkeep import COMMANDS
from heddle.contract.devices import (
    CREATE_CODE,
    GET_DEVICE,
    LIST_DEVICES,
    CreateCode,
    DeviceKind,
    GetDevice,
    ListDevices,
)
from heddle.wamp.session import Session


@click.group()
def device() -> None:
    """Edge and virtual devices."""


@device.command("list")
@client_command
def list_devices(client: Client) -> None:
    """All devices of the project."""

    async def work(session: Session) -> None:
        found = await session.call(LIST_DEVICES, ListDevices())
        if client.json:
            show_json(found)
            return
        show_table(
            ("DEVICE", "KIND", "STATE", "LAST SEEN", "ENGINES", "VERSION"),
            (
                (
                    one.device,
                    one.kind,
                    "online" if one.online else "offline",
                    when(one.last_seen_at_ms),
                    one.runtime,
                    one.version,
                )
                for one in found.devices
            ),
        )

    client.run(work)


@device.command("show")
@click.argument("device")
@client_command
def show_device(client: Client, device: str) -> None:
    """One device: its host and its tags."""

    async def work(session: Session) -> None:
        found = await session.call(GET_DEVICE, GetDevice(device=device))
        if client.json:
            show_json(found)
            return
        report, facts = found.report, found.facts
        click.echo(
            f"{report.device}: {report.kind}, "
            f"{'online' if report.online else 'offline'}, "
            f"last seen {when(report.last_seen_at_ms)}"
        )
        if facts is not None:
            click.echo(
                f"{facts.hostname}: {facts.os} on {facts.arch}, {facts.cpus} CPUs, "
                f"{facts.memory_bytes >> 20} MiB, Python {facts.python}, "
                f"Docker {facts.docker or 'not found'}\n"
            )
        show_table(
            ("TAG", "UNIT", "TYPE", "WRITABLE", "NODE"),
            (
                (tag.tag, tag.unit, tag.type, "yes" if tag.writable else "", tag.node)
                for tag in found.tags
            ),
        )

    client.run(work)


@device.command("code")
@click.argument("device", required=False)
@click.option(
    "--kind", type=click.Choice([kind.value for kind in DeviceKind]), default="edge"
)
@click.option("--valid-s", type=click.IntRange(1), default=3600, show_default=True)
@client_command
def make_code(client: Client, device: str | None, kind: str, valid_s: int) -> None:
    """A one-time code with which a new device enrols as DEVICE."""

    async def work(session: Session) -> None:
        address = find_target(client.data).router
        request = CreateCode(device=device, kind=DeviceKind(kind), valid_s=valid_s)
        tell_code(client, await session.call(CREATE_CODE, request), address)

    client.run(work)


for command in (add, *COMMANDS):
    device.add_command(command)
