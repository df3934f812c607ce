"""The images of the code under test: built before a test runs containers of them."""

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.support.neighbours import need

ROOT = Path(__file__).parents[2]
ROLES = ("engine", "agent", "backend", "fleetdata", "gateway", "router")


@cache
def _built(role: str) -> str:
    """What went wrong; nothing if the image is there and of this code."""
    done = subprocess.run(
        [ROOT / "tools/images.sh", role], check=False, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def image(role: str) -> str:
    """The name of a role's image, built from this checkout; needs Docker.

    Where the base image is neither here nor to be had, the test is skipped, or fails
    if ``$REQUIRE`` names docker.
    """
    need("docker")
    if flaw := _built(role):
        if (
            "docker" in os.environ.get("REQUIRE", "").split(",")
            or "no base" not in flaw
        ):
            pytest.fail(f"the image heddle/{role}:dev could not be built:\n{flaw}")
        pytest.skip(f"no image heddle/{role}:dev: {flaw.splitlines()[-1]}")
    return f"heddle/{role}:dev"
