"""What the gatekeeper knows of projects and device keys, kept on disk.

The backend owns this knowledge; the copy lets devices and people join while the
backend is away and after the router restarts. A change is on disk (fsynced, the whole
file replaced) before it is acknowledged. Keys are public: the file holds no secret.
"""

from dataclasses import replace
from pathlib import Path

import msgspec
from twisted.logger import Logger

from heddle.contract.gate import DeviceKey, Directory
from heddle.files import write_whole

log = Logger()

_EMPTY = Directory(projects=(), devices=(), ticket_key="")


class Known:
    """The directory of the moment. A change returns the device keys that it ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._projects: set[str] = set()
        self._by_key: dict[str, DeviceKey] = {}
        self._by_device: dict[tuple[str, str], DeviceKey] = {}
        self.ticket_key = ""
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

    def replace_all(self, directory: Directory) -> frozenset[DeviceKey]:
        """Know this and nothing else."""
        before = set(self._by_key.values())
        self._take(directory)
        self._save()
        return frozenset(before - set(self._by_key.values()))

    def open_project(self, project: str) -> None:
        """Know one more project."""
        self._projects.add(project)
        self._save()

    def admit(self, device: DeviceKey) -> frozenset[DeviceKey]:
        """Know the device by this key alone, and the key as this device's alone."""
        ended = self._add(device)
        self._projects.add(device.project)
        self._save()
        return ended

    def revoke(self, project: str, device: str) -> frozenset[DeviceKey]:
        """Forget the device's key."""
        ended = self._by_device.get((project, device))
        if ended is None:
            return frozenset()
        self._drop(ended)
        self._save()
        return frozenset({ended})

    def _take(self, directory: Directory) -> None:
        self._projects = set(directory.projects)
        self._by_key, self._by_device = {}, {}
        for device in directory.devices:
            self._add(device)
        self.ticket_key = directory.ticket_key

    def _add(self, device: DeviceKey) -> frozenset[DeviceKey]:
        """Know this one; returns those it takes the place of, but for itself."""
        new = replace(device, public_key=device.public_key.lower())
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

    def _drop(self, device: DeviceKey) -> None:
        self._by_key.pop(device.public_key, None)
        self._by_device.pop((device.project, device.device), None)

    def _save(self) -> None:
        _write(
            self._path,
            Directory(
                projects=tuple(sorted(self._projects)),
                devices=tuple(self._by_key.values()),
                ticket_key=self.ticket_key,
            ),
        )


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
