"""How to reach a broker: the settings of MQTT and Sparkplug connections, checked.

Secrets and keys are in files, never in the tag file. A broker's certificate is always
verified: against ``ca_file``, or against what the system trusts.
"""

import secrets
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from edge_agent.drivers.connections import Place
from heddle.wamp.process import ConfigError

PORTS = {"mqtt": 1883, "mqtts": 8883}
MAX_SECRET_BYTES = 4096
SESSION_EXPIRY_S = 3600


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection says of its broker."""

    url: str  # mqtt://host[:1883] or mqtts://host[:8883]
    version: Literal["3.1.1", "5", 5] = "5"
    client_id: str = ""  # "": one of its own for each start
    clean_start: bool = True
    session_expiry_s: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = (
        SESSION_EXPIRY_S
    )
    keepalive_s: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 15
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """A broker's settings, with all files read."""

    url: str
    host: str
    port: int
    five: bool  # MQTT 5, else 3.1.1
    client_id: str
    clean_start: bool
    session_expiry_s: int
    keepalive_s: int
    user: str
    password: str | None
    tls: ssl.SSLContext | None


def checked(place: Place, broker: Broker) -> Access:
    """Read the files, and see that all goes together. Raises ``ConfigError``."""
    scheme, host, port = _address(broker.url)
    if scheme == "mqtt" and (given := _tls_settings(broker)):
        raise ConfigError(
            f"{given} needs TLS, but url {broker.url!r} is plain: write mqtts://"
        )
    if not broker.clean_start and not broker.client_id:
        raise ConfigError(
            "clean_start = false needs a client_id: the broker keeps the session for it"
        )
    if broker.password_file and not broker.user:
        raise ConfigError("password_file needs a user")
    return Access(
        url=f"{scheme}://{host}:{port}",
        host=host,
        port=port,
        five=broker.version != "3.1.1",
        client_id=broker.client_id or f"heddle-{place.name}-{secrets.token_hex(4)}",
        clean_start=broker.clean_start,
        session_expiry_s=broker.session_expiry_s,
        keepalive_s=broker.keepalive_s,
        user=broker.user,
        password=_password(place, broker),
        tls=_tls(place, broker) if scheme == "mqtts" else None,
    )


def _address(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as flaw:
        raise ConfigError(f"url {url!r}: {flaw}") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise ConfigError(
            f"url {url!r} is no mqtt://HOST[:PORT] or mqtts://HOST[:PORT]"
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError("url names a user: set user and password_file instead")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError(
            f"url {url!r} has something after its port: topics belong to the tags"
        )
    return parts.scheme, parts.hostname, port or PORTS[parts.scheme]


def _tls_settings(broker: Broker) -> str:
    for name in ("ca_file", "cert_file", "key_file"):
        if getattr(broker, name):
            return name
    return ""


def _password(place: Place, broker: Broker) -> str | None:
    if not broker.password_file:
        return None
    file = place.files / broker.password_file
    read = _bytes("password_file", file)
    if len(read) > MAX_SECRET_BYTES:
        raise ConfigError(f"password_file {file} is no password: {len(read)} bytes")
    try:
        found = read.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"password_file {file} is no text in UTF-8") from None
    if not found:
        raise ConfigError(f"password_file {file} is empty")
    return found


def _tls(place: Place, broker: Broker) -> ssl.SSLContext:
    ca = place.files / broker.ca_file if broker.ca_file else None
    if ca is not None:
        _bytes("ca_file", ca)
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except ssl.SSLError:
        raise ConfigError(f"ca_file {ca} holds no certificate in PEM form") from None
    context.sslsocket_class = _Tidy
    if bool(broker.cert_file) != bool(broker.key_file):
        raise ConfigError("cert_file and key_file belong together: one is missing")
    if broker.cert_file:
        cert, key = place.files / broker.cert_file, place.files / broker.key_file
        _bytes("cert_file", cert)
        _bytes("key_file", key)
        _own(context, cert, key)
    return context


class _Tidy(ssl.SSLSocket):
    """Closed when its handshake fails; paho leaves it to the garbage collector."""

    @override
    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _own(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Without ever asking a terminal for the key's password."""
    try:
        context.load_cert_chain(str(cert), str(key), password=lambda: "")
    except (ssl.SSLError, ValueError) as flaw:
        why = getattr(flaw, "reason", None) or "the key is encrypted or no key"
        raise ConfigError(
            f"cert_file {cert} and key_file {key} cannot be used: {why}"
        ) from None


def _bytes(setting: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{setting} {file}: {error.strerror}") from None
