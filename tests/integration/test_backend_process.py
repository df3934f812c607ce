"""``heddle-backend`` as a process: its start, its refusals, its stop, its log."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from nacl.signing import SigningKey

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "a password to be kept"
CODE = "a code to be kept secret"


@pytest.fixture
def backend(tmp_path):
    for name, text in {
        "key": SigningKey(b"k" * 32).encode().hex(),
        "password": PASSWORD,
        "code": CODE,
    }.items():
        (tmp_path / name).write_text(text)
    started = []

    def start(**settings: str) -> subprocess.Popen[str]:
        environ = {
            "ROUTER_URL": f"rs://127.0.0.1:{free_port()}",
            "KEY_FILE": str(tmp_path / "key"),
            "DATABASE_URL": f"postgresql://heddle@127.0.0.1:{free_port()}/heddle",
            "ADMIN_PASSWORD_FILE": str(tmp_path / "password"),
            "VIRTUAL_DEVICE_CODE_FILE": str(tmp_path / "code"),
            **settings,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "services.backend"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **{f"BACKEND_{k}": v for k, v in environ.items()}},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said_until(process: subprocess.Popen[str], words: str) -> str:
    said = ""
    while words not in said:
        line = process.stderr.readline()
        assert line, f"ended without saying {words!r}: {said}"
        said += line
    return said


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"ROUTER_URL": ""}, "setting BACKEND_ROUTER_URL is missing"),
        ({"KEY_FILE": "/nowhere"}, "key file /nowhere: No such file"),
        ({"KEY_FILE": str(ROOT / "pyproject.toml")}, "is not 64 hex digits"),
        ({"DATABASE_URL": "nonsense"}, "setting BACKEND_DATABASE_URL is unusable: "),
        ({"DATABASE_URL": "postgresql://x"}, "it names no database"),
        ({"DATABASE_THREADS": "0"}, "DATABASE_THREADS is unusable: Expected int >= 1"),
        ({"TICKET_VALID_S": "soon"}, "BACKEND_TICKET_VALID_S is unusable: Expected"),
    ],
)
def test_a_bad_setting_is_one_sentence(settings, sentence, backend) -> None:
    process = backend(**settings)
    said = process.communicate(timeout=60)[1]
    assert sentence in said
    assert said.count("\n") == 1
    assert process.returncode == 2


def test_the_first_start_needs_a_password(backend, plain_database, tmp_path) -> None:
    process = backend(DATABASE_URL=plain_database, ADMIN_PASSWORD_FILE="")
    assert (
        "BACKEND_ADMIN_PASSWORD_FILE is missing" in process.communicate(timeout=60)[1]
    )
    assert process.returncode == 2
    (tmp_path / "password").write_text("short")
    process = backend(DATABASE_URL=plain_database)
    assert "8 to 1024 characters" in process.communicate(timeout=60)[1]
    assert process.returncode == 2


def test_it_waits_for_its_database_and_can_be_stopped_meanwhile(backend) -> None:
    process = backend()
    said = said_until(process, "waiting for 127.0.0.1:")
    assert "does not answer: " in said
    assert "refused" in said
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_it_waits_for_its_router_and_keeps_its_secrets(backend, plain_database) -> None:
    process = backend(DATABASE_URL=plain_database)
    said = said_until(process, "no router answers at rs://127.0.0.1")
    process.send_signal(signal.SIGINT)
    said += process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert "made user admin and project default" in said
    assert not [word for word in (PASSWORD, CODE, "Traceback") if word in said]
    process = backend(DATABASE_URL=plain_database, PROJECT="other")
    assert "there is no project 'other'" in process.communicate(timeout=60)[1]
    with psycopg.connect(plain_database) as connection:
        tables = "app_user", "enrolment_code"
        kept = [connection.execute(f"table {t}").fetchall() for t in tables]
    assert len(kept[0]) == len(kept[1]) == 1
    assert not [word for word in (PASSWORD, CODE) if word in str(kept)]
