"""The images: each holds what its role needs, runs as nobody special, and no more."""

import json
import subprocess
from typing import Any

import pytest

from heddle import __version__
from tests.support.images import ROLES, image

pytestmark = pytest.mark.timeout(600)

MODULES = {
    "engine": "edge_agent.engine.__main__",
    "agent": "edge_agent.__main__, edge_agent.runtime.containers",
    "backend": "services.backend.__main__, heddle.cli.__main__",
    "fleetdata": "services.fleetdata.__main__",
    "gateway": "services.gateway.__main__",
    "router": "services.gatekeeper.node, services.gatekeeper.component",
}


def inside(role: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a role's image, locked down as compose does it."""
    locked = ["--read-only", "--cap-drop=ALL", "--network=none", "--tmpfs=/tmp"]
    program, *arguments = argv
    words = [*locked, "--entrypoint", program, image(role), *arguments]
    return subprocess.run(
        ["docker", "run", "--rm", *words], check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_all_it_imports(role: str) -> None:
    done = inside(role, "python3", "-W", "ignore", "-c", f"import {MODULES[role]}")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


LOOK = """
import importlib.util, json, os, shutil, stat, sys
from importlib.metadata import distributions
everybodys, raised, history = [], [], []
for folder, folders, names in os.walk("/"):
    if folder == "/":
        folders[:] = [each for each in folders if each not in ("proc", "sys", "dev")]
    for name in names + folders:
        path = os.path.join(folder, name)
        mode = os.lstat(path).st_mode
        sticky = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
        if mode & 0o002 and not stat.S_ISLNK(mode) and not sticky:
            everybodys.append(path)
        if stat.S_ISREG(mode) and mode & 0o6000:
            raised.append(path)
        if name.endswith("_history") or name in (".netrc", ".pypirc", ".npmrc", ".git"):
            history.append(path)
tools = "as c++ cc clang curl g++ gcc git ld make node npm pip pip3 wget"
modules = "ensurepip pip setuptools wheel"
print(json.dumps({
    "user": os.getuid(),
    "everybody may write": everybodys,
    "raise rights": raised,
    "tell of others": history,
    "tools": [each for each in tools.split() if shutil.which(each)],
    "modules": [m for m in modules.split() if importlib.util.find_spec(m)],
    "packages": {
        each.metadata["Name"].lower().replace("_", "-").replace(".", "-"): each.version
        for each in distributions(path=["/opt/packages", "/opt/heddle"])
    },
    "bill": json.load(open("/opt/sbom.cdx.json")),
}))
"""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_what_its_bill_tells_and_nothing_to_build_or_break_in_with(
    role: str,
) -> None:
    done = inside(role, "python3", "-c", LOOK)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    told = {each["name"]: each["version"] for each in found.pop("bill")["components"]}
    packages = found.pop("packages")
    assert packages.pop("heddle") == __version__
    assert packages == told
    assert found == {
        "user": 10001,
        "everybody may write": [],
        "raise rights": [],
        "tell of others": [],
        "tools": [],
        "modules": [],
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_what_it_is_and_runs_as_nobody_special(role: str) -> None:
    config = described(role)["Config"]

    prefix = "org.opencontainers.image."
    told = {
        name.removeprefix(prefix): value
        for name, value in config["Labels"].items()
        if name.startswith(prefix)
    }
    assert told.keys() >= {"revision", "base.name", "base.digest"}
    assert (told["title"], told["version"], told["licenses"]) == (
        f"Heddle {role}",
        __version__,
        "Apache-2.0",
    )
    assert all(told.values())
    assert config["User"] == "heddle"
    named = {word.partition("=")[0] for word in config["Env"]}
    secret = ("PASSWORD", "SECRET", "TOKEN")
    assert not {name for name in named if any(word in name for word in secret)}


def described(role: str) -> dict[str, Any]:
    """What Docker tells of a role's image."""
    told = subprocess.run(
        ["docker", "image", "inspect", image(role)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(told.stdout)[0]
    return found


def test_the_engine_has_no_wamp_and_no_docker() -> None:
    for package in ("autobahn", "docker", "psycopg", "crossbar"):
        assert inside("engine", "python3", "-c", f"import {package}").returncode == 1


def test_a_program_without_settings_says_which_is_missing() -> None:
    done = subprocess.run(
        ["docker", "run", "--rm", image("backend")],
        check=False,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr.strip()) == (
        2,
        "__main__.py: setting BACKEND_ROUTER_URL is missing: set it in the environment,"
        " or router_url in the file that BACKEND_CONFIG names",
    )


def test_the_router_is_stopped_by_sigint() -> None:
    assert described("router")["Config"]["StopSignal"] == "SIGINT"
