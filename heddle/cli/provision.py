"""``heddle device add``: a code for a device to come, or a virtual device at once."""

import os
import shutil
import subprocess
from pathlib import Path

import click

from heddle.cli.connect import Client, client_command, find_target
from heddle.cli.show import show_json, when
from heddle.contract.declare import LocalError
from heddle.contract.devices import CREATE_CODE, CreateCode, DeviceKind, EnrolmentCode
from heddle.tls.trust import is_secure
from heddle.wamp.session import Session

SOCKET = "/var/run/docker.sock"


class NotProvisioned(LocalError):
    """Docker did not start the device; the sentence says why."""


@click.command("add")
@click.argument("device")
@click.option("--virtual", is_flag=True, help="Start it here, in a Docker container.")
@click.option("--image", default="heddle/agent:dev", show_default=True)
@click.option("--engine-image", default="heddle/engine:dev", show_default=True)
@click.option(
    "--router",
    help="The router's address as the device sees it; else the one used here.",
)
@click.option("--time-scale", type=click.FloatRange(0.001, 1000), default=1.0)
@client_command
def add(
    client: Client,
    device: str,
    *,
    virtual: bool,
    image: str,
    engine_image: str,
    router: str | None,
    time_scale: float,
) -> None:
    """Add DEVICE: tells the one-time code, or starts it, with --virtual.

    A virtual device is a container with the simulated plant, on this host's network;
    its engines are containers beside it. `heddle device decommission` ends it.
    """

    async def work(session: Session) -> None:
        target = find_target(client.data)
        address = router or target.router
        ca = target.trust.ca
        kind = DeviceKind.VIRTUAL if virtual else DeviceKind.EDGE
        if virtual:
            _need_docker(image)
        code = await session.call(CREATE_CODE, CreateCode(device=device, kind=kind))
        if not virtual:
            tell_code(client, code, address, ca)
            return
        container = _start(code, image, engine_image, address, time_scale, ca)
        if client.json:
            show_json({"device": code.device, "container": container})
        else:
            click.echo(f"{code.device} starts in container {container}")

    client.run(work)


def tell_code(
    client: Client, code: EnrolmentCode, address: str, ca: Path | None = None
) -> None:
    """Show a code, and what to do with it on the device."""
    if not is_secure(address):
        ca = None
    if client.json:
        show_json(code)
        return
    click.echo(
        f"{code.code}\nfor device {code.device}, once, until "
        f"{when(code.expires_at_ms)}; on the device:\n"
        f"  AGENT_CODE={code.code} AGENT_ROUTER_URL={address} "
        + ("AGENT_ROUTER_CA=/etc/heddle/ca.crt " if ca is not None else "")
        + "AGENT_DATA=/var/lib/heddle heddle-agent"
        + (f"\nand its file /etc/heddle/ca.crt is {ca} here" if ca is not None else "")
    )


def _need_docker(image: str) -> None:
    _docker("image", "inspect", "--format", "{{.Id}}", image, hint=f" ({image})")


def _start(
    code: EnrolmentCode,
    image: str,
    engine_image: str,
    address: str,
    time_scale: float,
    ca: Path | None,
) -> str:
    name = f"heddle-device-{code.device}"
    environ = {
        "AGENT_ROUTER_URL": address,
        "AGENT_KIND": DeviceKind.VIRTUAL.value,
        "AGENT_ENGINE_IMAGE": engine_image,
        "AGENT_TIME_SCALE": f"{time_scale:g}",
        "AGENT_CODE": code.code,
    }
    seen = []
    if ca is not None and is_secure(address):
        environ["AGENT_ROUTER_CA"] = "/ca.crt"
        seen = ["--volume", f"{ca.absolute()}:/ca.crt:ro"]
    names = [word for name_ in environ for word in ("-e", name_)]  # no code in `ps`
    _docker(
        *("run", "--detach", "--name", name, "--restart", "unless-stopped"),
        *("--init", "--network", "host", "--user", "0:0", "--read-only"),
        *("--tmpfs", "/tmp", "--cap-drop", "ALL"),  # noqa: S108 -- in the container
        *("--cap-add", "CHOWN", "--cap-add", "DAC_OVERRIDE", "--cap-add", "FOWNER"),
        *("--security-opt", "no-new-privileges"),
        *("--volume", f"{name}:/data", "--volume", f"{SOCKET}:{SOCKET}"),
        *seen,
        *names,
        image,
        environ=environ,
    )
    return name


def _docker(*words: str, environ: dict[str, str] | None = None, hint: str = "") -> str:
    if (docker := shutil.which("docker")) is None:
        raise NotProvisioned("there is no `docker` command on this host")
    done = subprocess.run(  # noqa: S603 -- our own words
        [docker, *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **(environ or {})},
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NotProvisioned(f"docker {words[0]} failed{hint}: {why}")
    return done.stdout.strip()
