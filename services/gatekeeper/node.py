"""Starts the router: renders ``crossbar/config.json`` for one machine and runs it.

That file is the whole configuration; only ports, interface and paths of this machine
are put in. Every option can be given as ``ROUTER_<OPTION>`` in the environment. What
would keep the router from starting is told in one sentence, with exit code 2. SIGINT
ends it with 0; SIGHUP has renewed certificates taken at once.
"""

import json
import os
import signal
import socket
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from errno import EADDRINUSE
from pathlib import Path
from typing import Any

import click

from heddle.tls.files import check_files
from heddle.tls.trust import BadCertificate, ServerFiles, server_files
from services.gatekeeper.principals import BadPrincipals, load_principals

ROOT = Path(__file__).parents[2]
TEMPLATES = (ROOT / "crossbar/config.json", Path(__file__).with_name("config.json"))
PAGES = (ROOT / "services/web/dist", Path("/opt/page"))
FREE_WITHIN_S = 8.0
LOG_LEVELS = ("critical", "error", "warn", "info", "debug")  # trace tells passwords
_NO_PAGE = "<!doctype html><title>Heddle</title>The page is not built: run `make web`."


@dataclass(frozen=True, slots=True)
class Tls:
    """What both ports show; and who has to show a certificate to them."""

    files: ServerFiles
    clients_on_web: bool = False  # else they need one on the RawSocket port only

    def of_web(self) -> dict[str, Any]:
        """For the port that browsers and devices use."""
        return self._endpoint(self.files.client_ca if self.clients_on_web else None)

    def of_rawsocket(self) -> dict[str, Any]:
        """For the services' port."""
        return self._endpoint(self.files.client_ca)

    def _endpoint(self, client_ca: Path | None) -> dict[str, Any]:
        """As Crossbar's configuration has it."""
        shown = {
            "certificate": str(self.files.certificate.absolute()),
            "key": str(self.files.key.absolute()),
        }
        if client_ca is None:
            return shown
        return {**shown, "ca_certificates": [str(client_ca.absolute())]}


def node_config(
    *,
    port: int,
    rawsocket_port: int,
    web_dir: Path,
    principals_file: Path,
    host: str = "127.0.0.1",
    tls: Tls | None = None,
) -> dict[str, Any]:
    """Crossbar's node configuration for this machine."""
    config: dict[str, Any] = json.loads(_first(TEMPLATES).read_text())
    (worker,) = config["workers"]
    web, rawsocket = worker["transports"]
    web["endpoint"].update(port=port, interface=host)
    rawsocket["endpoint"].update(port=rawsocket_port, interface=host)
    if tls is not None:
        web["endpoint"]["tls"] = tls.of_web()
        rawsocket["endpoint"]["tls"] = tls.of_rawsocket()
    web["paths"]["/"]["extra"]["directory"] = str(web_dir.absolute())
    (gatekeeper,) = worker["components"]
    gatekeeper["extra"]["principals"] = str(principals_file.absolute())
    return config


def _first(paths: tuple[Path, ...]) -> Path:
    """The first that is there: of the source tree, or of an installed package."""
    return next((path for path in paths if path.exists()), paths[0])


def _page(cbdir: Path) -> Path:
    """The built page, or one that says that it is not built."""
    built = _first(PAGES)
    if built.exists():
        return built
    instead = cbdir / "page"
    instead.mkdir(exist_ok=True)
    (instead / "index.html").write_text(_NO_PAGE)
    return instead


class PortUnusable(Exception):
    """We cannot listen on a port, for example because another program does."""


def _until_free(host: str, port: int, option: str) -> None:
    """Wait a moment for a port: a killed router frees its own, mostly within 2 s."""
    give_up_at = time.monotonic() + FREE_WITHIN_S
    while (error := _listening(host, port)) is not None:
        if error.errno != EADDRINUSE or time.monotonic() > give_up_at:
            why = "is in use" if error.errno == EADDRINUSE else f"({error.strerror})"
            raise PortUnusable(
                f"port {port} of {host} {why}: choose another with {option}"
            )
        time.sleep(0.1)


def _listening(host: str, port: int) -> OSError | None:
    """What hinders us from listening there, if anything does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None


def _prepare(
    cbdir: Path,
    principals: Path,
    web_dir: Path | None,
    *,
    port: int,
    rawsocket_port: int,
    host: str,
    tls: Tls | None,
) -> None:
    load_principals(principals)
    if tls is not None:
        check_files(tls.files)
    _until_free(host, port, "--port")
    _until_free(host, rawsocket_port, "--rawsocket-port")
    cbdir.mkdir(parents=True, exist_ok=True)
    (cbdir / "node.pid").unlink(missing_ok=True)  # of a router that was killed
    config = node_config(
        port=port,
        rawsocket_port=rawsocket_port,
        web_dir=web_dir or _page(cbdir),
        principals_file=principals,
        host=host,
        tls=tls,
    )
    (worker,) = config["workers"]
    extra = worker["components"][0]["extra"]
    extra["freeze_heap"] = extra["heeds_hangup"] = True  # the process is its own
    (cbdir / "config.json").write_text(json.dumps(config, indent=2))


def _tls(
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    *,
    tls_clients_on_web: bool,
) -> Tls | None:
    """What the options say; raises ``BadCertificate`` when they do not go together."""
    files = server_files(tls_certificate, tls_key, tls_client_ca)
    if tls_clients_on_web and (files is None or files.client_ca is None):
        raise BadCertificate(
            "--tls-clients-on-web needs --tls-client-ca: the CA of their certificates"
        )
    return None if files is None else Tls(files, tls_clients_on_web)


def _pass_on_hangup() -> None:
    """SIGHUP comes to this process; the certificates are its child's."""
    own = os.getpid()

    def pass_on(*_: object) -> None:
        for child in Path(f"/proc/{own}/task/{own}/children").read_text().split():
            if _heeds_hangup(child):  # one that is just starting would die of it
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGHUP)

    signal.signal(signal.SIGHUP, pass_on)


def _heeds_hangup(pid: str) -> bool:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) & (1 << (signal.SIGHUP - 1)))
    return False


_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(context_settings={"auto_envvar_prefix": "ROUTER"})
@click.option("--cbdir", type=_FOLDER, required=True, help="Writable node directory.")
@click.option("--principals", type=_FILE, required=True, help="Trusted keys, JSON.")
@click.option("--port", default=8080, help="Page and WebSocket.")
@click.option("--rawsocket-port", default=8081, help="RawSocket, for services.")
@click.option("--host", default="127.0.0.1", help="Interface to listen on.")
@click.option("--web-dir", type=_FOLDER, help="The built page.")
@click.option("--tls-certificate", type=_FILE, help="PEM, with its chain: use TLS.")
@click.option("--tls-key", type=_FILE, help="The certificate's key, PEM.")
@click.option(
    "--tls-client-ca",
    type=_FILE,
    help="Who has no certificate of this CA is refused on the RawSocket port.",
)
@click.option("--tls-clients-on-web", is_flag=True, help="And on the web port.")
@click.option(
    "--loglevel",
    type=click.Choice(LOG_LEVELS),
    default="warn",
    help="Crossbar's log level.",
)
def main(
    cbdir: Path,
    principals: Path,
    port: int,
    rawsocket_port: int,
    host: str,
    web_dir: Path | None,
    loglevel: str,
    **tls: Any,
) -> None:
    """Run the router in the foreground."""
    try:
        shown = _tls(**tls)
        _prepare(
            cbdir,
            principals,
            web_dir,
            port=port,
            rawsocket_port=rawsocket_port,
            host=host,
            tls=shown,
        )
    except (BadPrincipals, BadCertificate, PortUnusable, OSError) as flaw:
        click.echo(f"router: {flaw}", err=True)
        sys.exit(2)
    if shown is not None:
        _pass_on_hangup()
    from crossbar import run  # noqa: PLC0415 -- takes a second and installs a reactor

    arguments = {"--cbdir": str(cbdir), "--color": "false", "--loglevel": loglevel}
    sys.argv = ["crossbar", "start", *(w for pair in arguments.items() for w in pair)]
    run()


if __name__ == "__main__":
    main()
