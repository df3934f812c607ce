"""This version on what the previous one left: its databases, its device, its agents."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from heddle.local.folder import PROJECT
from heddle.local.postgres import Postgres, embedded_bin
from services.fleetdata.store.provision import database_name
from tests.soak.audit import judge
from tests.support.neighbours import need
from tests.support.stack import ROOT, RunningStack, eventually, heddle, running_stack
from tests.upgrade.api import Api
from tests.upgrade.callers import load
from tests.upgrade.device import Device, newcomer
from tests.upgrade.life import completed, facts, live, missing, runs_of, stored, whole
from tests.upgrade.previous import (
    BACKUP,
    BREW,
    FAST,
    FOR_AGES,
    HOLD,
    LEFT,
    PRESS,
    PRESS_DATA,
    STACK,
    told,
    unpack,
)
from tests.upgrade.rolling import restart, restart_beside

pytestmark = pytest.mark.timeout(900)

TOLD = told()
PATIENCE_S = 120.0  # of the calls: the machine may stand still meanwhile


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the previous version left behind; the tests go on with it."""
    return unpack(LEFT, tmp_path_factory.mktemp("left"))


@pytest.fixture(scope="module")
def upgraded(left: Path) -> Iterator[RunningStack]:
    """This version's centre on the databases, keys and devices of the previous one."""
    need("crossbar")
    restored = heddle("restore", str(left / BACKUP), "--data", str(left / STACK))
    assert restored.code == 0, restored.err
    quick = {"GATEWAY_RATE_PER_MINUTE": "100000", **FOR_AGES}
    with running_stack(left / STACK, *FAST, **quick) as stack:
        yield stack


def test_the_centre_tells_all_that_the_previous_one_told(
    upgraded: RunningStack,
) -> None:
    found = facts(upgraded, TOLD["window"])
    asked = {name: TOLD[name] for name in found}
    press, virtual = asked["devices"]
    enrolled = {k: virtual["report"][k] for k in ("device", "kind", "enrolled_at_ms")}
    asked["devices"] = [press, {"report": enrolled}]  # it runs again, and tells of here
    assert len(asked["samples"]["series"][0]["at_ms"]) > 10
    assert list(missing(asked, found)) == []
    api = Api(upgraded)
    for name in ("ended", BREW, HOLD):
        run = TOLD[f"run_{name}"]
        events = stored(api, PRESS, run["run"])
        assert list(missing(run["events"], events[: len(run["events"])])) == []
    listed = {one["run"]: one["status"] for one in api.get("/runs")["runs"]}
    stands = {"ended": "terminated", BREW: "running", HOLD: "paused"}
    for name, status in stands.items():  # a list that the previous version had not
        assert listed[TOLD[f"run_{name}"]["run"]] == status


def test_the_audit_trail_is_unbroken_from_the_head_that_was_noted(
    upgraded: RunningStack,
) -> None:
    found = Api(upgraded).get("/audit/verify", head=TOLD["audit"]["head"])
    assert found["holds"], found
    assert found["entries"] >= TOLD["audit"]["entries"]


def test_people_and_programs_come_in_as_before(upgraded: RunningStack) -> None:
    program = Api(upgraded, TOLD["key"])
    assert PRESS in json.dumps(program.get("/devices"))
    ticket = program.post("/login", user="olga", password=TOLD["password"])
    assert ticket["role"] == "operator"


@pytest.fixture(scope="module")
def press(upgraded: RunningStack, left: Path) -> Iterator[Device]:
    """This version's agent over the folder of the previous one's."""
    device = Device(PRESS, left / PRESS_DATA, driver="plant", commit_ms="100")
    assert device.waiting() >= TOLD["waiting"]
    with device.running(upgraded):
        yield device


def test_a_device_goes_on_with_its_runs_and_its_deployments(
    upgraded: RunningStack, press: Device
) -> None:
    api = Api(upgraded)
    brewing, holding = TOLD[f"run_{BREW}"], TOLD[f"run_{HOLD}"]
    for run in (brewing, holding):
        now = api.get(runs_of(PRESS, run["run"]))
        for field in ("status", "active_phases", "version", "flow"):
            assert now[field] == run["report"][field], field
        assert now["events"] >= len(run["events"])
    resumed = api.post(f"{runs_of(PRESS, holding['run'])}/resume")
    assert resumed["status"] == "running"
    approved = api.post(f"{runs_of(PRESS, brewing['run'])}/approve")
    assert approved["active_phases"] == ["phase_3"]
    for run in (brewing, holding):
        api.post(f"{runs_of(PRESS, run['run'])}/stop", mode="hard")
        events = whole(api, PRESS, run["run"])
        assert events[-1]["type"] == "WORKFLOW_TERMINATED"
        assert list(missing(run["events"], events[: len(run["events"])])) == []

    api.post(f"/deployments/{TOLD['held']}/start")  # the previous centre made it
    completed(api, TOLD["held"])
    flows = api.get(f"/devices/{PRESS}/flows")["flows"]
    (flow,) = (one for one in flows if one["flow"] == BREW)
    assert (flow["version"], flow["state"]) == (2, "ready")


def test_all_that_both_versions_produced_is_delivered_once(
    upgraded: RunningStack, press: Device
) -> None:
    assert press.end() == 0
    where = (str(press.data), upgraded.router)
    drain = [sys.executable, "-m", "tests.soak.drain", *where]
    subprocess.run(drain, check=True, cwd=ROOT)
    verdicts = judge(PRESS, press.data, dsn(upgraded))
    assert [each.flaws for each in verdicts] == [[]] * len(verdicts)
    assert [each.produced - each.stored for each in verdicts] == [0] * len(verdicts)
    assert {each.stream: each.produced > 0 for each in verdicts} == {
        "samples": True,
        "run_events": True,
        "alarms": True,
        "losses": False,
    }


def dsn(stack: RunningStack) -> str:
    """The project's database, for the auditor."""
    password = (stack.data / "secrets/database_password").read_text().strip()
    server = Postgres(embedded_bin(), stack.data / "postgres")
    return server.dsn(database_name(PROJECT), password)


def test_an_agent_of_the_previous_version_enrols_and_works(
    upgraded: RunningStack, previous: Path, tmp_path: Path
) -> None:
    old = newcomer(upgraded, "old_1", tmp_path, previous)
    with old.running(upgraded):
        live(upgraded, old.name, tmp_path)
    upgraded.ask("device", "decommission", old.name, "--yes", "--force")
    eventually(lambda: old.name not in upgraded.online(), "it is taken out")


def test_services_restart_one_after_another_and_no_call_fails_for_good(
    upgraded: RunningStack,
) -> None:
    with load(upgraded, PATIENCE_S) as figures:
        restart_beside(upgraded, "backend")
        restart_beside(upgraded, "fleetdata")
        restart(upgraded, "gateway")
        restart(upgraded, "router")
    assert figures
    for what, figure in figures.items():
        assert figure["calls"] > 0, what
        assert figure["failed"] == [], what
