"""What the gatekeeper knows of projects, device keys and ended sessions, kept on disk.

The backends own this knowledge; the copy lets devices and people join while they are
away and after the router restarts. A change is on disk (fsynced, the whole file
replaced) before it is acknowledged. Keys are public: the file holds no secret.

Backends tell side by side, so that words may arrive in another order than that of what
they tell. A change counts only if it is newer than the directory and than what is known
of the same device; a directory leaves standing what came after it.
"""

from dataclasses import replace
from pathlib import Path
from typing import assert_never

import msgspec
from twisted.logger import Logger

from heddle.contract.gate import (
    DeviceKey,
    Directory,
    OpenRealm,
    RevokeDevice,
    RevokeSession,
)
from heddle.files import write_whole

log = Logger()

Change = OpenRealm | DeviceKey | RevokeDevice | RevokeSession
Ended = frozenset[DeviceKey]
_EMPTY = Directory(projects=(), devices=(), ticket_key="")
_NOTHING: Ended = frozenset()


class Known:
    """The directory of the moment. A change returns the device keys that it ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._projects: set[str] = set()
        self._by_key: dict[str, DeviceKey] = {}
        self._by_device: dict[tuple[str, str], DeviceKey] = {}
        self._revoked: dict[tuple[str, str], RevokeSession] = {}
        self.ticket_key = ""
        self._as_of = 0  # the change that the last directory was read after
        self._later: dict[tuple[str, ...], Change] = {}  # the newest of each subject
        self._take(_read(path))

    @property
    def projects(self) -> frozenset[str]:
        """The ids of all projects."""
        return frozenset(self._projects)

    def device_of(self, public_key: str) -> DeviceKey | None:
        """The device this key belongs to."""
        return self._by_key.get(public_key.lower())

    def has_device(self, project: str, device: str) -> bool:
        """Whether the device may be in its project's realm."""
        return project in self._projects and (project, device) in self._by_device

    def has_ended(self, project: str, session: str) -> bool:
        """Whether a person's session was ended before its time."""
        return (project, session) in self._revoked

    def replace_all(self, directory: Directory) -> Ended:
        """Know this, and what came after it, and nothing else."""
        if directory.change and directory.change < self._as_of:
            return _NOTHING
        before = set(self._by_key.values())
        self._take(directory)
        self._as_of = directory.change
        later = [one for one in self._later.values() if one.change > directory.change]
        self._later.clear()
        for change in sorted(later, key=lambda one: one.change):
            self._tell(change)
        self._save()
        return frozenset(before - set(self._by_key.values()))

    def tell(self, change: Change) -> Ended:
        """Know what has changed."""
        ended = self._tell(change)
        self._save()
        return ended

    def forget_ended(self, now_ms: float) -> None:
        """Forget the ended sessions whose last ticket has expired by now."""
        for known, one in list(self._revoked.items()):
            if one.until_ms < now_ms:
                del self._revoked[known]
                self._later.pop(_subject(one), None)

    def _tell(self, change: Change) -> Ended:
        if change.change:
            if change.change <= self._as_of or self._is_stale(change):
                return _NOTHING
            self._later[_subject(change)] = change
        match change:
            case OpenRealm():
                self._projects.add(change.project)
                return _NOTHING
            case DeviceKey():
                self._projects.add(change.project)
                return self._add(change)
            case RevokeDevice():
                gone = self._by_device.get((change.project, change.device))
                return _NOTHING if gone is None else self._drop(gone)
            case RevokeSession():
                self._revoked[change.project, change.session] = change
                return _NOTHING
        assert_never(change)

    def _is_stale(self, change: Change) -> bool:
        """Whether a newer word is known of the same thing, or of the same key."""
        subjects = [_subject(change)]
        if isinstance(change, DeviceKey):
            holder = self.device_of(change.public_key)
            if holder is not None:
                subjects.append(_subject(holder))
        known = (self._later.get(subject) for subject in subjects)
        return any(one is not None and one.change > change.change for one in known)

    def _take(self, directory: Directory) -> None:
        self._projects = set(directory.projects)
        self._by_key, self._by_device = {}, {}
        for device in directory.devices:
            self._add(device)
        self._revoked = {(one.project, one.session): one for one in directory.revoked}
        self.ticket_key = directory.ticket_key

    def _add(self, device: DeviceKey) -> Ended:
        """Know this one; returns those it takes the place of, but for itself."""
        new = replace(device, public_key=device.public_key.lower(), change=0)
        former = {
            self._by_key.get(new.public_key),
            self._by_device.get((new.project, new.device)),
        }
        ended = frozenset(old for old in former if old is not None)
        for old in ended:
            self._drop(old)
        self._by_key[new.public_key] = new
        self._by_device[new.project, new.device] = new
        return ended - {new}

    def _drop(self, device: DeviceKey) -> Ended:
        self._by_key.pop(device.public_key, None)
        self._by_device.pop((device.project, device.device), None)
        return frozenset({device})

    def _save(self) -> None:
        """Without the order: after a restart every backend tells all anew."""
        _write(
            self._path,
            Directory(
                projects=tuple(sorted(self._projects)),
                devices=tuple(self._by_key.values()),
                ticket_key=self.ticket_key,
                revoked=tuple(self._revoked.values()),
            ),
        )


def _subject(change: Change) -> tuple[str, ...]:
    match change:
        case OpenRealm():
            return (change.project,)
        case DeviceKey() | RevokeDevice():
            return change.project, change.device
        case RevokeSession():
            return change.project, "", change.session
    assert_never(change)


def _read(path: Path) -> Directory:
    """The kept directory; an empty one where there is none or it makes no sense."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Directory)
    except FileNotFoundError:
        return _EMPTY
    except msgspec.DecodeError as flaw:
        log.warn(
            "{path} is damaged ({flaw}): nobody but services can join until the "
            "backend has told the directory again",
            path=str(path),
            flaw=str(flaw),
        )
        return _EMPTY


def _write(path: Path, directory: Directory) -> None:
    write_whole(path, msgspec.json.format(msgspec.json.encode(directory)))
