"""The process shell: a start that fails, a stop on a signal."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from twisted.internet.task import deferLater
from twisted.logger import Logger
from heddle.wamp.process import ConfigError, run
log = Logger()

async def start(reactor):
    how = sys.argv[1]
    if how == "refuse":
        raise ConfigError("setting X is missing")
    if how == "bug":
        raise KeyError("secret")
    log.info("ready {how}", how=how)
    if how == "slow":
        try:
            await deferLater(reactor, 60)
        finally:
            await deferLater(reactor, 0.1)
            log.info("released")

    async def stop():
        log.info("stopping")
        await deferLater(reactor, 0.1)
        if how == "bad stop":
            raise KeyError("stop")
        log.info("stopped")

    return stop

run(start)
"""


@pytest.fixture
def program(tmp_path):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    started = []

    def start(how: str, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(file), how],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_refused_start_is_one_sentence_and_exit_code_2(program) -> None:
    process = program("refuse")
    assert process.communicate(timeout=60) == (
        "",
        "program.py: setting X is missing\n",
    )
    assert process.returncode == 2


def test_an_unknown_log_level_is_refused(program) -> None:
    process = program("ready", HEDDLE_LOG_LEVEL="loud")
    assert "there is no level 'loud'; use debug" in process.communicate(timeout=60)[1]
    assert process.returncode == 2


def test_a_defect_at_start_is_logged_with_its_traceback(program) -> None:
    process = program("bug")
    assert "KeyError: 'secret'" in process.communicate(timeout=60)[1]
    assert process.returncode == 1


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_cleanly(stop, program) -> None:
    process = program("ready", HEDDLE_LOG="json")
    assert json.loads(process.stderr.readline())["text"] == "ready ready"
    process.send_signal(stop)
    process.send_signal(stop)
    _, said = process.communicate(timeout=60)
    assert [json.loads(line)["text"] for line in said.splitlines()] == [
        "stopping",
        "stopped",
    ]
    assert process.returncode == 0


def test_a_signal_while_starting_waits_for_the_start_to_clean_up(program) -> None:
    process = program("slow")
    assert "ready slow" in process.stderr.readline()
    time.sleep(0.1)  # into the wait
    process.terminate()
    assert "released" in process.communicate(timeout=60)[1]
    assert process.returncode == 0


def test_a_stop_that_fails_is_told(program) -> None:
    process = program("bad stop")
    process.stderr.readline()
    process.terminate()
    assert "KeyError: 'stop'" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
