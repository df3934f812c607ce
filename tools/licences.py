"""Judges the licence of every package that is pinned, and lists them in a document.

``python -m tools.licences docs/reference/licences.md`` writes the document; without a
file it only judges. ``requirements/licences.toml`` says what is allowed. Exit code 1: a
package has an unknown licence, or one that is not allowed; each is told.
"""

import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path

import click

from tools import locks

POLICY = locks.REQUIREMENTS / "licences.toml"
PAGE_ROLE = "page"
_SAID = {
    "apache 2.0": "Apache-2.0",
    "apache": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd 2-clause license": "BSD-2-Clause",
    "gnu lesser general public license v3 or later": "LGPL-3.0-or-later",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "the mit license": "MIT",
}
_SPDX = (
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "EUPL-1.2"),
    *("GPL-2.0-or-later", "GPL-3.0-or-later", "ISC", "LGPL-3.0-only", "MIT", "MIT-0"),
    *("MPL-2.0", "PSF-2.0", "Unlicense", "ZPL-2.1", "CC0-1.0 OR Apache-2.0"),
)
_HEAD = """# Licences of what Heddle is made of

<!-- Made by `python -m tools.licences docs/reference/licences.md`; do not edit. -->

Heddle itself is under Apache-2.0. Every package that is pinned was judged by
`requirements/licences.toml`; how that is held is told in [supply](supply.md). Names of
licences are SPDX's.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is allowed."""

    allowed: frozenset[str]
    accepted: Mapping[str, str] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    stated: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path = POLICY) -> "Policy":
        """The policy in a file."""
        found = tomllib.loads(file.read_text())
        return cls(
            frozenset(found["allowed"]),
            found["accepted"],
            found["tools"],
            found["stated"],
        )

    def flaw(self, name: str, licence: str, *, shipped: bool) -> str | None:
        """What is wrong with a package of that licence, if anything is."""
        if not licence:
            return (
                f"{name} does not say what its licence is: read the licence file in it "
                "and put it into [stated]"
            )
        if self._is_allowed(licence) or _of(self.accepted, name) == licence:
            return None
        if not shipped and _of(self.tools, name) == licence:
            return None
        where = "[accepted]" if shipped else "[accepted] or [tools]"
        return (
            f"{name} is under {licence}, which is not allowed: do without it, or put "
            f"it into {where} with the reason"
        )

    def _is_allowed(self, licence: str) -> bool:
        """One of the alternatives must be allowed in all its parts."""
        return "(" not in licence and any(
            all(part in self.allowed for part in choice.split(" AND "))
            for choice in licence.split(" OR ")
        )


@dataclass(frozen=True, slots=True)
class Package:
    """One that is pinned, for some roles."""

    name: str
    licence: str
    roles: tuple[str, ...]

    @property
    def is_shipped(self) -> bool:
        """Whether any image, or the page, contains it."""
        return bool({*locks.SHIPPED, PAGE_ROLE} & {*self.roles})


def _of(table: Mapping[str, str], name: str) -> str | None:
    return next((table[key] for key in table if fnmatchcase(name, key)), None)


def licence_of(name: str, policy: Policy) -> str:
    """What a package of Python says of itself, as an SPDX expression; or nothing."""
    if stated := policy.stated.get(name):
        return stated
    try:
        said = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    if expression := said.get("License-Expression"):
        return str(expression)
    words = [str(said.get("License") or "").partition("\n")[0]]
    words += [
        each.rpartition("::")[2].strip()
        for each in said.get_all("Classifier") or []
        if each.startswith("License ::")
    ]
    for word in words:
        if word in _SPDX:
            return word
        if found := _SAID.get(word.lower()):
            return found
    return ""


def packages(policy: Policy) -> Iterator[Package]:
    """Every package, by name: those of Python that Linux gets, then the page's."""
    roles = defaultdict(list)
    for role in locks.SETS:
        for pin in locks.installed(role, locks.LINUX):
            roles[pin.name].append(role)
    for name in sorted(roles):
        yield Package(name, licence_of(name, policy), tuple(roles[name]))
    of_page = {}
    for found in locks.page_pins():
        role = "page's tools" if found.is_dev else PAGE_ROLE
        if of_page.get(found.name, ("", ""))[1] != PAGE_ROLE:
            of_page[found.name] = found.licence, role
    for name, (licence, role) in sorted(of_page.items()):
        yield Package(name, licence, (role,))


def flaws(policy: Policy) -> list[str]:
    """What is wrong with the packages."""
    judged = [
        policy.flaw(each.name, each.licence, shipped=each.is_shipped)
        for each in packages(policy)
    ]
    return [flaw for flaw in judged if flaw is not None]


def document(policy: Policy) -> str:
    """The list for people."""
    found = list(packages(policy))
    parts = [_HEAD]
    shipped = [each for each in found if each.is_shipped]
    parts.append("\n## Shipped\n\n| package | licence | in |\n|---|---|---|\n")
    parts += [
        f"| {each.name} | {each.licence} | {', '.join(_shipped_in(each))} |\n"
        for each in shipped
    ]
    by_licence = defaultdict(list)
    for each in found:
        if not each.is_shipped:
            by_licence[each.licence].append(each.name)
    parts.append("\n## Tools, in no image\n\n| licence | packages |\n")
    parts.append("|---|---|\n")
    parts += [
        f"| {licence} | {', '.join(sorted(set(names)))} |\n"
        for licence, names in sorted(by_licence.items())
    ]
    return "".join(parts)


def _shipped_in(package: Package) -> list[str]:
    return [role for role in package.roles if role in (*locks.SHIPPED, PAGE_ROLE)]


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def main(file: Path | None) -> None:
    """Judge, and write the document."""
    policy = Policy.read()
    found = flaws(policy)
    for flaw in found:
        click.echo(f"licences: {flaw}", err=True)
    if file is not None:
        file.write_text(document(policy))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main(prog_name="python -m tools.licences")
