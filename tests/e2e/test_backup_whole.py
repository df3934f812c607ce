"""A whole installation, carried to an empty machine in one file: nobody notices."""

from pathlib import Path
from typing import Any

import pytest

from heddle.local.folder import DEVICE
from tests.support.neighbours import need
from tests.support.stack import (
    Answer,
    RunningStack,
    eventually,
    heddle,
    running_stack,
    unhurried_flow,
)

FLOW = "unhurried"
OPTIONS = ("--time-scale", "20", "--runtime", "process")
PASSWORD = "what wilma says"
PASSPHRASE = "seven looms in a quiet mill"


@pytest.mark.timeout(600)
def test_a_whole_installation_goes_on_from_its_backup(tmp_path: Path) -> None:
    need("crossbar")
    file, words = tmp_path / "monday.heddle", tmp_path / "passphrase"
    words.write_text(f"{PASSPHRASE}\n")
    with running_stack(tmp_path / "first", *OPTIONS) as first:
        before = a_life(first, tmp_path)
        made = first.cli(
            "backup", str(file), "--whole", *passphrase(words), within_s=300
        )
        assert made.code == 0, made.err
    assert "heddle_default: the test restore has every row" in made.out
    assert file.stat().st_mode & 0o777 == 0o600
    content = file.read_bytes()
    for secret in sorted((first.data / "keys").iterdir()):
        assert secret.read_bytes().strip() not in content
    assert b"wilma" not in content
    assert not (first.data / "backup.unfinished").exists()

    elsewhere = tmp_path / "second"
    restored = restore(file, elsewhere, words)
    assert restored.code == 0, restored.err
    for name in ("keys/backend.key", f"devices/{DEVICE}/device.key"):
        assert (elsewhere / name).read_bytes() == (first.data / name).read_bytes()
    with running_stack(elsewhere, *OPTIONS) as second:
        it_goes_on(second, before, tmp_path)
    stopped = second.cli(
        *("backup", str(tmp_path / "b"), "--whole", "--no-verify", *passphrase(words)),
        within_s=300,
    )
    assert stopped.code == 0, stopped.err


def a_life(stack: RunningStack, folder: Path) -> dict[str, Any]:
    """A person, a published flow, a run that waits, samples: what must come back."""
    code = stack.ask("user", "invite", "viewer", "--user", "wilma")["code"]
    accepted = heddle(
        *("invitation", "accept", "--url", stack.page, "--user", "wilma", code),
        *("--password-file", "-"),
        env=home(folder / "wilma_1"),
        stdin=f"{PASSWORD}\n",
    )
    assert accepted.code == 0, accepted.err
    stack.ask("flow", "install", str(unhurried_flow(folder / f"{FLOW}.json")))
    stack.ask("flow", "publish", FLOW)
    run = stack.ask("run", "start", FLOW)["run"]
    stack.ask("run", "trigger", "eventListener_2", run)
    events = stack.all_events(run)
    return {"run": run, "events": events, "samples": samples(stack)}


def it_goes_on(stack: RunningStack, before: dict[str, Any], folder: Path) -> None:
    signed_in = heddle(
        *("login", stack.page, "--user", "wilma", "--password-file", "-"),
        env=home(folder / "wilma_2"),
        stdin=f"{PASSWORD}\n",
    )
    assert "as wilma (viewer)" in signed_in.out, signed_in.err
    eventually(lambda: DEVICE in stack.online(), "the device is back")

    former = set(before["samples"])
    assert len(former) > 1
    assert former <= set(samples(stack))
    assert stack.events(before["run"]) == before["events"]

    the_run_goes_on(stack, before["run"], before["events"])
    a_release_of_before_is_taken(stack)


def the_run_goes_on(
    stack: RunningStack, run: str, before: list[dict[str, Any]]
) -> None:
    def stands() -> dict[str, Any] | None:
        told = stack.cli("run", "status", run, "--json")
        return told.json["runs"][0] if told.code == 0 else None

    def stopped() -> bool:
        stack.cli("run", "stop", run, "--hard")
        return (stands() or {}).get("status") == "terminated"

    back = eventually(stands, "the run is back", every_s=1)
    assert (back["status"], back["active_phases"]) == ("running", ["phase_2"])
    eventually(stopped, "the run has its engine again", every_s=1)
    after = stack.all_events(run)
    assert after[: len(before)] == before
    assert [event["number"] for event in after] == list(range(len(after)))
    assert after[-1]["type"] == "WORKFLOW_TERMINATED"


def a_release_of_before_is_taken(stack: RunningStack) -> None:
    made = stack.ask("deploy", FLOW, "--device", DEVICE, "--watch-time", "1s")

    def ended() -> dict[str, Any] | None:
        report = stack.ask("deployment", "show", made["deployment"])["report"]
        return report if report["ended_at_ms"] else None

    report = eventually(ended, "the release that was signed before is taken", 300)
    assert report["status"] == "completed", report
    eventually(lambda: explained(stack), "every loss is explained", every_s=1)


def explained(stack: RunningStack) -> bool:
    """Whether every number a device gave is stored, or told as lost."""
    told = stack.cli("telemetry", "gaps", "--json").json
    return "unexplained" not in {epoch["state"] for epoch in told["epochs"]}


def restore(file: Path, data: Path, words: Path) -> Answer:
    given = ("restore", str(file), "--data", str(data), *passphrase(words))
    return heddle(*given, within_s=300)


def passphrase(words: Path) -> tuple[str, ...]:
    return ("--passphrase-file", str(words))


def home(folder: Path) -> dict[str, str]:
    """The environment of a user of their own."""
    return {"XDG_CONFIG_HOME": str(folder), "HEDDLE_DATA": ""}


def samples(stack: RunningStack) -> list[str]:
    """Every stored sample of a tag, as lines."""
    told = stack.cli(
        "telemetry", "export", "--device", DEVICE, "--tag", "temperature", "-o", "-"
    )
    assert told.code == 0, told.err
    return told.out.splitlines()
