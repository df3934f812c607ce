"""One run in an engine, in virtual time: what is asked, told and executed."""

import json
from pathlib import Path

import pytest

from edge_agent.engine.protocol import (
    Approve,
    Forget,
    PauseRun,
    Readings,
    Refusal,
    Reply,
    ResumeRun,
    StartRun,
    Status,
    StopRun,
    Trigger,
)
from heddle.contract.runs import RunStatus, StopMode
from tests.support.engine import (
    BEGIN_S,
    World,
    condition,
    listener,
    loop,
    one_phase,
    timer,
    world,
)

BEGIN_MS = int(BEGIN_S * 1000)
BIOREACTOR = Path(__file__).parents[3] / "examples/flows/bioreactor.json"
TEMPERATURE = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"


def test_the_bioreactor_runs_to_its_end(tmp_path: Path) -> None:
    with world(tmp_path, json.loads(BIOREACTOR.read_text())) as here:
        here.read(**{TEMPERATURE: 20.0})
        here.command(StartRun(run="r1"))
        here.at(110, lambda: here.read(**{TEMPERATURE: 38.0}))
        here.run_until(500)
        told = here.agent.events["r1"]
        assert [event.number for event in told] == list(range(len(told)))
        assert told[-1].type == "WORKFLOW_FINISHED"
        assert told[-1].createdAt == BEGIN_MS + 110_000 + 20_000 + 30_000 + 300_000
        phases = [e.data["phaseId"] for e in told if e.type == "PHASE_STARTED"]
        assert phases == [
            *("phase_1", "phase_2", "phase_4"),
            *("phase_5", "phase_6") * 3,
        ]
        assert here.agent.executed["r1", 0].command == {
            "id": "command_1",
            "type": "SET_TARGETS",
            "data": {
                "targets": [
                    {
                        "inputNodeId": "8006ba5a-30cf-4d15-b4cb-34fda02e87e3",
                        "target": 20,
                    }
                ]
            },
        }
        assert len(here.agent.executed) == len(phases)


def test_the_welcome_names_what_the_agent_must_know(tmp_path: Path) -> None:
    with world(tmp_path, json.loads(BIOREACTOR.read_text())) as here:
        welcome = here.agent.welcome
        assert welcome is not None
        assert (welcome.flow, welcome.version) == ("flow", 1)
        assert welcome.nodes == (TEMPERATURE,)
        assert welcome.inputs == ("8006ba5a-30cf-4d15-b4cb-34fda02e87e3",)


def test_a_report_tells_phases_listeners_and_what_remains(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        here.run_until(2)
        moving = here.command(Status(run="r1"))
        assert (moving.status, moving.active_phases) == (RunStatus.RUNNING, ("p",))
        (waits,) = moving.listening
        assert (waits.listener, waits.type, waits.phase) == ("t", "TIMER", "p")
        assert (waits.due_at_ms, waits.remaining_ms) == (BEGIN_MS + 5000, None)
        held = here.command(PauseRun(run="r1"))
        (waits,) = held.listening
        assert (held.status, waits.due_at_ms) == (RunStatus.PAUSED, None)
        assert waits.remaining_ms == 3000


def test_a_paused_timer_keeps_its_remainder(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        here.run_until(2)
        here.command(PauseRun(run="r1"))
        here.run_until(100)
        assert here.types("r1")[-1] == "WORKFLOW_PAUSED"
        here.command(ResumeRun(run="r1"))
        here.run_until(102.999)
        assert here.types("r1")[-1] == "WORKFLOW_RESUMED"
        here.run_until(103)
        assert here.agent.events["r1"][-1].createdAt == BEGIN_MS + 103_000
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"


def test_the_only_awaited_approval_needs_no_name(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(listener("a", "APPROVAL", "p"))) as here:
        here.command(StartRun(run="r1"))
        report = here.command(Approve(run="r1", by="ada", comment="looks good"))
        assert report.status is RunStatus.FINISHED
        received = [
            e for e in here.agent.events["r1"] if e.data.get("eventListenerId") == "a"
        ]
        assert received[-1].data == {
            "eventListenerId": "a",
            "forced": False,
            "by": "ada",
            "comment": "looks good",
        }


def two_approvals(tmp_path: Path) -> World:
    both = one_phase(listener("a", "APPROVAL", "p"), listener("b", "APPROVAL", "p"))
    here = World(tmp_path, both)
    here.command(StartRun(run="r1"))
    return here


def test_one_of_two_approvals_must_be_named(tmp_path: Path) -> None:
    here = two_approvals(tmp_path)
    refused = here.refused(Approve(run="r1"))
    assert refused.uri == "heddle.error.listener_not_active"
    assert refused.sentence == (
        "run r1 waits for 2 approvals and none was named: choose from a, b"
    )
    assert refused.details["active"] == ["a", "b"]
    assert here.command(Approve(run="r1", listener="b")).status == "finished"
    here.stop()


@pytest.mark.parametrize(
    ("command", "uri", "sentence"),
    [
        (
            PauseRun(run="nobody"),
            "run_not_found",
            "there is no run nobody of flow flow on this device: "
            "the status of all runs lists those there are",
        ),
        (
            StartRun(run="r1"),
            "run_exists",
            "run r1 of flow flow exists already: start one of another id",
        ),
        (
            StartRun(run="Not an id"),
            "invalid_id",
            "run 'Not an id' is not an id: use 1 to 64 of a-z, 0-9 and _",
        ),
        (
            ResumeRun(run="r1"),
            "wrong_run_state",
            "run r1 is running, so it cannot resume: pause or stop it first",
        ),
        (
            Approve(run="r1"),
            "listener_not_active",
            "run r1 waits for no approval: nothing can be chosen now, "
            "ask for the run's status",
        ),
        (
            Trigger(run="r1", listener="x"),
            "listener_not_active",
            "listener x of run r1 is not active: choose from t",
        ),
        (
            Forget(run="r1"),
            "wrong_run_state",
            "run r1 is running: stop it before it is forgotten",
        ),
        (
            Trigger(run="r1", listener="t", by="x" * 5000),
            "invalid_request",
            "the name has 5000 characters, the most is 4000: shorten it",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    tmp_path: Path, command, uri: str, sentence: str
) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        before = here.command(Status(run="r1"))
        refused = here.refused(command)
        assert (refused.uri, refused.sentence) == (f"heddle.error.{uri}", sentence)
        assert here.command(Status(run="r1")) == before


def test_a_paused_run_refuses_triggers_by_name(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        here.command(PauseRun(run="r1"))
        refused = here.refused(Trigger(run="r1", listener="t"))
        assert refused.uri == "heddle.error.run_paused"
        assert refused.sentence == (
            "run r1 is paused and heeds only resume, stop and status: "
            "resume it, then trigger the listener"
        )


def test_an_ended_run_says_so(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        here.command(StopRun(run="r1", mode=StopMode.HARD))
        refused = here.refused(PauseRun(run="r1"))
        assert refused.sentence == (
            "run r1 is terminated, so it cannot pause: it has ended, start a new run"
        )


def test_a_forced_trigger_says_who_forced_it(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.command(StartRun(run="r1"))
        here.command(Trigger(run="r1", listener="t", by="ada"))
        fired = here.agent.events["r1"][5]
        assert fired.data == {"eventListenerId": "t", "forced": True, "by": "ada"}


def test_commands_that_failed_are_told(tmp_path: Path) -> None:
    with world(tmp_path, loop(1, 1000)) as here:
        here.agent.fail["r1", 0] = "heater is off"
        here.command(StartRun(run="r1"))
        here.run_until(1)
        failed = next(e for e in here.agent.events["r1"] if e.type == "COMMAND_FAILED")
        assert failed.data == {
            "phaseId": "p",
            "commandId": "p_c",
            "error": "heater is off",
        }


def test_a_loop_without_time_turns_to_its_end(tmp_path: Path) -> None:
    with world(tmp_path, loop(500)) as here:
        here.command(StartRun(run="r1"))
        here.run_until(1)
        report = here.command(Status(run="r1"))
        assert report.status is RunStatus.FINISHED
        assert report.activations == {"g": 500}
        assert here.agent.events["r1"][-1].createdAt == BEGIN_MS


def test_a_condition_must_hold_for_its_time(tmp_path: Path) -> None:
    warm = condition("c", "p", "temp", ">=", 37, sustainTimeInMS=5000)
    with world(tmp_path, one_phase(warm)) as here:
        here.read(temp=20.0)
        here.command(StartRun(run="r1"))
        here.at(1, lambda: here.read(temp=38.0))
        here.at(4, lambda: here.read(temp=36.0))
        here.at(5, lambda: here.read(temp=37.0))
        here.at(7, lambda: here.read(temp=39.0))
        here.run_until(9.999)
        assert here.types("r1")[-1] == "EVENT_LISTENER_ACTIVATED"
        here.run_until(10)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"


def test_readings_that_change_nothing_are_not_journalled(tmp_path: Path) -> None:
    warm = condition("c", "p", "temp", ">=", 37)
    with world(tmp_path, one_phase(warm)) as here:
        here.command(StartRun(run="r1"))
        for n in range(100):
            here.at(1 + n / 10, lambda n=n: here.read(temp=20.0 + n / 10))
        here.run_until(20)
        assert len(here.journal.inputs(1)) == 1
        here.command(PauseRun(run="r1"))
        assert len(here.journal.inputs(1)) == 3  # the latest reading goes first


def test_a_reading_seen_before_the_start_counts(tmp_path: Path) -> None:
    warm = condition("c", "p", "temp", ">=", 37)
    with world(tmp_path, one_phase(warm)) as here:
        here.read(temp=40.0)
        assert here.command(StartRun(run="r1")).status is RunStatus.FINISHED


def test_two_readings_that_only_together_matter(tmp_path: Path) -> None:
    def compared(tag: str, right: float) -> object:
        left = {"type": "SENSOR_DATA", "data": {"reporterFctId": tag}}
        return {"left": left, "operator": ">", "right": right}

    both = {"operator": "AND", "left": compared("a", 1), "right": compared("b", 2)}
    joined = listener("c", "CONDITION", "p", condition=both)
    with world(tmp_path, one_phase(joined)) as here:
        here.read(a=0.0, b=0.0)
        here.command(StartRun(run="r1"))
        here.at(1, lambda: here.read(a=5.0))
        here.at(2, lambda: here.read(b=5.0))
        here.run_until(3)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"


def test_bad_readings_and_a_silent_agent_restart_the_window(tmp_path: Path) -> None:
    warm = condition("c", "p", "temp", ">=", 37, sustainTimeInMS=30_000)
    with world(tmp_path, one_phase(warm)) as here:
        here.read(temp=40.0)
        here.command(StartRun(run="r1"))
        here.at(5, lambda: here.read(temp=(40.0, 2)))
        here.at(6, lambda: here.read(temp=40.0))
        here.run_until(20)
        here.vouching = False
        here.run_until(40)
        here.vouching = True
        here.read(temp=40.0)
        here.run_until(69.5)
        assert here.types("r1")[-1] == "EVENT_LISTENER_ACTIVATED"
        here.run_until(70)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"


def test_readings_held_up_on_the_way_are_not_taken(tmp_path: Path) -> None:
    warm = condition("c", "p", "temp", ">=", 37)
    with world(tmp_path, one_phase(warm)) as here:
        here.command(StartRun(run="r1"))
        old = Readings(at_ms=BEGIN_MS - 10_001, values={"temp": (40.0, 0)})
        here.engine.read(old)
        here.run_until(1)
        assert here.types("r1")[-1] == "EVENT_LISTENER_ACTIVATED"
        here.wall_offset_s = -3600  # set back; the agent sees the same clock
        here.read(temp=40.0)
        here.run_until(2)
        assert here.types("r1")[-1] == "WORKFLOW_FINISHED"


def test_runs_are_listed_newest_first_and_forgotten(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        for name in ("r1", "r2", "r3"):
            here.command(StartRun(run=name))
        here.command(StopRun(run="r2", mode=StopMode.HARD))
        answers = here.ask(Status())
        here.settle()
        assert isinstance(answers[0], Reply)
        assert [report.run for report in answers[0].runs] == ["r3", "r2", "r1"]
        forgotten = here.ask(Forget(run="r2"))
        here.settle()
        assert forgotten == [Reply(id=forgotten[0].id)]
        assert here.refused(Status(run="r2")).uri == "heddle.error.run_not_found"
        assert here.command(StartRun(run="r2")).events == 5
        here.restart()
        assert here.command(Status(run="r2")).events == 5


def test_a_run_with_undelivered_events_is_not_forgotten(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        here.agent.acknowledges = False
        here.command(StartRun(run="r1"))
        here.command(StopRun(run="r1", mode=StopMode.HARD))
        refused = here.refused(Forget(run="r1"))
        assert refused.sentence == (
            "run r1 has 6 events the agent has not acknowledged: "
            "forget it when they are delivered"
        )
        here.agent.acknowledge("r1")
        answers = here.ask(Forget(run="r1"))
        here.settle()
        assert not isinstance(answers[0], Refusal)


def test_asked_in_one_turn_answered_in_order(tmp_path: Path) -> None:
    with world(tmp_path, one_phase(timer("t", "p", 5000))) as here:
        answers = [
            here.ask(command)
            for command in (
                StartRun(run="r1"),
                PauseRun(run="r1"),
                PauseRun(run="r1"),
                ResumeRun(run="r1"),
                StopRun(run="r1", mode=StopMode.HARD),
                Status(),
            )
        ]
        here.settle()
        states = [
            a[0].runs[0].status if isinstance(a[0], Reply) else a[0].uri
            for a in answers
        ]
        assert states == [
            "running",
            "paused",
            "heddle.error.wrong_run_state",
            "running",
            "terminated",
            "terminated",
        ]
