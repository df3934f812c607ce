"""``heddle keys``: certificates for encrypted links, signed by a CA of one's own.

Everything lies in one folder. Each command tells what to put where.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar

import click

from heddle.cli.ending import FAILED, fail
from heddle.cli.show import show_json, show_table
from heddle.contract.declare import FleetError
from heddle.tls.authority import Authority, Made
from heddle.tls.files import now
from heddle.tls.issuing import CA

_CA_DAYS, _SERVER_DAYS, _CLIENT_DAYS = 3650, 397, 825
_SOON_DAYS = 30
_LONGEST_DAYS = 36_500

_folder = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="HEDDLE_KEYS",
    default=Path(".heddle/tls"),
    show_default=True,
    help="Where the CA is, and all that it signed.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


F = TypeVar("F", bound=Callable[..., Any])


def _days(default: int | None) -> Callable[[F], F]:
    return click.option(
        "--days",
        type=click.IntRange(1, _LONGEST_DAYS),
        default=default,
        show_default=default is not None,
        help="How long it is good." if default else "How long; as before otherwise.",
    )


@click.group()
def keys() -> None:
    """Certificates for encrypted links: a CA of your own, and what it signs."""


@keys.command("ca")
@click.option(
    "--name", default="Heddle CA", show_default=True, help="What it is called."
)
@_days(_CA_DAYS)
@_folder
@_json
def make_ca(name: str, days: int, folder: Path, *, as_json: bool) -> None:
    """Make the CA: ca.crt for everybody, ca.key for nobody else."""
    with _told():
        made = Authority(folder).found(name, days)
    _tell(
        made,
        as_json,
        f"""\
Give {made.certificate} to all who connect:
  devices   AGENT_ROUTER_CA={made.certificate}
  services  BACKEND_ROUTER_CA, FLEETDATA_ROUTER_CA, GATEWAY_ROUTER_CA
  people    heddle login https://HOST:8080 --ca {made.certificate}
  browsers  import it as an authority for web sites
Whoever has {made.key} can pretend to be your router: keep it off the network.
Next: heddle keys server router --name HOST --folder {folder}""",
    )


@keys.command("server")
@click.argument("label")
@click.option(
    "--name",
    "names",
    multiple=True,
    required=True,
    help="A name or address by which it is asked for; several times.",
)
@_days(_SERVER_DAYS)
@_folder
@_json
def make_server(
    label: str, names: tuple[str, ...], days: int, folder: Path, *, as_json: bool
) -> None:
    """Make LABEL.crt and LABEL.key for a server: a router, a gateway, PostgreSQL."""
    with _told():
        made = Authority(folder).server(label, names, days)
    host = made.names[0]
    _tell(
        made,
        as_json,
        f"""\
Give both to the server, the key to nobody else:
  router      ROUTER_TLS_CERTIFICATE={made.certificate} ROUTER_TLS_KEY={made.key}
  gateway     GATEWAY_TLS_CERTIFICATE={made.certificate} GATEWAY_TLS_KEY={made.key}
  local page  AGENT_LOCAL_TLS_CERTIFICATE={made.certificate} \
AGENT_LOCAL_TLS_KEY={made.key}
  PostgreSQL  ssl_cert_file, ssl_key_file; its clients' URL: \
?sslmode=verify-full&sslrootcert={made.certificate.with_name("ca.crt")}
The router's address is wss://{host}:8080/ws now, for services rss://{host}:8081.""",
    )


@keys.command("client")
@click.argument("label")
@_days(_CLIENT_DAYS)
@_folder
@_json
def make_client(label: str, days: int, folder: Path, *, as_json: bool) -> None:
    """Make LABEL.crt and LABEL.key for a client of a server that demands one."""
    with _told():
        made = Authority(folder).client(label, days)
    ca = made.certificate.with_name("ca.crt")
    _tell(
        made,
        as_json,
        f"""\
Give both to the client:
  a device   AGENT_ROUTER_CLIENT_CERTIFICATE={made.certificate} \
AGENT_ROUTER_CLIENT_KEY={made.key}
  a service  BACKEND_, FLEETDATA_ or GATEWAY_ROUTER_CLIENT_CERTIFICATE and ..._KEY
  a person   HEDDLE_CLIENT_CERTIFICATE={made.certificate} HEDDLE_CLIENT_KEY={made.key}
The router demands it with ROUTER_TLS_CLIENT_CA={ca}""",
    )


@keys.command("show")
@_folder
@_json
def show(folder: Path, *, as_json: bool) -> None:
    """What there is, for whom, and until when."""
    with _told():
        found = list(Authority(folder).all())
    if as_json:
        show_json({"certificates": [_plain(one) for one in found]})
        return
    at = now()
    show_table(
        ("NAME", "FOR", "NAMES", "UNTIL", "DAYS", "SHA-256"),
        (
            (
                one.label,
                one.kind,
                " ".join(one.names),
                f"{one.until:%Y-%m-%d}",
                one.days_left(at) if one.until > at else "expired",
                one.fingerprint[:16],
            )
            for one in found
        ),
    )


@keys.command("renew")
@click.argument("labels", nargs=-1)
@click.option(
    "--within",
    type=click.IntRange(0, _LONGEST_DAYS),
    default=_SOON_DAYS,
    show_default=True,
    help="Without names: all that end within so many days, the CA too.",
)
@click.option("--new-key", is_flag=True, help="With another key as well.")
@_days(None)
@_folder
@_json
def renew(
    labels: tuple[str, ...],
    within: int,
    *,
    new_key: bool,
    days: int | None,
    folder: Path,
    as_json: bool,
) -> None:
    """Make certificates anew, with their names: LABELS, or all that end soon.

    A running router, gateway or agent takes a renewed file by itself.
    """
    authority = Authority(folder)
    with _told():
        chosen = labels or _ending(authority, within)
        made = [
            authority.renew(label, days, new_key=new_key and label != CA)
            for label in sorted(chosen, key=lambda label: label != CA)
        ]
    if as_json:
        show_json({"certificates": [_plain(one) for one in made]})
        return
    for one in made:
        click.echo(f"{one.certificate} is good until {one.until:%Y-%m-%d}")
    if any(one.label == CA for one in made):
        click.echo("hand out the new ca.crt before the former one ends")
    if not made:
        click.echo(f"nothing in {folder} ends within {within} days")


def _ending(authority: Authority, within: int) -> list[str]:
    at = now()
    return [one.label for one in authority.all() if one.days_left(at) < within]


def _tell(made: Made, as_json: bool, where: str) -> None:
    if as_json:
        show_json(_plain(made))
        return
    click.echo(
        f"{made.certificate} ({made.kind}: {', '.join(made.names)}) is good until "
        f"{made.until:%Y-%m-%d}, its key is {made.key}\n{where}"
    )


def _plain(made: Made) -> dict[str, Any]:
    return {
        "label": made.label,
        "kind": made.kind,
        "names": made.names,
        "since": made.since.astimezone(UTC).isoformat(),
        "until": made.until.astimezone(UTC).isoformat(),
        "sha256": made.fingerprint,
        "certificate": str(made.certificate),
        "key": str(made.key),
    }


@contextmanager
def _told() -> Iterator[None]:
    """A refusal becomes a sentence and an exit code."""
    try:
        yield
    except FleetError as error:
        fail(str(error), FAILED)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", FAILED)
