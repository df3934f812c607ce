"""compose.yaml as an operator runs it: up, a flow to its end, restarts, down."""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.support.images import ROLES, image
from tests.support.neighbours import compose, need
from tests.support.ports import free_port
from tests.support.stack import EXAMPLE, eventually

pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).parents[2]
LOCAL_DATABASE = "local/timescaledb:pg17"


class Deployment:
    """One compose project of its own name, on a port of its own."""

    def __init__(self) -> None:
        self.name = f"heddle_test_{secrets.token_hex(3)}"
        self.port, self.api_port = free_port(), free_port()
        self.env = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.name,
            "HEDDLE_PORT": str(self.port),
            "HEDDLE_API_PORT": str(self.api_port),
            "HEDDLE_TIME_SCALE": "60",
        }
        if _docker("image", "ls", "-q", LOCAL_DATABASE):
            self.env.setdefault("HEDDLE_DB_IMAGE", LOCAL_DATABASE)

    def compose(self, *words: str, check: bool = True) -> str:
        """Run Docker Compose; its output."""
        done = subprocess.run(
            [*(compose() or ()), *words],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env=self.env,
        )
        if check and done.returncode != 0:
            logs = self.compose("logs", "--tail", "30", check=False)
            pytest.fail(f"compose {' '.join(words)}:\n{done.stdout}{done.stderr}{logs}")
        return done.stdout

    def cli(self, *words: str) -> Any:
        """Run the command line in its container; its JSON."""
        flows = f"{EXAMPLE.parent}:/flows:ro"
        return json.loads(
            self.compose("run", "--rm", "-T", "-v", flows, "cli", *words, "--json")
        )

    def running(self) -> dict[str, dict[str, Any]]:
        """What compose tells of each service's container."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {one["Service"]: one for one in map(json.loads, lines)}

    def engines(self) -> list[dict[str, Any]]:
        """The engines' containers that this deployment's device made."""
        ids = _docker("ps", "-aq", "--filter", "label=heddle.device").split()
        found = json.loads(_docker("inspect", *ids)) if ids else []
        return [
            one
            for one in found
            if any(f"/{self.name}_device/" in m["Source"] for m in one["Mounts"])
        ]


def _docker(*words: str) -> str:
    done = subprocess.run(
        ["docker", *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """The whole of compose.yaml, up and healthy."""
    need("compose")
    for role in ROLES:
        image(role)
    found = Deployment()
    try:
        found.compose("up", "--wait", "--wait-timeout", "240")
        yield found
        found.compose("down", "--timeout", "30")
        assert found.engines() == []
    finally:
        found.compose("down", "--volumes", "--timeout", "1", check=False)


def test_all_parts_are_healthy_and_setup_has_ended(deployment: Deployment) -> None:
    parts = deployment.running()

    assert parts["setup"]["ExitCode"] == 0
    assert {name: one["Health"] for name, one in parts.items()} == {
        "setup": "",
        **dict.fromkeys(
            ("database", "router", "backend", "fleetdata", "gateway", "device"),
            "healthy",
        ),
    }


def test_page_and_api_are_served_on_loopback_only(deployment: Deployment) -> None:
    for place in (f"{deployment.port}/", f"{deployment.api_port}/api/v1/docs"):
        with urlopen(f"http://127.0.0.1:{place}") as answer:
            assert b"Heddle" in answer.read()
    bound = [
        (one["Service"], port["URL"], port["PublishedPort"])
        for one in deployment.running().values()
        for port in one["Publishers"] or ()
        if port["PublishedPort"]
    ]
    assert sorted(bound) == [
        ("gateway", "127.0.0.1", deployment.api_port),
        ("router", "127.0.0.1", deployment.port),
    ]


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ("router", {"principals.json"}),
        ("backend", {"key", "database_password", "admin_password", "device_code"}),
        ("fleetdata", {"key", "database_password"}),
        ("device", {"code"}),
        ("database", {"password"}),
    ],
)
def test_a_part_sees_its_own_secrets_only(
    deployment: Deployment, part: str, given: set[str]
) -> None:
    found = deployment.compose("exec", "-T", part, "ls", "/run/heddle")

    assert set(found.split()) == given


def test_the_seeds_workflow_runs_to_its_end_in_a_container(
    deployment: Deployment,
) -> None:
    deployment.cli("flow", "install", f"/flows/{EXAMPLE.name}")
    run = deployment.cli("run", "start", "bioreactor")["run"]

    (engine,) = deployment.engines()
    assert engine["HostConfig"]["NetworkMode"] == "none"
    assert engine["HostConfig"]["ReadonlyRootfs"]

    def finished() -> bool:
        found = deployment.cli("run", "status", run)["runs"][0]
        return bool(found["status"] == "finished")

    eventually(finished, f"{run} finished", within_s=180, every_s=1)


def test_a_restart_of_router_and_database_is_survived(deployment: Deployment) -> None:
    deployment.compose("restart", "router", "database")

    def online() -> bool:
        words = ("run", "--rm", "-T", "cli", "device", "list", "--json")
        said = deployment.compose(*words, check=False)
        return bool(said) and json.loads(said)["devices"][0]["online"]

    eventually(online, "the device is online again", within_s=90, every_s=1)
    sample = deployment.cli("telemetry", "tail", "--count", "1")
    assert sample["tag"]


def test_a_second_setup_changes_no_secret(deployment: Deployment) -> None:
    secret = ("exec", "-T", "backend", "cat", "/run/heddle/database_password")
    before = deployment.compose(*secret)

    deployment.compose("run", "--rm", "-T", "setup")
    assert deployment.compose(*secret) == before
