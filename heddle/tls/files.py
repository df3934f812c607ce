"""Certificates and keys in PEM files: read, and judged before anybody uses them.

A certificate that has expired, or a key that belongs to another, is refused here with
the file's name, its state and the way out; a handshake would say much less.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from heddle.tls.trust import BadCertificate, ServerFiles

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Pair:
    """What proves who one is: a certificate, those that signed it, and its key."""

    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: Any  # one of cryptography's private keys

    @property
    def until(self) -> datetime:
        """When it ends: the leaf, or what signed it."""
        return min(one.not_valid_after_utc for one in (self.leaf, *self.chain))


def now() -> datetime:
    """The time by which certificates are judged."""
    return datetime.now(UTC)


def read_pair(certificate: Path, key: Path, at: datetime | None = None) -> Pair:
    """A certificate that is good now, and the key that fits it.

    Raises ``BadCertificate``.
    """
    leaf, *chain = read_certificates(certificate)
    for one in (leaf, *chain):
        _check_times(one, certificate, at or now())
    found = read_key(key)
    if found.public_key() != leaf.public_key():
        raise BadCertificate(
            f"the key in {key} is not that of the certificate in {certificate}: "
            "put both from the same `heddle keys`, the certificate's own before those "
            "that signed it"
        )
    return Pair(leaf, tuple(chain), found)


def check_files(files: ServerFiles) -> None:
    """Raises ``BadCertificate`` if a server could not begin with them."""
    read_pair(files.certificate, files.key)
    if files.client_ca is not None:
        read_authorities(files.client_ca)


def read_authorities(
    file: Path, at: datetime | None = None
) -> tuple[x509.Certificate, ...]:
    """The certificates of those who are trusted to sign; raises ``BadCertificate``.

    Some may have expired, as after a renewal, but not all.
    """
    found = read_certificates(file)
    good = tuple(one for one in found if one.not_valid_after_utc > (at or now()))
    if not good:
        _check_times(found[0], file, at or now())
    return good


def read_certificates(file: Path) -> tuple[x509.Certificate, ...]:
    """All certificates in a file, at least one; raises ``BadCertificate``."""
    blocks = _CERTIFICATE.findall(_read(file, "certificate"))
    if not blocks:
        raise BadCertificate(
            f"{file} holds no certificate: a file in PEM with BEGIN CERTIFICATE is "
            "needed, as `heddle keys` makes it"
        )
    try:
        return tuple(x509.load_pem_x509_certificate(block) for block in blocks)
    except ValueError as flaw:
        raise BadCertificate(
            f"the certificate in {file} is damaged ({flaw}): put the whole file again"
        ) from None


def read_key(file: Path) -> Any:
    """A private key; raises ``BadCertificate``."""
    try:
        return load_pem_private_key(_read(file, "key"), None)
    except TypeError:
        raise BadCertificate(
            f"the key in {file} needs a passphrase, which a service cannot type: keep "
            "it without one, in a file of mode 0600"
        ) from None
    except ValueError:
        raise BadCertificate(
            f"{file} holds no private key, or half of one: a file in PEM with "
            "BEGIN PRIVATE KEY is needed, as `heddle keys` makes it"
        ) from None


def _check_times(one: x509.Certificate, file: Path, at: datetime) -> None:
    if at > one.not_valid_after_utc:
        raise BadCertificate(
            f"the certificate in {file} ({named(one)}) has expired, on "
            f"{one.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: make a new one "
            "(`heddle keys renew`), or set this machine's clock"
        )
    if at < one.not_valid_before_utc:
        raise BadCertificate(
            f"the certificate in {file} ({named(one)}) is not good before "
            f"{one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC: is this machine's clock "
            "right?"
        )


def named(one: x509.Certificate) -> str:
    """Whose a certificate is, in words."""
    return one.subject.rfc4514_string() or "without a name"


def _read(file: Path, what: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadCertificate(f"{what} file {file}: {error.strerror}") from None
