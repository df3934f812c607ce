"""The process itself: it starts alone, waits, and ends when told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from heddle.wamp.keys import load_or_make_key
from tests.support.ports import free_port


def start(**settings: str) -> subprocess.Popen[str]:
    environ = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("FLEETDATA_")
    }
    return subprocess.Popen(
        [sys.executable, "-m", "services.fleetdata"],
        env=environ | {f"FLEETDATA_{key.upper()}": v for key, v in settings.items()},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    load_or_make_key(tmp_path / "key")
    return {
        "router_url": f"rs://127.0.0.1:{free_port()}",
        "key_file": str(tmp_path / "key"),
        "database_url": f"postgresql://nobody@127.0.0.1:{free_port()}/postgres",
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"router_url": ""}, "FLEETDATA_ROUTER_URL is missing"),
        ({"key_file": "/nowhere/key"}, "/nowhere/key: No such file"),
        (
            {"database_url": "postgresql://u:hush@[/x"},
            "setting FLEETDATA_DATABASE_URL is unusable: it is no PostgreSQL URL",
        ),
        ({"database_password_file": "/nowhere/pw"}, "/nowhere/pw: No such file"),
        ({"metrics": "9464"}, "FLEETDATA_METRICS is unusable: '9464' is no HOST:PORT"),
        ({"guard_path": "/nowhere"}, "FLEETDATA_GUARD_PATH is unusable: /nowhere does"),
        ({"keep_days": "0"}, "FLEETDATA_KEEP_DAYS is unusable: Expected int >= 1"),
    ],
)
def test_a_bad_setting_is_one_sentence(
    settings: dict[str, str], changes: dict[str, str], sentence: str
) -> None:
    process = start(**settings | changes)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert sentence in said
    assert "hush" not in said
    assert len(said.splitlines()) == 1


def test_it_waits_for_its_neighbours_and_ends_when_told(
    settings: dict[str, str],
) -> None:
    process = start(**settings)
    assert process.stderr is not None
    said = process.stderr.readline()
    assert "no router answers" in said
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
