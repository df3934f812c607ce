"""What Heddle is made of: pinned with hashes, of licences we may use, and told."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tools import locks, sbom
from tools.audit import Finding, NotAsked, concerning, of_page, of_python
from tools.licences import Policy, document, flaws
from tools.locks import BadLock, read_pins

ROOT = Path(__file__).parents[2]
POLICY = Policy.read()

LOCK = """\
automat==25.4.16 \\
    --hash=sha256:{} \\
    --hash=sha256:{}
    # via
    #   -c requirements/dev.txt
    #   twisted
twisted[tls]==26.10.0 ; sys_platform == 'linux' \\
    --hash=sha256:{}
    # via heddle (pyproject.toml)
# The following packages were excluded from the output:
# bjdata
""".format("0" * 64, "1" * 64, "2" * 64)


def test_a_lock_is_read() -> None:
    automat, twisted = read_pins(LOCK, "lock")
    assert (automat.name, automat.version) == ("automat", "25.4.16")
    assert automat.hashes == ["0" * 64, "1" * 64]
    assert automat.wanted_by == ["twisted"]
    assert (twisted.marker, twisted.wanted_by) == ("sys_platform == 'linux'", [""])
    assert twisted.fits(locks.LINUX)
    assert not twisted.fits({**locks.LINUX, "sys_platform": "win32"})


@pytest.mark.parametrize(
    "line",
    [
        "twisted>=26",
        "twisted",
        "twisted @ https://elsewhere.example/twisted.whl",
        "git+https://elsewhere.example/twisted",
        "--index-url https://elsewhere.example",
        "-e .",
        "    --hash=md5:00",
    ],
)
def test_a_line_that_pins_nothing_is_refused(line: str) -> None:
    with pytest.raises(BadLock, match="pins nothing"):
        list(read_pins(LOCK + line, "lock"))


@pytest.mark.parametrize("name", locks.SETS)
def test_every_pin_of_python_has_hashes(name: str) -> None:
    pins = locks.pins(name)
    assert pins
    assert [pin.name for pin in pins if not pin.hashes or not pin.wanted_by] == []


@pytest.mark.parametrize("name", locks.SHIPPED)
def test_what_was_tested_is_what_is_shipped(name: str) -> None:
    tested = {(pin.name, pin.version): set(pin.hashes) for pin in locks.pins("dev")}
    for pin in locks.pins(name):
        assert set(pin.hashes) <= tested[pin.name, pin.version], pin.name


def test_every_package_of_the_page_is_pinned_with_a_digest() -> None:
    package = json.loads((locks.PAGE / "package.json").read_text())
    asked = {**package["dependencies"], **package["devDependencies"]}
    assert [
        name for name, v in asked.items() if not re.fullmatch(r"\d[\w.+-]*", v)
    ] == []
    pins = locks.page_pins()
    assert len(pins) > len(asked)
    assert [pin.path for pin in pins if not pin.integrity.startswith("sha512-")] == []


def test_no_package_has_an_unknown_or_forbidden_licence() -> None:
    assert flaws(POLICY) == []


@pytest.mark.parametrize(
    ("licence", "flaw"),
    [
        ("MIT", None),
        ("MIT AND PSF-2.0", None),
        ("GPL-3.0-only OR MIT", None),
        ("", "does not say what its licence is"),
        ("GPL-3.0-only", "is not allowed"),
        ("AGPL-3.0-or-later", "is not allowed"),
        ("MIT AND GPL-3.0-only", "is not allowed"),
        ("(MIT OR GPL-3.0-only) AND AGPL-3.0-only", "is not allowed"),
        ("LicenseRef-Proprietary", "is not allowed"),
    ],
)
def test_a_package_is_judged_by_its_licence(licence: str, flaw: str | None) -> None:
    found = POLICY.flaw("newcomer", licence, shipped=True)
    assert found is None if flaw is None else flaw in str(found)


def test_what_is_accepted_is_one_package_under_one_licence() -> None:
    policy = Policy(
        frozenset({"MIT"}), {"a": "LGPL-3.0-only"}, {"b-*": "GPL-3.0-or-later"}
    )
    assert policy.flaw("a", "LGPL-3.0-only", shipped=True) is None
    assert policy.flaw("a", "AGPL-3.0-only", shipped=True) is not None
    assert policy.flaw("b-linux", "GPL-3.0-or-later", shipped=False) is None
    assert policy.flaw("b-linux", "GPL-3.0-or-later", shipped=True) is not None


def test_the_list_of_licences_is_current() -> None:
    page = ROOT / "docs/reference/licences.md"
    assert page.read_text() == document(POLICY), (
        f"run `python -m tools.licences {page.relative_to(ROOT)}`"
    )


@pytest.fixture(scope="module", params=sbom.ROLES)
def bill(request: pytest.FixtureRequest) -> dict[str, Any]:
    return sbom.bill(request.param, POLICY)


def test_a_bill_has_what_cyclonedx_asks_for(bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == (
        "CycloneDX",
        "1.6",
        1,
    )
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                        bill["serialNumber"])  # fmt: skip
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", bill["metadata"]["timestamp"]
    )
    assert bill["metadata"]["component"]["type"] == "application"
    for component in bill["components"]:
        assert component["type"] == "library"
        assert component["name"]
        assert component["version"]
        assert re.fullmatch(r"pkg:(pypi|npm)/[\w.%/-]+@[\w.+!-]+", component["purl"])
        (licence,) = component["licenses"]
        assert licence.get("expression") or licence["license"]["id"]
        files = [*component.get("externalReferences", ()), component]
        digests = [each for file in files for each in file.get("hashes", ())]
        assert digests
        for digest in digests:
            length = {"SHA-256": 64, "SHA-512": 128}[digest["alg"]]
            assert re.fullmatch(f"[0-9a-f]{{{length}}}", digest["content"])


def test_a_bill_names_each_package_once_and_who_needs_it(bill: dict[str, Any]) -> None:
    root = bill["metadata"]["component"]["bom-ref"]
    known = [each["bom-ref"] for each in bill["components"]]
    needs = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    assert len(known) == len(set(known))
    assert set(needs) == {root, *known}
    found, waiting = set(), [root]
    while waiting:
        ref = waiting.pop()
        if ref not in found:
            found.add(ref)
            waiting.extend(needs[ref])
    assert found == {root, *known}


def test_the_bill_of_the_same_pins_is_the_same() -> None:
    assert sbom.bill("engine", POLICY) == sbom.bill("engine", POLICY)


def test_the_bill_of_the_engine_is_its_whole_lock() -> None:
    named = {each["purl"] for each in sbom.bill("engine", POLICY)["components"]}
    assert named == {pin.purl for pin in locks.installed("engine")}
    assert canonicalize_name("Twisted") in {
        each["name"] for each in sbom.bill("engine", POLICY)["components"]
    }


def test_findings_of_an_audit_are_read() -> None:
    flaw = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"]}
    clean = {"name": "b", "version": "1.0", "vulns": []}
    skipped = {"name": "c", "skip_reason": "it is nowhere to be found"}
    report = {"dependencies": [{"name": "a", "version": "2.0", "vulns": [flaw]}, clean]}
    (found,) = of_python(report)
    assert str(found) == "a 2.0: PYSEC-1, CVE-1; mended in 2.1"
    assert concerning([found], {"CVE-1": "no server of ours"}) == []
    assert concerning([found], {"CVE-2": "another"}) == [found]
    with pytest.raises(NotAsked, match="c: it is nowhere to be found"):
        of_python({"dependencies": [skipped]})


def test_findings_of_npm_are_read_and_no_answer_is_no_good_answer() -> None:
    via = {"url": "https://github.com/advisories/GHSA-x", "title": "bad"}
    flaw = {"name": "ws", "range": "<9", "via": [via, "other"], "fixAvailable": True}
    assert of_page({"vulnerabilities": {"ws": flaw}}) == [
        Finding("ws", "<9", "GHSA-x", (), "a newer version")
    ]
    assert of_page({"vulnerabilities": {}}) == []
    with pytest.raises(NotAsked, match="ENOTFOUND"):
        of_page({"message": "request failed: ENOTFOUND"})
