"""Devices: list, show, codes for new ones; and what is done to them."""

from dataclasses import replace

import click

from heddle.cli.connect import Client, client_command, find_target
from heddle.cli.names import device_names
from heddle.cli.provision import add, tell_code
from heddle.cli.show import show_json, show_table, when
from heddle.cli.upkeep import COMMANDS
from heddle.contract.devices import (
    CREATE_CODE,
    GET_DEVICE,
    LIST_DEVICES,
    CreateCode,
    DeviceKind,
    DeviceList,
    DeviceReport,
    GetDevice,
    ListDevices,
)
from heddle.contract.fleet import LABEL_DEVICE, DeviceLabels, LabelDevice
from heddle.wamp.session import Session

# A label is taken away by -NAME, also one that begins with an h.
_LABEL_SETTINGS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


@click.group()
def device() -> None:
    """Edge and virtual devices."""


@device.command("list")
@click.option(
    "--labels",
    metavar="SELECTOR",
    help='Whose labels fit, e.g. "site=graz and not spare".',
)
@click.option("--search", default="", help="With this in their id.")
@click.option(
    "--online/--offline", "online", default=None, help="Only those that are so now."
)
@client_command
def list_devices(
    client: Client, labels: str | None, search: str, online: bool | None
) -> None:
    """The devices of the project."""

    async def work(session: Session) -> None:
        asked = ListDevices(labels=labels, search=search, online=online)
        found = await every_device(session, asked)
        if client.json:
            show_json(DeviceList(devices=found))
            return
        show_table(
            ("DEVICE", "KIND", "STATE", "LAST SEEN", "ENGINES", "VERSION", "LABELS"),
            (
                (
                    one.device,
                    one.kind,
                    "online" if one.online else "offline",
                    when(one.last_seen_at_ms),
                    one.runtime,
                    one.version,
                    labels_text(one.labels),
                )
                for one in found
            ),
        )

    client.run(work)


async def every_device(
    session: Session, asked: ListDevices
) -> tuple[DeviceReport, ...]:
    """All the devices asked for, page by page."""
    found = await session.call(LIST_DEVICES, asked)
    devices = found.devices
    while found.more:
        page = replace(asked, after=devices[-1].device)
        found = await session.call(LIST_DEVICES, page)
        devices += found.devices
    return devices


def labels_text(labels: dict[str, str]) -> str:
    """Labels as they are written: ``line=a spare``."""
    return " ".join(
        f"{name}={value}" if value else name for name, value in sorted(labels.items())
    )


@device.command("label", context_settings=_LABEL_SETTINGS)
@click.argument("device", shell_complete=device_names)
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE|NAME|-NAME]...")
@client_command
def label_device(client: Client, device: str, changes: tuple[str, ...]) -> None:
    """Set labels of DEVICE, or take them away; without any, show them.

    \b
    heddle device label press_1 site=graz spare    sets a value and a bare mark
    heddle device label press_1 -spare             takes the mark away
    """
    given = [change.partition("=") for change in changes if not change.startswith("-")]
    request = LabelDevice(
        device=device,
        set={name: value for name, _, value in given},
        remove=tuple(change[1:] for change in changes if change.startswith("-")),
    )

    async def work(session: Session) -> None:
        if changes:
            labels = (await session.call(LABEL_DEVICE, request)).labels
        else:
            shown = await session.call(GET_DEVICE, GetDevice(device=device))
            labels = shown.report.labels
        if client.json:
            show_json(DeviceLabels(device=device, labels=labels))
        else:
            click.echo(f"{device}: {labels_text(labels) or 'no labels'}")

    client.run(work)


@device.command("show")
@click.argument("device", shell_complete=device_names)
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
        if report.labels:
            click.echo(f"labels: {labels_text(report.labels)}")
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
        target = find_target(client.data)
        request = CreateCode(device=device, kind=DeviceKind(kind), valid_s=valid_s)
        code = await session.call(CREATE_CODE, request)
        tell_code(client, code, target.router, target.trust.ca)

    client.run(work)


for command in (add, *COMMANDS):
    device.add_command(command)
