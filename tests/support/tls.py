"""A CA for a test, certificates that are not as they should be, and a handshake.

``shake_hands`` lets a client and a server of ours meet in memory: what OpenSSL makes of
their certificates needs no network.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from heddle.tls.authority import Authority
from heddle.tls.dialling import Attempt
from heddle.tls.files import now, read_certificates, read_key
from heddle.tls.issuing import alternative_names, subject
from heddle.tls.serving import Secured
from heddle.tls.trust import ServerFiles, Trust

HERE = ("127.0.0.1", "localhost")


@dataclass
class Plant:
    """A folder with a CA, a server's certificate for this machine, and a client's."""

    folder: Path

    def __post_init__(self) -> None:
        self.authority = Authority(self.folder)
        self.authority.found(f"CA of {self.folder.name}", 60)
        self.authority.server("router", HERE, 30)
        self.authority.client("press_7", 30)

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def files(self, label: str = "router", *, client_ca: Path | None = None) -> Any:
        """What a server is given."""
        return ServerFiles(*self.pair(label), client_ca)

    def pair(self, label: str) -> tuple[Path, Path]:
        """A certificate and its key."""
        return self.folder / f"{label}.crt", self.folder / f"{label}.key"

    def trust(self, label: str | None = None) -> Trust:
        """What a client is given, with a certificate of its own if ``label`` is."""
        return Trust(self.ca) if label is None else Trust(self.ca, *self.pair(label))

    def ended(self, label: str, *, days_ago: int = 1) -> None:
        """A server's certificate that has expired; one to come, if below zero."""
        root = read_certificates(self.ca)[0]
        signer = read_key(self.folder / "ca.key")
        key = ec.generate_private_key(ec.SECP256R1())
        until = now() - timedelta(days=days_ago)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject(label))
            .issuer_name(root.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(until - timedelta(hours=20))
            .not_valid_after(until)
            .add_extension(alternative_names(HERE), critical=False)
            .sign(signer, hashes.SHA256())
        )
        certificate, key_file = self.pair(label)
        certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


class Wire:
    """Stands for a server's protocol: keeps what is written beside TLS."""

    def __init__(self) -> None:
        self.transport = self
        self.said = b""

    def write(self, content: bytes) -> None:
        self.said += content


@dataclass
class Met:
    """How a handshake ended at each side."""

    client: SSL.Connection
    client_flaw: SSL.Error | None
    server_flaw: SSL.Error | None

    @property
    def stands(self) -> bool:
        return self.client_flaw is None and self.server_flaw is None

    @property
    def shown(self) -> x509.Certificate:
        """What the server showed."""
        found = self.client.get_peer_certificate(as_cryptography=True)
        assert found is not None
        return found


def shake_hands(attempt: Attempt, secured: Secured) -> Met:
    """A handshake between the two, to its end."""
    client: Any = attempt.clientConnectionForTLS(None)
    server: Any = secured.serverConnectionForTLS(Wire())
    client.set_connect_state()
    server.set_accept_state()
    flaws: dict[Any, SSL.Error | None] = {client: None, server: None}
    for _ in range(6):
        for one, other in ((client, server), (server, client)):
            flaws[one] = flaws[one] or _step(one)
            _carry(one, other)
    return Met(client, flaws[client], flaws[server])


def _step(one: Any) -> SSL.Error | None:
    """On with the handshake; then hear whether the other side has a complaint."""
    try:
        one.do_handshake()
        one.recv(1)
    except SSL.WantReadError:
        return None
    except SSL.Error as flaw:
        return flaw
    return None


def _carry(one: Any, other: Any) -> None:
    try:
        while True:
            other.bio_write(one.bio_read(1 << 15))
    except SSL.WantReadError:
        return
