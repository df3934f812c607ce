"""Whom a client takes for its router, what it shows of itself, and a server's files.

Light, for every client holds one: OpenSSL is loaded by the first encrypted link, in
``heddle.tls.dialling``. The files are read at each attempt to connect, so a renewed
one is taken by the next, and what is wrong with them is told then.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from heddle.contract.declare import LocalError

SECURE = ("wss", "rss")


class BadCertificate(LocalError):
    """A certificate, key or CA file is missing, damaged, expired, or does not fit."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Files in PEM. Without ``ca``, who this machine trusts is trusted."""

    ca: Path | None = None
    certificate: Path | None = None  # with its chain; shown to a router that asks
    key: Path | None = None

    @property
    def is_own(self) -> bool:
        """Whether anything was said, so that a plain link cannot be meant."""
        return any((self.ca, self.certificate, self.key))


SYSTEM_TRUST = Trust()


class Linked(Protocol):
    """The settings of a program that joins a router."""

    @property
    def router_url(self) -> str: ...  # noqa: D102 -- settings, told where they are
    @property
    def router_ca(self) -> Path | None: ...  # noqa: D102
    @property
    def router_client_certificate(self) -> Path | None: ...  # noqa: D102
    @property
    def router_client_key(self) -> Path | None: ...  # noqa: D102


def trust_of(config: Linked) -> Trust:
    """What a program's settings say; raises ``BadCertificate``.

    A CA for a plain address is refused: somebody believes that link to be encrypted.
    The files themselves are judged at each attempt: a device whose certificate has
    expired still runs its flows, and joins as soon as there is a new one.
    """
    trust = Trust(
        config.router_ca, config.router_client_certificate, config.router_client_key
    )
    if trust.is_own and not is_secure(config.router_url):
        raise BadCertificate(
            f"there are certificates for the router, but {config.router_url} is not "
            "encrypted: use wss:// or rss://, or take away router_ca and "
            "router_client_*"
        )
    if (trust.certificate is None) != (trust.key is None):
        raise BadCertificate(
            "a client certificate needs its key, and a key its certificate: set both "
            "router_client_certificate and router_client_key, or neither"
        )
    return trust


def is_secure(url: str) -> bool:
    """Whether the router at this address speaks TLS."""
    return urlsplit(url).scheme in SECURE


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """What a server is given, in PEM."""

    certificate: Path  # with those that signed it, less the CA
    key: Path
    client_ca: Path | None = None  # who has no certificate of it is refused

    def all(self) -> tuple[Path, ...]:
        """Each file that may be renewed."""
        ca = () if self.client_ca is None else (self.client_ca,)
        return (self.certificate, self.key, *ca)


def server_files(
    certificate: Path | None, key: Path | None, client_ca: Path | None = None
) -> ServerFiles | None:
    """The files of three settings, or None for plain links.

    Raises ``BadCertificate`` when some are there and others missing.
    """
    if certificate is not None and key is not None:
        return ServerFiles(certificate, key, client_ca)
    if certificate is None and key is None and client_ca is None:
        return None
    raise BadCertificate(
        "TLS needs a certificate and its key: name both files, or neither"
    )


def behind_tls(files: ServerFiles, wrapped: Any, clock: Any, port: str) -> Any:
    """A ``SecuredFactory``: whoever connects speaks TLS before ``wrapped`` hears of
    them. ``port`` is what it is called in the log. Raises ``BadCertificate``.
    """
    from heddle.tls.serving import (  # noqa: PLC0415 -- OpenSSL, only where wanted
        Secured,
        SecuredFactory,
    )

    return SecuredFactory(Secured(clock, files, port), wrapped, clock)
