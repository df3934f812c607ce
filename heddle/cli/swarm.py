"""``heddle swarm``: very many agents in one process, for tests and demonstrations.

Here codes are made for those that are not enrolled yet, with the operator's own right;
then this process becomes the swarm, which knows no login.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import click
from typing_extensions import override

from heddle.cli.connect import Client, client_command, find_target
from heddle.cli.ending import MISUSED, fail
from heddle.cli.parameters import duration_ms
from heddle.contract.devices import CREATE_CODE, CreateCode, DeviceKind
from heddle.files import write_whole
from heddle.local.folder import DEFAULT_FOLDER
from heddle.local.swarm import (
    CODE_NAME,
    TooFewFiles,
    allow_files_for,
    device_name,
    is_enrolled,
)
from heddle.tls.trust import is_secure
from heddle.wamp.session import Session

CODE_VALID_S = 24 * 3600
_TELL_EVERY_S = 2.0


class _Share(click.ParamType[float]):
    """``5%`` of the devices, as 0.05."""

    name = "percent"

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            percent = float(str(value).removesuffix("%"))
        except ValueError:
            percent = -1.0
        if not 0 <= percent <= 100:  # noqa: PLR2004 -- percent
            self.fail(f"{value!r} is no part of the devices: write e.g. 5%", param, ctx)
        return percent / 100


SHARE = _Share()


@click.command()
@click.option("--devices", type=click.IntRange(1, 9999), default=100, show_default=True)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Equal seeds give equal fleets: names, readings, who flaps.",
)
@click.option(
    "--name",
    default="swarm",
    show_default=True,
    help="What the devices are called, before the seed and the number.",
)
@click.option(
    "--flapping",
    type=SHARE,
    default="0%",
    show_default=True,
    help="How many lose their link again and again.",
)
@click.option(
    "--mute",
    type=SHARE,
    default="0%",
    show_default=True,
    help="How many fall silent once they are online, but keep the link alive.",
)
@click.option(
    "--slow",
    type=SHARE,
    default="0%",
    show_default=True,
    help="How many take their time with all they hear and say.",
)
@click.option(
    "--scan",
    "scan_ms",
    callback=duration_ms,
    default="10s",
    show_default=True,
    help="How often each device measures.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(0, 1000, min_open=True),
    default=1.0,
    show_default=True,
    help="How much faster than the clock plants and flows are.",
)
@click.option(
    "--joining",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="How many join at the same time.",
)
@click.option(
    "--hold", "hold_ms", callback=duration_ms, help="End after so long online."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the fleet is kept; in the stack's folder, or ./.heddle, otherwise.",
)
@client_command
def swarm(client: Client, folder: Path | None, **options: Any) -> None:
    """Play a fleet of devices against the stack, until Ctrl-C.

    Each is a real agent with a session of its own and a simulated plant. Codes are made
    for those that are not enrolled yet; started again, it is the same fleet.
    """
    name, seed = options["name"], options["seed"]
    root = client.data or DEFAULT_FOLDER
    fleet = (folder or root / "swarm" / f"{name}_{seed}").absolute()

    try:
        allow_files_for(options["devices"])
    except TooFewFiles as why:
        fail(str(why), MISUSED)

    async def work(session: Session) -> None:
        devices = [
            device_name(name, seed, number + 1) for number in range(options["devices"])
        ]
        await _make_codes(session, fleet, devices, quiet=client.json)

    try:
        client.run(work)
    except SystemExit as ended:
        if ended.code:
            raise
    settings = _settings(client, fleet, options)
    command = [sys.executable, "-m", "edge_agent.swarm"]
    os.execve(sys.executable, command, {**os.environ, **settings})  # noqa: S606


async def _make_codes(
    session: Session, fleet: Path, devices: list[str], *, quiet: bool
) -> None:
    """A code for each device that has neither key nor code."""
    wanting = [d for d in devices if not is_enrolled(fleet / d)]
    told_at = time.monotonic()
    for number, device in enumerate(wanting, 1):
        request = CreateCode(
            device=device, kind=DeviceKind.VIRTUAL, valid_s=CODE_VALID_S
        )
        made = await session.call(CREATE_CODE, request)
        write_whole(
            fleet / device / CODE_NAME, made.code.encode(), durable=False, mode=0o600
        )
        if not quiet and time.monotonic() - told_at > _TELL_EVERY_S:
            told_at = time.monotonic()
            click.echo(f"{number} of {len(wanting)} codes made")
    if wanting and not quiet:
        click.echo(f"{len(wanting)} codes made; the fleet is kept in {fleet}")


def _settings(client: Client, fleet: Path, options: dict[str, Any]) -> dict[str, str]:
    """The swarm's settings."""
    target = find_target(client.data)
    shown = {
        "router_ca": target.trust.ca,
        "router_client_certificate": target.trust.certificate,
        "router_client_key": target.trust.key,
    }
    settings = {
        "router_url": target.router,
        **(shown if is_secure(target.router) else {}),
        "data": fleet,
        "scan_s": options.pop("scan_ms") / 1000,
        "json": "true" if client.json else "false",
        **options,
    }
    hold_ms = settings.pop("hold_ms")
    if hold_ms is not None:
        settings["hold_s"] = hold_ms / 1000
    return {
        f"SWARM_{name.upper()}": str(value)
        for name, value in settings.items()
        if value is not None
    }
