"""The images: each holds what its role needs, runs as nobody special, and no more."""

import json
import subprocess

import pytest

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


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_an_ordinary_user_without_a_compiler(role: str) -> None:
    done = inside(role, "sh", "-c", "id -u; command -v cc gcc ld")

    assert done.stdout.split() == ["10001"]


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
    described = subprocess.run(
        ["docker", "image", "inspect", image("router")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(described.stdout)[0]["Config"]["StopSignal"] == "SIGINT"
