"""Ed25519 keys on disk: 64 hex digits of seed in a file only its owner can read."""

from pathlib import Path

from nacl.signing import SigningKey

from heddle.contract.declare import LocalError
from heddle.files import write_whole


class BadKeyFile(LocalError):
    """A key file is missing, unreadable or not 64 hex digits."""


def load_key(path: Path) -> SigningKey:
    """Read a key; raises ``BadKeyFile`` naming the file."""
    try:
        return SigningKey(bytes.fromhex(path.read_text().strip()))
    except OSError as error:
        raise BadKeyFile(f"key file {path}: {error.strerror}") from None
    except ValueError:
        raise BadKeyFile(f"key file {path} is not 64 hex digits") from None


def load_or_make_key(path: Path) -> SigningKey:
    """Read a key, or make a new one with mode 0600 where there is no file."""
    if not path.exists():
        fresh = SigningKey.generate().encode().hex()
        write_whole(path, f"{fresh}\n".encode(), mode=0o600)
    return load_key(path)


def public_hex(key: SigningKey) -> str:
    """The public half, 64 hex digits."""
    return key.verify_key.encode().hex()
