"""The manifest of a backup: what is in which file, and how to tell that it is whole.

A backup is a folder: ``manifest.json`` and, for each database, a file of ``pg_dump``'s
custom format.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import msgspec

from heddle.contract.declare import LocalError
from heddle.files import write_whole
from services.fleetdata.store.archive import Contents

NAME = "manifest.json"
FORMAT = 1


class NotABackup(LocalError):
    """The folder is no backup, or not one that this version reads, or is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """One database of a backup."""

    name: str
    owner: str
    file: str
    file_bytes: int
    sha256: str
    timescaledb: str | None
    tables: dict[str, Contents]

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds."""

    format: int
    heddle: str
    made_at: str
    server_version: int
    backend: str  # the name of the backend's database
    databases: tuple[Database, ...]


def write(folder: Path, manifest: Manifest) -> None:
    """Put the manifest into the folder; with it the backup is whole."""
    text = json.dumps(msgspec.to_builtins(manifest), indent=2)
    write_whole(folder / NAME, f"{text}\n".encode(), mode=0o600)


def read(folder: Path) -> Manifest:
    """The manifest of a backup. Raises ``NotABackup``."""
    try:
        found = json.loads((folder / NAME).read_bytes())
    except NotADirectoryError:
        raise NotABackup(f"{folder} is a file: a backup is a folder") from None
    except OSError as error:
        raise NotABackup(
            f"{folder} is no backup of Heddle: {NAME}: {error.strerror}"
        ) from None
    except ValueError as flaw:
        raise NotABackup(f"{folder / NAME} is damaged: {flaw}") from None
    if isinstance(found, dict) and found.get("format") not in (None, FORMAT):
        raise NotABackup(
            f"{folder} has format {found['format']}, this Heddle reads {FORMAT}: use "
            f"the one that made it, {found.get('heddle')}"
        )
    try:
        return msgspec.convert(found, Manifest)
    except msgspec.ValidationError as flaw:
        raise NotABackup(f"{folder / NAME} is damaged: {flaw}") from None


def check_file(folder: Path, database: Database) -> Path:
    """A database's file, if it is as it was made. Raises ``NotABackup``."""
    path = folder / database.file
    if path.parent != folder:
        raise NotABackup(f"{folder / NAME} is damaged: {database.file!r} is elsewhere")
    try:
        size, digest = path.stat().st_size, digest_of(path)
    except OSError as error:
        raise NotABackup(f"{path}: {error.strerror}") from None
    if (size, digest) != (database.file_bytes, database.sha256):
        raise NotABackup(
            f"{path} is damaged: it has {size} bytes and another checksum than when it "
            f"was made ({database.file_bytes} bytes): take another backup"
        )
    return path


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
