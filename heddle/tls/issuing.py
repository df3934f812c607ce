"""Certificates as they are made here: who signs, for what, for whom, for how long.

ECDSA on P-256 with SHA-256. A leaf says whether it is a server's or a client's, so that
neither passes for the other, and does not outlive what signed it.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from heddle.contract.declare import LocalError
from heddle.tls.files import now

CA = "ca"
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
EARLIER = timedelta(hours=1)  # a certificate begins, for clocks that are late
_DNS = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{1,63}")


_LONGEST_SUBJECT = 64


class NotMade(LocalError):
    """What was asked for cannot be made; the sentence says why."""


class Signer:
    """The CA's certificate and key."""

    def __init__(self, root: x509.Certificate, key: Any) -> None:
        self._root = root
        self._key = key

    def sign(
        self,
        subject: x509.Name,
        public: Any,
        use: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None,
        days: int,
    ) -> x509.Certificate:
        """A certificate that does not outlive the CA's."""
        until = min(now() + timedelta(days=days), self._root.not_valid_after_utc)
        builder = _builder(subject, self._root.subject, public, until)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self._root.public_key()  # type: ignore[arg-type]
        )
        builder = (
            builder.add_extension(
                x509.BasicConstraints(ca=False, path_length=None), critical=True
            )
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(issuer, critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def root(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.Certificate:
    """A CA's own certificate; what it signs cannot sign in turn."""
    until = now() + timedelta(days=days)
    return (
        _builder(name, name, key.public_key(), until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: Any, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - EARLIER)
        .not_valid_after(until)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def subject(name: str) -> x509.Name:
    """Whose a certificate is, in words; a host's names are the alternative ones."""
    if not 1 <= len(name) <= _LONGEST_SUBJECT:
        raise NotMade(f"{name!r} is no name of 1 to {_LONGEST_SUBJECT} characters")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def alternative_names(names: Sequence[str]) -> x509.SubjectAlternativeName:
    """The hosts' names and addresses; raises ``NotMade`` for what is neither."""
    return x509.SubjectAlternativeName([_general(name) for name in names])


def _general(name: str) -> x509.GeneralName:
    """An address, or a name, with `*.` before it for all of a domain."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        pass
    lower = name.lower().rstrip(".")
    if not _DNS.fullmatch(lower):
        raise NotMade(
            f"{name!r} is neither a host's name nor an address: write centre.example, "
            "*.plant.example or 10.0.0.5, without https:// and port"
        )
    return x509.DNSName(lower)


def described(
    former: x509.Certificate,
) -> tuple[x509.ObjectIdentifier, x509.SubjectAlternativeName | None]:
    """What a certificate is for, and whom it names."""
    use = SERVER if kind_of(former) == "server" else CLIENT
    try:
        extension = former.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return use, None
    return use, extension.value


def names_of(found: x509.Certificate) -> Iterable[str]:
    """The names and addresses in a certificate."""
    _, names = described(found)
    for name in names or ():
        if isinstance(name, x509.DNSName | x509.IPAddress):
            yield str(name.value)


def kind_of(found: x509.Certificate) -> str:
    """What it is for: ca, server or client."""
    try:
        uses = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return CA
    return "server" if SERVER in uses else "client"
