"""Who is who on a secured OPC UA connection.

The agent shows one certificate to all servers, made at its first use. A server's
certificate must be known beforehand: one that is not is kept apart under
``data/opcua/refused``, and the refusal tells its fingerprint and how to trust it.
"""

import hashlib
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge_agent.drivers.linked import LinkLost
from heddle.files import write_whole
from heddle.wamp.process import ConfigError

FOLDER = "opcua"
VALID_DAYS = 3650
KEY_BITS = 2048
_PEM = b"-----BEGIN"


@dataclass(frozen=True, slots=True)
class Identity:
    """The agent's certificate and key, DER, and the name it goes by."""

    certificate: bytes
    key: bytes
    application_uri: str


def load_identity(certificate: Path, private_key: Path) -> Identity:
    """Read the pair. Raises ``ConfigError`` for what cannot be used."""
    try:
        shown = load_certificate(certificate)
        raw = private_key.read_bytes()
        load = load_pem_private_key if raw.startswith(_PEM) else load_der_private_key
        key = load(raw, password=None)
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from None
    except (TypeError, ValueError):
        raise ConfigError(
            f"private_key {private_key} is no key without a password, PEM or DER"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigError(f"private_key {private_key} is no RSA key, as OPC UA needs")
    if key.public_key() != shown.public_key():
        raise ConfigError(f"private_key {private_key} is not that of {certificate}")
    uris = _uris(shown)
    if not uris:
        raise ConfigError(
            f"certificate {certificate} names no application URI; OPC UA needs one "
            "among its subject alternative names"
        )
    return _identity(shown, key, uris[0])


def made_identity(data: Path) -> Identity:
    """The agent's own pair under ``data``, made if it is not there."""
    certificate = data / FOLDER / "certificate.der"
    private_key = data / FOLDER / "private_key.pem"
    if not (certificate.exists() and private_key.exists()):
        _make(certificate, private_key)
    return load_identity(certificate, private_key)


def load_certificate(file: Path) -> x509.Certificate:
    """A certificate, PEM or DER. Raises ``ConfigError`` or ``OSError``."""
    raw = file.read_bytes()
    try:
        if raw.startswith(_PEM):
            return x509.load_pem_x509_certificate(raw)
        return x509.load_der_x509_certificate(raw)
    except ValueError:
        raise ConfigError(f"{file} is no certificate, PEM or DER") from None


def der(certificate: x509.Certificate) -> bytes:
    """Its bytes."""
    return certificate.public_bytes(Encoding.DER)


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate (DER), as people compare it."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


def trusted_file(data: Path, connection: str) -> Path:
    """Where a server's certificate lies if the tag file names no place."""
    return data / FOLDER / "trusted" / f"{connection}.der"


def see_trusted(
    shown: bytes, pinned: Path, *, data: Path, connection: str, setting: bool
) -> None:
    """Raises ``LinkLost`` if the server's certificate is not the pinned one."""
    try:
        known = der(load_certificate(pinned))
    except FileNotFoundError:
        known = b""
    except (OSError, ConfigError) as error:
        raise LinkLost(f"the trusted certificate cannot be read: {error}") from None
    if known == shown:
        return
    kept = data / FOLDER / "refused" / f"{connection}.der"
    place = f"{pinned} (server_certificate)" if setting else str(pinned)
    way_out = f"move {kept} to {place}"
    try:
        write_whole(kept, shown, durable=False)
    except OSError as error:
        way_out = f"put it at {place}: here it cannot be kept, {error.strerror}"
    state = "is not known" if not known else "is another than the trusted one"
    raise LinkLost(
        f"the server's certificate {state}: {_told(shown)}. "
        f"If that is what the server itself shows, {way_out}"
    )


def _told(shown: bytes) -> str:
    words = f"SHA-256 {fingerprint(shown)}"
    try:
        certificate = x509.load_der_x509_certificate(shown)
    except ValueError:
        return words
    subject = certificate.subject.rfc4514_string()
    until = certificate.not_valid_after_utc.date().isoformat()
    return f"{words}, {subject}, valid until {until}"


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.UniformResourceIdentifier)


def _identity(shown: x509.Certificate, key: rsa.RSAPrivateKey, uri: str) -> Identity:
    raw = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return Identity(der(shown), raw, uri)


def _make(certificate: Path, private_key: Path) -> None:
    host = socket.gethostname()
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"Heddle agent at {host}")]
    )
    now = datetime.now(UTC)
    uri = x509.UniformResourceIdentifier(f"urn:{host}:heddle:agent")
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([uri, x509.DNSName(host)]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(usage, True)
        .add_extension(client, False)
        .add_extension(identifier, False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_whole(private_key, pem, mode=0o600)
    write_whole(certificate, der(made))
