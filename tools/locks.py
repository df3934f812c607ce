"""What is pinned, as data: ``requirements/*.txt`` and ``package-lock.json``."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import Marker, default_environment
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
PAGE = ROOT / "services/web"
SHIPPED = ("agent", "engine", "router", "services")
SETS = (*SHIPPED, "build", "dev", "node")

LINUX = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
    "python_version": "3.11",
    "python_full_version": "3.11.2",
    "platform_machine": "x86_64",
    "implementation_version": "3.11.2",
}
"""What the images are: markers are judged by it where a document is made of them."""

_PIN = re.compile(
    r"(?P<name>[\w.-]+)(?:\[.*?\])?==(?P<version>[^\s;\\]+)(?: ; (.+?))? ?\\?"
)
_HASH = re.compile(r"    --hash=sha256:([0-9a-f]{64})(?: \\)?")
_WANTS = ("dependencies", "optionalDependencies", "peerDependencies")
_VIA = re.compile(r"    #(?: via| {2})\s*(?P<who>\S.*)?")


class BadLock(Exception):
    """A line of a lock is not one of those that ``tools/lock.sh`` writes."""


@dataclass(slots=True)
class Pin:
    """One package of Python at one version."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)  # SHA-256 of each of its files
    wanted_by: list[str] = field(default_factory=list)  # names; "" is Heddle itself

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether it is installed in such an environment."""
        return not self.marker or Marker(self.marker).evaluate(dict(environment))

    @property
    def purl(self) -> str:
        """Its name in the world."""
        return f"pkg:pypi/{canonicalize_name(self.name)}@{self.version}"


@dataclass(frozen=True, slots=True)
class PagePin:
    """One package of the page at one version."""

    path: str  # in the lock: node_modules/a/node_modules/b
    version: str
    licence: str
    integrity: str
    is_dev: bool
    is_optional: bool
    wants: tuple[str, ...]

    @property
    def name(self) -> str:
        """As npm knows it, with its scope."""
        return self.path.rpartition("node_modules/")[2]

    @property
    def purl(self) -> str:
        """Its name in the world."""
        return f"pkg:npm/{self.name.replace('@', '%40')}@{self.version}"


def pins(role: str) -> list[Pin]:
    """The pins of a set. Raises ``BadLock``."""
    file = REQUIREMENTS / f"{role}.txt"
    return list(read_pins(file.read_text(), str(file)))


def installed(role: str, environment: Mapping[str, str] | None = None) -> list[Pin]:
    """The pins of a set that are installed there, here if nothing is said."""
    here = {**default_environment(), "extra": ""}
    there = {**here, **(environment or {})}
    return [pin for pin in pins(role) if pin.fits(there)]


def read_pins(text: str, where: str) -> Iterator[Pin]:
    """The pins of a lock's text. Raises ``BadLock``."""
    pin: Pin | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#") or not line:
            continue
        if found := _PIN.fullmatch(line):
            if pin is not None:
                yield pin
            pin = Pin(found["name"], found["version"], found[3] or "")
        elif pin is None or not _belongs(pin, line):
            raise BadLock(f"{where}, line {number}: {line!r} pins nothing")
    if pin is not None:
        yield pin


def _belongs(pin: Pin, line: str) -> bool:
    """Take what a line tells of a pin; False: it tells nothing."""
    if found := _HASH.fullmatch(line):
        pin.hashes.append(found[1])
    elif found := _VIA.fullmatch(line):
        who = found["who"] or ""
        if who.startswith(("-r ", "heddle")):
            pin.wanted_by.append("")
        elif who and not who.startswith("-c "):
            pin.wanted_by.append(who.partition("[")[0])
    else:
        return False
    return True


def page_pins(lock: Path = PAGE / "package-lock.json") -> list[PagePin]:
    """The packages of the page, its own entry left out."""
    packages = json.loads(lock.read_text())["packages"]
    return [
        PagePin(
            path=path,
            version=entry["version"],
            licence=entry.get("license", ""),
            integrity=entry.get("integrity", ""),
            is_dev=entry.get("dev", False),
            is_optional=entry.get("optional", False),
            wants=tuple(
                sorted({name for part in _WANTS for name in entry.get(part, {})})
            ),
        )
        for path, entry in sorted(packages.items())
        if path
    ]


def wanted_by_page(lock: Path = PAGE / "package-lock.json") -> tuple[str, ...]:
    """What the page itself is built of."""
    own = json.loads(lock.read_text())["packages"][""]
    return tuple(sorted(own.get("dependencies", {})))


def found_from(path: str, name: str, known: Mapping[str, PagePin]) -> str | None:
    """Where a package at ``path`` finds another, as Node.js looks for it."""
    while True:
        place = f"{path}/node_modules/{name}" if path else f"node_modules/{name}"
        if place in known:
            return place
        if not path:
            return None
        path = path.rpartition("node_modules/")[0].rstrip("/")
