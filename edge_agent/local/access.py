"""Who may use the local API: whoever knows the token, and asks for us by our name.

The name matters because of browsers: a page from elsewhere may have its own name point
at this device (DNS rebinding). An address cannot be made to point elsewhere, so any is
accepted; of names only this host's own.
"""

import hmac
import ipaddress
import secrets
import socket
import stat
from pathlib import Path

from twisted.logger import Logger

from heddle.contract.declare import LocalError
from heddle.files import write_whole
from heddle.wamp.process import ConfigError

log = Logger()

TOKEN_NAME = "local.token"  # noqa: S105 -- a file's name
_SHORTEST = 16
_LARGEST_PORT = 65535


class BadToken(LocalError):
    """No token was sent, or another than the device's."""


class WrongHost(LocalError):
    """The request is for a host that this device is not."""


def load_or_make_token(data: Path) -> str:
    """The device's token, made at the first start. Raises ``ConfigError``."""
    file = data / TOKEN_NAME
    try:
        if not file.exists():
            write_whole(file, secrets.token_urlsafe(32).encode() + b"\n", mode=0o600)
            log.info("made the token of the local page: {file}", file=str(file))
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            log.warn("{file} was open to others; it is closed now", file=str(file))
            file.chmod(0o600)
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the token of the local page, {file}: {error}") from None
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        raise ConfigError(
            f"the token of the local page in {file} is unusable: it needs at least "
            f"{_SHORTEST} printable characters; delete the file to have one made"
        )
    return token


def check_token(authorization: str | None, token: str) -> None:
    """Raises ``BadToken``; takes the same time however much of it is right."""
    scheme, _, sent = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise BadToken(
            "this needs the device's token as `Authorization: Bearer …`; "
            f"it is in {TOKEN_NAME} in the agent's folder"
        )
    if not hmac.compare_digest(sent.strip().encode(), token.encode()):
        raise BadToken(
            "the token is not this device's: it is in "
            f"{TOKEN_NAME} in the agent's folder"
        )


def check_host(host: str | None, names: frozenset[str]) -> None:
    """Raises ``WrongHost`` unless the Host header is an address or a name of ours."""
    name = _without_port(host or "").lower().rstrip(".")
    if name in names or is_address(name):
        return
    raise WrongHost(
        f"{host!r} is no name of this device: use its address, "
        f"or one of {', '.join(sorted(names))}"
    )


def own_names(bound_to: str) -> frozenset[str]:
    """The names by which this device may be asked."""
    names = {"localhost", socket.gethostname().lower(), bound_to.lower()}
    return frozenset(name for name in names if name and not is_address(name))


def is_address(name: str) -> bool:
    """Whether it is an IP address, not a name."""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this host can reach it."""
    if is_address(host):
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    return host == "localhost"


def host_and_port(address: str) -> tuple[str, int]:
    """``HOST:PORT``; port 0 is any free one. Raises ``ConfigError``."""
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    is_port = port.isascii() and port.isdigit() and int(port) <= _LARGEST_PORT
    if not (host and colon and is_port):
        raise ConfigError(
            f"setting AGENT_LOCAL is unusable: {address!r} is no HOST:PORT "
            "such as 127.0.0.1:7070"
        )
    return ("127.0.0.1" if host == "localhost" else host), int(port)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
