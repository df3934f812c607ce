"""Bills of materials: what each image, and the page, is made of, as CycloneDX 1.6 JSON.

``python -m tools.sbom FOLDER`` writes ``ROLE.cdx.json`` for each. They come from the
locks alone: packages, versions, licences, the digests of the files that may be
installed, and which needs which. An image has its own in ``/opt/sbom.cdx.json``; the
Python and the system below are those of its base.
"""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import click
from packaging.utils import canonicalize_name

from heddle import __version__
from tools import locks
from tools.licences import PAGE_ROLE, Policy, licence_of

ROLES = (*locks.SHIPPED, PAGE_ROLE)
_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"


def bill(role: str, policy: Policy) -> dict[str, Any]:
    """The bill of a role."""
    made = _of_page() if role == PAGE_ROLE else _of_python(role, policy)
    components, dependencies = made
    root = f"heddle-{role}"
    content = json.dumps([root, __version__, components, dependencies])
    return {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid5(NAMESPACE_URL, content).urn,
        "version": 1,
        "metadata": {
            "timestamp": _pinned_at(role),
            "tools": {"components": [{"type": "application", "name": "tools/sbom.py"}]},
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": root,
                "version": __version__,
                "licenses": _licences("Apache-2.0"),
            },
        },
        "components": components,
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(needs)}
            for ref, needs in sorted(dependencies.items())
        ],
    }


Made = tuple[list[dict[str, Any]], dict[str, list[str]]]
"""Components, and by reference what each needs."""


def _of_python(role: str, policy: Policy) -> Made:
    pins = locks.installed(role)
    by_name = {pin.name: pin.purl for pin in pins}
    needs: dict[str, list[str]] = {pin.purl: [] for pin in pins}
    needs[f"heddle-{role}"] = []
    for pin in pins:
        for who in pin.wanted_by:
            ref = by_name.get(who) if who else f"heddle-{role}"
            if ref is not None:  # else it is not installed here itself
                needs[ref].append(pin.purl)
    components = [
        {
            "type": "library",
            "bom-ref": pin.purl,
            "name": canonicalize_name(pin.name),
            "version": pin.version,
            "purl": pin.purl,
            "licenses": _licences(licence_of(pin.name, policy)),
            "externalReferences": [_files(pin.purl, pin.hashes)],
        }
        for pin in pins
    ]
    return components, needs


def _of_page() -> Made:
    known = {pin.path: pin for pin in locks.page_pins() if not pin.is_dev}
    needs: dict[str, list[str]] = {}
    components = {}
    for path, pin in known.items():
        places = [locks.found_from(path, name, known) for name in pin.wants]
        wanted = {known[place].purl for place in places if place is not None}
        needs.setdefault(pin.purl, []).extend(wanted - {*needs.get(pin.purl, ())})
        components[pin.purl] = {
            "type": "library",
            "bom-ref": pin.purl,
            **_page_name(pin.name),
            "version": pin.version,
            "scope": "optional" if pin.is_optional else "required",
            "purl": pin.purl,
            "licenses": _licences(pin.licence),
            "hashes": [_digest(pin.integrity)],
        }
    places = [locks.found_from("", name, known) for name in locks.wanted_by_page()]
    needs[f"heddle-{PAGE_ROLE}"] = [
        known[place].purl for place in places if place is not None
    ]
    return list(components.values()), needs


def _page_name(name: str) -> dict[str, str]:
    scope, slash, last = name.rpartition("/")
    return {"group": scope, "name": last} if slash else {"name": name}


def _licences(expression: str) -> list[dict[str, Any]]:
    if " " in expression:
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]


def _files(purl: str, hashes: Sequence[str]) -> dict[str, Any]:
    """Of a package's files one is installed: which, depends on the machine."""
    return {
        "type": "distribution",
        "url": purl,
        "comment": "the digests of its files, one of which is installed",
        "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
    }


def _digest(integrity: str) -> dict[str, str]:
    algorithm, _, digest = integrity.partition("-")
    names: Mapping[str, str] = {"sha512": "SHA-512", "sha1": "SHA-1"}
    return {"alg": names[algorithm], "content": b64decode(digest).hex()}


def _pinned_at(role: str) -> str:
    """When the pins were last written: the bill of the same pins is the same."""
    lock = locks.REQUIREMENTS / f"{role}.txt"
    if role == PAGE_ROLE:
        lock = locks.PAGE / "package-lock.json"
    at = datetime.fromtimestamp(int(lock.stat().st_mtime), UTC)
    return at.isoformat().replace("+00:00", "Z")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def main(folder: Path) -> None:
    """Write every bill."""
    folder.mkdir(parents=True, exist_ok=True)
    policy = Policy.read()
    for role in ROLES:
        text = json.dumps(bill(role, policy), indent=1)
        file = folder / f"{role}.cdx.json"
        if not file.is_file() or file.read_text() != f"{text}\n":
            file.write_text(f"{text}\n")


if __name__ == "__main__":
    main(prog_name="python -m tools.sbom")
