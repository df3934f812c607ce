"""Asks whether anything that is pinned has a known vulnerability: ``make audit``.

Python's packages are asked of OSV, the open database of vulnerabilities, by pip-audit,
which has an environment of its own under ``.build``; the page's of the npm registry by
``npm audit``. ``requirements/audit.toml`` names findings that do not concern Heddle,
each with the reason. Exit codes: 0 nothing found, 1 something found, 3 somebody could
not be asked, which is told: no answer is not a good answer.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tools import locks

FOUND, UNASKED = 1, 3
PIP_AUDIT = "2.10.1"
WITHIN_S = 900
_HOME = locks.ROOT / ".build/audit"
_LAST_LINES = 1


class NotAsked(Exception):
    """There was no answer; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A vulnerability that somebody knows of."""

    package: str
    version: str
    name: str  # CVE-…, GHSA-…, PYSEC-…
    aliases: tuple[str, ...]
    mended_in: str

    def __str__(self) -> str:
        """For people."""
        known = ", ".join((self.name, *self.aliases))
        mended = self.mended_in or "no version yet"
        return f"{self.package} {self.version}: {known}; mended in {mended}"


def of_python(report: Mapping[str, Any]) -> list[Finding]:
    """What ``pip-audit --format json`` found. Raises ``NotAsked``."""
    for package in report["dependencies"]:
        if why := package.get("skip_reason"):
            raise NotAsked(f"{package['name']}: {why}")
    return [
        Finding(
            package["name"],
            package["version"],
            flaw["id"],
            tuple(flaw.get("aliases", ())),
            ", ".join(flaw.get("fix_versions", ())),
        )
        for package in report["dependencies"]
        for flaw in package.get("vulns", ())
    ]


def of_page(report: Mapping[str, Any]) -> list[Finding]:
    """What ``npm audit --json`` found. Raises ``NotAsked``."""
    if "vulnerabilities" not in report:
        why = report.get("message") or report.get("error") or report
        raise NotAsked(f"npm audit has no answer: {why}")
    return [
        Finding(
            each["name"],
            each["range"],
            str(via.get("url", "")).rpartition("/")[2],
            (),
            "a newer version" if each.get("fixAvailable") else "",
        )
        for each in report["vulnerabilities"].values()
        for via in each["via"]
        if isinstance(via, dict)  # a name is a package that is told of itself
    ]


def concerning(found: list[Finding], excused: Mapping[str, str]) -> list[Finding]:
    """Those that nobody has judged."""
    return [each for each in found if not {each.name, *each.aliases} & {*excused}]


def _pip_audit() -> Path:
    """Its interpreter, installed once. Raises ``NotAsked``."""
    ready = _HOME / ".ready"
    if not ready.is_file() or ready.read_text() != PIP_AUDIT:
        click.echo(f"audit: installing pip-audit {PIP_AUDIT} into {_HOME}")
        _run(sys.executable, "-m", "venv", "--clear", str(_HOME))
        pip = (str(_HOME / "bin/python"), "-m", "pip", "install", "--quiet")
        done = _run(*pip, f"pip-audit=={PIP_AUDIT}")
        if done.returncode:
            raise NotAsked(f"pip-audit cannot be installed: {_last(done.stderr)}")
        ready.write_text(PIP_AUDIT)
    return _HOME / "bin/python"


def _ask_python(role: str) -> list[Finding]:
    options = ("--vulnerability-service", "osv", "--format", "json", "--no-deps")
    options = (*options, "--disable-pip", "--progress-spinner", "off")
    lock = locks.REQUIREMENTS / f"{role}.txt"
    done = _run(str(_pip_audit()), "-m", "pip_audit", *options, "-r", str(lock))
    try:
        return of_python(json.loads(done.stdout))
    except (ValueError, KeyError):
        raise NotAsked(f"OSV has no answer: {_last(done.stderr)}") from None


def _ask_page() -> list[Finding]:
    try:
        done = _run("npm", "audit", "--json", "--package-lock-only", cwd=locks.PAGE)
        return of_page(json.loads(done.stdout))
    except FileNotFoundError:
        raise NotAsked("there is no npm here: `make web` installs one") from None
    except ValueError:
        raise NotAsked(f"npm audit has no answer: {_last(done.stderr)}") from None


def _run(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = f"{locks.ROOT / '.venv/node'}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        return subprocess.run(  # noqa: S603 -- our own argv, no shell
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=cwd,
            timeout=WITHIN_S,
            env={**os.environ, "PATH": path},
        )
    except subprocess.TimeoutExpired:
        raise NotAsked(f"{command[0]} said nothing for {WITHIN_S} s") from None


def _last(said: str) -> str:
    return " ".join(" ".join(said.split("\n")[-_LAST_LINES - 1 :]).split())


@click.command()
@click.argument("sets", nargs=-1, type=click.Choice([*locks.SETS, "page"]))
def main(sets: tuple[str, ...]) -> None:
    """Ask for each of the SETS; for all, if none is named."""
    excused = tomllib.loads((locks.REQUIREMENTS / "audit.toml").read_text())["excused"]
    code = 0
    for name in sets or (*locks.SETS, "page"):
        try:
            found = _ask_page() if name == "page" else _ask_python(name)
        except NotAsked as flaw:
            click.echo(f"audit: {name}: NOT ASKED: {flaw}", err=True)
            code = code or UNASKED
            continue
        open_ones = concerning(found, excused)
        told = f"{len(found)} known, {len(found) - len(open_ones)} of them excused"
        click.echo(f"audit: {name}: {told if found else 'nothing known'}")
        for each in open_ones:
            click.echo(f"audit: {name}: {each}", err=True)
        code = FOUND if open_ones else code
    sys.exit(code)


if __name__ == "__main__":
    main(prog_name="python -m tools.audit")
