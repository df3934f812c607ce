"""All files that belong to an installation, but for its database and its logs.

Keys, secrets, what the router knows, certificates, the folders of its own devices with
their outboxes and journals: whatever lies in the folder of an installation belongs to
it, unless it is told here that it does not. A stack may run meanwhile. What SQLite
writes is copied between two of its commits, as a power cut would leave it, and a
journal before the outbox that its events go to: an event may then be told twice, which
its number shows, but is never missing.
"""

import os
import shutil
import stat
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from heddle.contract.declare import LocalError

DRAFT = "backup.unfinished"
LEFT_OUT = frozenset({"postgres", "logs", "lock", "stack.json", DRAFT})
STILL_WITHIN_S = 60.0
_STILL_S = 0.02  # a file's time is as coarse as the system's clock ticks
_LAST_OF_ALL = "outbox.sqlite"
_WAL = "-wal"
_NEEDLESS = ("-shm", ".new", ".unfinished", ".initialising")
_BLOCK = 1 << 20

Tell = Callable[[str], None]
Marks = tuple[tuple[int, int, int] | None, ...]


class NeverStill(LocalError):
    """A file is written to all the time."""


class NotBelongings(LocalError):
    """A folder or an archive holds what no installation has."""


def gather(root: Path, into: Path) -> int:
    """Copy the files of an installation into a new folder; how many there are.

    Raises ``NeverStill``, ``NotBelongings`` and ``OSError``.
    """
    into.mkdir(mode=0o700, parents=True)
    count = 0
    for path in sorted(_files(root), key=lambda path: path.name == _LAST_OF_ALL):
        count += _copy(path, into / path.relative_to(root))
    return count


def _files(root: Path) -> Iterator[Path]:
    """Regular files; sockets are nothing to keep. Raises ``NotBelongings``."""
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        if here == root:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
        folders[:] = sorted(name for name in folders if not name.endswith(_NEEDLESS))
        for name in folders:
            _is_file(here / name)
        for name in sorted(names):
            if here == root and name in LEFT_OUT:
                continue
            if not name.endswith((_WAL, *_NEEDLESS)) and _is_file(here / name):
                yield here / name


def _is_file(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:  # it is gone by now
        return False
    if stat.S_ISLNK(mode):
        raise NotBelongings(
            f"{path} is a link, and a backup takes only what is in the folder: put "
            "there what it leads to"
        )
    return stat.S_ISREG(mode)


def _copy(path: Path, to: Path) -> bool:
    """Copy a file, with its SQLite log if it has one; False: it is gone by now."""
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pairs = [(path, to), (_log_of(path), _log_of(to))]
    give_up_at = time.monotonic() + STILL_WITHIN_S
    while True:
        before = _marks(pairs)
        if before[0] is None:
            return False
        if _is_settled(before):
            for source, copy in pairs:
                _copy_one(source, copy)
            if _marks(pairs) == before:
                return True
        if time.monotonic() > give_up_at:
            raise NeverStill(
                f"{path} was written to again and again for {STILL_WITHIN_S:g} s while "
                "it was being copied: stop the stack, and take the backup then"
            )
        time.sleep(_STILL_S / 2)  # another process's doing: nothing to wait on


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + _WAL)


def _marks(pairs: list[tuple[Path, Path]]) -> Marks:
    """What changes with whatever is written to the files."""
    found: list[tuple[int, int, int] | None] = []
    for path, _ in pairs:
        try:
            now = path.lstat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((now.st_ino, now.st_mtime_ns, now.st_size))
    return tuple(found)


def _is_settled(marks: Marks) -> bool:
    newest_ns = max((mark[1] for mark in marks if mark is not None), default=0)
    return abs(time.time_ns() - newest_ns) > _STILL_S * 1e9


def _copy_one(source: Path, to: Path) -> None:
    try:
        shutil.copyfile(source, to, follow_symlinks=False)
        shutil.copymode(source, to, follow_symlinks=False)
    except FileNotFoundError:  # its mark tells, and what a former try copied is void
        to.unlink(missing_ok=True)


def pack(folder: Path, out: IO[bytes]) -> None:
    """Write a folder, with all that is in it, as an archive. Raises ``OSError``."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            entry = archive.gettarinfo(str(path), str(path.relative_to(folder)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            if entry.isreg():
                with path.open("rb") as file:
                    archive.addfile(entry, file)
            else:
                archive.addfile(entry)


def unpack(source: IO[bytes], into: Path) -> int:
    """Lay an archive out in an empty folder; how many files there are.

    Only folders and files within it are made, all our own, and nobody else may write
    to them. Raises ``NotBelongings`` and ``OSError``.
    """
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    count = 0
    try:
        with tarfile.open(fileobj=source, mode="r|") as archive:
            for entry in archive:
                path = into / _place(entry.name)
                if entry.isdir():
                    path.mkdir(mode=0o700, parents=True, exist_ok=True)
                elif entry.isreg():
                    _lay(archive.extractfile(entry), path, entry.mode & 0o755)
                    count += 1
                else:
                    raise NotBelongings(f"the backup holds {entry.name!r}, no file")
    except (tarfile.TarError, EOFError) as flaw:
        raise NotBelongings(f"what the backup holds cannot be read: {flaw}") from None
    return count


def _place(name: str) -> PurePosixPath:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or not place.parts:
        raise NotBelongings(f"the backup holds {name!r}, which lies elsewhere")
    return place


def _lay(source: IO[bytes] | None, path: Path, mode: int) -> None:
    assert source is not None, "a regular file has content"  # noqa: S101
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, mode | 0o600), "wb") as file:
        shutil.copyfileobj(source, file, _BLOCK)
