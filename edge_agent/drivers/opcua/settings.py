"""What a tag file says of an OPC UA connection and its tags, checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from edge_agent.drivers.opcua.names import NodeName, NoNodeId, node_name
from edge_agent.drivers.points import Point
from heddle.contract.devices import TagType
from heddle.wamp.process import ConfigError

Security: TypeAlias = Literal["none", "sign", "sign_and_encrypt"]
Policy: TypeAlias = Literal[
    "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"
]

DEFAULT_QUEUE: Final = 10


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the tag file says of a connection."""

    url: str
    security: Security = "none"
    policy: Policy = "Basic256Sha256"
    certificate: str | None = None  # the agent's own; None: it makes one
    private_key: str | None = None
    server_certificate: str | None = None  # None: what lies under data/opcua/trusted
    user_name: str | None = None
    password_file: str | None = None
    insecure_password: bool = False  # send it over a connection that is not encrypted
    timeout_ms: Annotated[int, msgspec.Meta(ge=500, le=8000)] = 4000
    queue: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = DEFAULT_QUEUE


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What the tag file says of a tag."""

    node_id: str


@dataclass(frozen=True, slots=True)
class Item:
    """A tag and its node."""

    tag: str
    node: NodeName
    words: str  # the node id as the tag file has it
    kind: TagType
    scan_ms: int
    writable: bool


def items_of(points: Sequence[Point[Address]]) -> tuple[Item, ...]:
    """The tags and their nodes. Raises ``ConfigError`` naming the tag."""
    items = tuple(_item(point) for point in points)
    taken: dict[NodeName, str] = {}
    for item in items:
        if item.node in taken:
            raise ConfigError(
                f"tags {taken[item.node]!r} and {item.tag!r} are both node "
                f"{item.words}; keep one"
            )
        taken[item.node] = item.tag
    return items


def _item(point: Point[Address]) -> Item:
    try:
        node = node_name(point.address.node_id)
    except NoNodeId as flaw:
        raise ConfigError(f"tag {point.name!r}: {flaw}") from None
    return Item(
        point.name,
        node,
        point.address.node_id.strip(),
        point.tag.type,
        point.settings.scan_ms,
        point.settings.writable,
    )


def check(settings: Settings, files: Path) -> None:
    """Raises ``ConfigError`` for settings that do not go together."""
    _check_url(settings.url)
    secure = settings.security != "none"
    if (settings.certificate is None) != (settings.private_key is None):
        raise ConfigError("certificate and private_key go together; give both or none")
    if not secure and (settings.certificate or settings.server_certificate):
        raise ConfigError(
            'certificates are of no use with security = "none"; '
            'set security = "sign_and_encrypt"'
        )
    if (settings.user_name is None) != (settings.password_file is None):
        raise ConfigError("user_name and password_file go together; give both or none")
    exposed = settings.security != "sign_and_encrypt" and not settings.insecure_password
    if settings.password_file is not None and exposed:
        raise ConfigError(
            f"security = {settings.security!r} does not hide the password; set "
            'security = "sign_and_encrypt", or insecure_password = true'
        )
    for setting in ("certificate", "private_key", "server_certificate"):
        _check_file(setting, getattr(settings, setting), files)
    _check_file("password_file", settings.password_file, files)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme == "opc.tcp" and parts.hostname and parts.port is not None
    except ValueError:
        sound, parts = False, urlsplit("")
    if not sound:
        raise ConfigError(
            f"url {url!r} is none of the form opc.tcp://host:4840 or "
            "opc.tcp://host:4840/path"
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "url has a user in it; write user_name and password_file instead"
        )


def _check_file(setting: str, name: str | None, files: Path) -> None:
    if name is None:
        return
    try:
        with (files / name).open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"{setting} {files / name}: {error.strerror}") from None
