"""A whole installation into one sealed file, and out of it into an empty folder.

The databases are dumped, then the other files are gathered, then the dumps are proven.
So a device of this installation is never behind what the databases have of it: what it
delivered in between it finds missing, and records as lost. Nothing unsealed is ever
written beside the file: until it is sealed, all lies in the installation's own folder.
A file or a folder appears under its name when it is whole.
"""

import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from heddle import __version__
from heddle.cli.databases import Databases
from heddle.contract.declare import LocalError
from heddle.local.belongings import DRAFT, gather, pack, unpack
from heddle.local.folder import Folder
from heddle.local.sealed import (
    PIECE_BYTES,
    NotSealed,
    Opened,
    SealBroken,
    Sealing,
    WrongPassphrase,
    check_passphrase,
    read_label,
)

_DATABASES, _FILES = "databases", "files"


Ask = Callable[[], str]
"""Asks for the passphrase, once nothing else stands in the way."""


class PlaceTaken(LocalError):
    """Something is already where the backup, or the installation, should go."""


class NoInstallation(LocalError):
    """The folder holds no installation."""


def take_all(databases: Databases, file: Path, ask: Ask, *, verify: bool) -> int:
    """Make the file; the exit code of the databases' part, if it failed.

    Raises ``WrongPassphrase``, ``PlaceTaken``, ``NoInstallation`` and whatever reaching
    and reading raise.
    """
    if file.exists():
        raise PlaceTaken(f"{file} exists already: name a new file")
    root = Folder(databases.data).root
    if not Folder(root).key("backend").is_file():
        raise NoInstallation(f"{root} holds no installation: name one with --data")
    check_passphrase(passphrase := ask())
    with databases.reached(make=False) as way, _removed(root / DRAFT) as draft:
        part = draft / _DATABASES
        if code := databases.run(way, "make", part, "--part", "--no-verify"):
            return code
        click.echo(f"{gather(root, draft / _FILES)} files of {root}")
        if verify and (code := databases.run(way, "prove", part)):
            return code
        click.echo("sealing")
        _seal(draft, file, passphrase)
    click.echo(f"the whole installation is in {file}; only the passphrase opens it")
    return 0


def put_back(databases: Databases, file: Path, ask: Ask, flags: Sequence[str]) -> int:
    """Make the installation again; the exit code of the databases' part, if it failed.

    Raises ``PlaceTaken``, ``NotSealed``, ``WrongPassphrase``, ``SealBroken``.
    """
    root = Folder(databases.data).root
    _refuse_what_is_there(root)
    with _named(file), file.open("rb") as sealed:
        read_label(sealed)  # before anybody is asked for anything
    passphrase = ask()
    with _removed(root.with_name(f"{root.name}.restoring")) as draft:
        with _named(file):
            _open(file, draft, passphrase)
        files = draft / _FILES
        restored = databases.of(files)
        part = draft / _DATABASES
        if code := restored.work("restore", part, "--part", *flags, make=True):
            return code
        os.sync()  # the folder gets its name when all of it is on the disk
        if root.exists():
            root.rmdir()
        files.rename(root)
    click.echo(f"restored: start it with `heddle up --data {root}`")
    return 0


def _refuse_what_is_there(root: Path) -> None:
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise PlaceTaken(
            f"{root} is not empty: a whole installation is restored into a new folder, "
            "which --data names"
        )
    if root.is_mount():
        raise PlaceTaken(
            f"{root} is a mount, which no folder can take the place of: name a folder "
            "in it with --data"
        )


@contextmanager
def _removed(draft: Path) -> Iterator[Path]:
    """A folder of our own, gone in the end; one that a dead process left goes first."""
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _seal(draft: Path, file: Path, passphrase: str) -> None:
    """Seal a folder into the file, and read it again to the end."""
    fresh = file.with_name(f"{file.name}.unfinished")
    fresh.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(fresh, flags, 0o600), "w+b") as out:
            made_at = datetime.now(UTC).isoformat(timespec="seconds")
            sealing = Sealing(out, passphrase, heddle=__version__, made_at=made_at)
            with io.BufferedWriter(sealing, PIECE_BYTES) as stream:
                pack(draft, stream)
                stream.flush()
                sealing.finish()
            out.flush()
            os.fsync(out.fileno())
            out.seek(0)
            Opened(out, passphrase).finish()
        fresh.rename(file)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """What is wrong with a file is told with its name."""
    try:
        yield
    except (NotSealed, SealBroken, WrongPassphrase) as flaw:
        raise type(flaw)(f"{file}: {flaw}") from None


def _open(file: Path, draft: Path, passphrase: str) -> None:
    """Lay out all that is in the file, which must be whole."""
    with file.open("rb") as sealed:
        opened = Opened(sealed, passphrase)
        click.echo(
            f"{file}: made by heddle {opened.label.heddle}, {opened.label.made_at}"
        )
        with io.BufferedReader(opened, PIECE_BYTES) as stream:
            count = unpack(stream, draft)
            opened.finish()
    if not (draft / _FILES).is_dir() or not (draft / _DATABASES).is_dir():
        raise NoInstallation(f"{file} holds no installation")
    click.echo(f"{count} files unsealed")
