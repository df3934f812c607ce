"""A small certificate authority for a plant of one's own: a folder with a key in it.

It signs certificates for servers (names and addresses) and for clients (who has to show
one), with ECDSA on P-256. A renewed certificate keeps its key and its names unless told
otherwise, so a server takes it without a moment in which key and certificate differ. A
renewed CA keeps its key too: who trusts the former one still trusts what it signed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from heddle.contract.declare import LocalError
from heddle.files import write_whole
from heddle.tls import issuing
from heddle.tls.files import named, now, read_certificates, read_key
from heddle.tls.issuing import CA, EARLIER, NotMade, Signer, subject

_LABEL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class NoAuthority(LocalError):
    """There is no CA in the folder, or it cannot sign any more."""


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate of the folder."""

    label: str
    kind: str  # ca, server or client
    names: tuple[str, ...]
    since: datetime
    until: datetime
    fingerprint: str  # SHA-256
    certificate: Path
    key: Path

    def days_left(self, at: datetime) -> int:
        """Whole days until it ends; below zero when it has."""
        return (self.until - at).days


class Authority:
    """The CA of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def found(self, name: str, days: int) -> Made:
        """Make the CA; raises ``NotMade`` where one is already."""
        self._must_be_new(CA)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        self._write_key(CA, key)
        self._write(CA, issuing.root(subject(name), key, days))
        return self.show(CA)

    def server(self, label: str, names: Sequence[str], days: int) -> Made:
        """Make a server's key and certificate. Raises ``NotMade``, ``NoAuthority``."""
        if not names:
            raise NotMade(
                "a server's certificate needs the names and addresses by which it is "
                "asked for: --name centre.example --name 10.0.0.5"
            )
        described = issuing.alternative_names(names)
        return self._make(label, issuing.SERVER, described, days)

    def client(self, label: str, days: int) -> Made:
        """Make a client's key and certificate. Raises ``NotMade``, ``NoAuthority``."""
        return self._make(label, issuing.CLIENT, None, days)

    def renew(self, label: str, days: int | None, *, new_key: bool = False) -> Made:
        """Make a certificate anew, for as long as before unless ``days`` says so.

        Raises ``NotMade``, ``NoAuthority`` and ``BadCertificate``.
        """
        former = self._certificate(label)
        length = former.not_valid_after_utc - former.not_valid_before_utc - EARLIER
        valid_days = days or max(1, round(length / timedelta(days=1)))
        key = read_key(self._key_file(label))
        if label == CA:
            if new_key:
                raise NotMade(
                    "with a new key it is another CA, which nobody trusts yet: make it "
                    "in another folder with `heddle keys ca`, and hand it out first"
                )
            self._write(CA, issuing.root(former.subject, key, valid_days))
            return self.show(CA)
        authority = self._authority()
        if new_key:
            key = ec.generate_private_key(ec.SECP256R1())
        made = authority.sign(
            former.subject, key.public_key(), *issuing.described(former), valid_days
        )
        if new_key:
            self._write_key(label, key)
        self._write(label, made)
        return self.show(label)

    def all(self) -> Iterator[Made]:
        """What is in the folder, the CA first."""
        labels = sorted(
            (file.stem for file in self._folder.glob("*.crt")),
            key=lambda label: (label != CA, label),
        )
        if not labels:
            raise self._no_authority()
        return map(self.show, labels)

    def show(self, label: str) -> Made:
        """One certificate; raises ``NotMade`` and ``BadCertificate``."""
        found = self._certificate(label)
        return Made(
            label,
            issuing.kind_of(found),
            tuple(issuing.names_of(found)) or (named(found),),
            found.not_valid_before_utc,
            found.not_valid_after_utc,
            found.fingerprint(hashes.SHA256()).hex(),
            self._file(label),
            self._key_file(label),
        )

    # --- inside ---

    def _make(
        self,
        label: str,
        use: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None,
        days: int,
    ) -> Made:
        self._must_be_new(label)
        authority = self._authority()
        key = ec.generate_private_key(ec.SECP256R1())
        made = authority.sign(subject(label), key.public_key(), use, names, days)
        self._write_key(label, key)
        self._write(label, made)
        return self.show(label)

    def _authority(self) -> Signer:
        file = self._file(CA)
        if not file.exists() or not self._key_file(CA).exists():
            raise self._no_authority()
        root, *_ = read_certificates(file)
        key = read_key(self._key_file(CA))
        if root.public_key() != key.public_key():
            raise NoAuthority(
                f"{self._key_file(CA)} is not the key of {file}: put both from the "
                "same `heddle keys ca`"
            )
        if root.not_valid_after_utc < now():
            raise NoAuthority(
                f"the CA in {file} has expired on {root.not_valid_after_utc:%Y-%m-%d}: "
                f"`heddle keys renew ca --folder {self._folder}`, and hand out ca.crt"
            )
        return Signer(root, key)

    def _no_authority(self) -> NoAuthority:
        return NoAuthority(
            f"there is no CA in {self._folder}: make one with "
            f"`heddle keys ca --folder {self._folder}`"
        )

    def _certificate(self, label: str) -> x509.Certificate:
        _check_label(label)
        if not self._file(label).exists():
            raise NotMade(
                f"there is no {label}.crt in {self._folder}: `heddle keys show` tells "
                "what there is"
            )
        return read_certificates(self._file(label))[0]

    def _must_be_new(self, label: str) -> None:
        _check_label(label)
        for file in (self._file(label), self._key_file(label)):
            if file.exists():
                raise NotMade(
                    f"{file} is there already: `heddle keys renew {label}` makes it "
                    "anew, another name or --folder another one"
                )

    def _file(self, label: str) -> Path:
        return self._folder / f"{label}.crt"

    def _key_file(self, label: str) -> Path:
        return self._folder / f"{label}.key"

    def _write(self, label: str, made: x509.Certificate) -> None:
        pem = made.public_bytes(serialization.Encoding.PEM)
        write_whole(self._file(label), pem, mode=0o644)

    def _write_key(self, label: str, key: ec.EllipticCurvePrivateKey) -> None:
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_whole(self._key_file(label), pem, mode=0o600)


def _check_label(label: str) -> None:
    if not _LABEL.fullmatch(label):
        raise NotMade(
            f"{label!r} cannot name a file: use a to z, 0 to 9, `_`, `-` and `.`, "
            "64 at most"
        )
