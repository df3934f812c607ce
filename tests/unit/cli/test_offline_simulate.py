"""``heddle flow simulate``: virtual time, scripts, backtests, an improvised world."""

import json

import pytest

from tests.unit.cli.offline import (
    BIOREACTOR,
    EXAMPLES,
    FLOWS,
    TEMPERATURE,
    alone,
    flow,
    phases,
    told,
)
from tests.unit.workflow.drawing import (
    alert,
    approval,
    condition,
    document,
    end,
    flows,
    gateway,
    hot,
    phase,
    start,
    timer,
)

LOOP = ["phase_5", "phase_6"] * 3
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


@pytest.fixture
def write(tmp_path):
    def written(name: str, content: object):
        file = tmp_path / name
        text = content if isinstance(content, str) else json.dumps(content)
        file.write_text(text)
        return file

    return written


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
@pytest.mark.parametrize("seed", range(4))
def test_every_example_goes_somewhere_by_itself(file, seed) -> None:
    answer = flow("simulate", file, "--seed", seed)
    assert answer.exit_code == 0, answer.stderr
    events = told(answer.stdout)
    assert events[-1]["type"] == "WORKFLOW_FINISHED"
    assert [event["number"] for event in events] == list(range(len(events)))
    assert "times real time" in answer.stderr
    assert "heddle: the run is finished after " in answer.stderr


def test_an_event_has_ospins_shape() -> None:
    first = flow("simulate", BIOREACTOR).stdout.splitlines()[0]
    assert first == (
        '{"id":"simulation:0","type":"EVENT_LISTENER_ACTIVATED",'
        f'"createdAt":{START_MS},"number":0,'
        '"data":{"eventListenerId":"eventListener_1"}}'
    )


def test_the_same_seed_gives_the_same_bytes_in_any_process(write) -> None:
    steps = [{"at_s": 50, "pause": True}, {"at_s": 60.5, "resume": True}]
    script = write("s.json", steps)
    for file in (*EXAMPLES, "--script"):
        arguments = (file,) if file != "--script" else (EXAMPLES[0], file, script)
        one, other = (
            alone("simulate", *arguments, "--seed", 5, hash_seed=n) for n in (1, 2)
        )
        assert one == other
        assert one.count(b"\n") > 10


def test_seeds_differ() -> None:
    outcomes = {flow("simulate", BIOREACTOR, "--seed", n).stdout for n in range(8)}
    assert len(outcomes) > 4
    paths = {tuple(phases(one)) for one in outcomes}
    assert paths == {
        ("phase_1", "phase_2", "phase_3", *LOOP),
        ("phase_1", "phase_2", "phase_4", *LOOP),
    }


def test_a_script_decides(write) -> None:
    script = write(
        "s.jsonl",
        f'{{"at_s": 50, "tags": {{"{TEMPERATURE}": 20}}}}\n\n'
        '{"at_s": 120.5, "approve": true, "by": "ada", "comment": "fine"}\n',
    )
    answer = flow("simulate", BIOREACTOR, "--script", script, "--quiet-world")
    assert answer.exit_code == 0, answer.stderr
    assert phases(answer.stdout) == ["phase_1", "phase_2", "phase_3", *LOOP]
    received = [e for e in told(answer.stdout) if e["type"] == "EVENT_RECEIVED"]
    assert received[2]["createdAt"] == START_MS + 120_500
    assert received[2]["data"] == {
        "eventListenerId": "eventListener_3",
        "forced": False,
        "by": "ada",
        "comment": "fine",
    }


def test_the_order_of_a_scripts_steps_does_not_matter(write) -> None:
    steps = [
        {"at_s": 130, "resume": True},
        {"at_s": 110, "pause": True},
        {"at_s": 150, "trigger": "eventListener_4", "by": "ada"},
        {"at_s": 160, "stop": "hard"},
    ]
    answers = [
        flow("simulate", BIOREACTOR, "--quiet-world", "--script", write("s", order))
        for order in (steps, steps[::-1])
    ]
    assert answers[0].stdout == answers[1].stdout
    assert answers[0].exit_code == 0
    assert answers[0].stderr.endswith("the run is terminated after 2 min 40 s\n")
    types = [event["type"] for event in told(answers[0].stdout)]
    assert types[-1] == "WORKFLOW_TERMINATED"
    assert {"WORKFLOW_PAUSED", "WORKFLOW_RESUMED"} < set(types)


def test_the_world_leaves_a_scripted_approval_to_the_script(write) -> None:
    """It approves what waits, but not before the script had its say."""
    steps = [
        {"at_s": 0, "tags": {TEMPERATURE: 20}},
        {"at_s": 5000, "approve": "eventListener_3", "by": "ada"},
    ]
    answer = flow("simulate", BIOREACTOR, "--script", write("s", steps))
    given = [e for e in told(answer.stdout) if e["data"].get("by")]
    assert [e["data"]["by"] for e in given] == ["ada"]


def test_a_refused_step_of_the_script_is_told(write) -> None:
    steps = [
        {"at_s": 1, "approve": True},
        {"at_s": 2, "resume": True},
        {"at_s": 3, "pause": True},
        {"at_s": 4, "approve": "eventListener_3"},
        {"at_s": 5, "trigger": "eventListener_4"},
        {"at_s": 6, "resume": True},
    ]
    answer = flow("simulate", BIOREACTOR, "--script", write("s", steps))
    assert answer.exit_code == 0
    assert [x for x in answer.stderr.splitlines() if "refused" in x] == [
        "heddle: refused after 1 s: approve: not awaited; awaited: none",
        "heddle: refused after 2 s: resume: the run is running",
        "heddle: refused after 4 s: approve eventListener_3: the run is paused",
        "heddle: refused after 5 s: trigger eventListener_4: the run is paused",
    ]


def test_every_flaw_of_a_script_is_told_with_its_position(write) -> None:
    script = write("bad.jsonl", '{"at_s": -1}\n{"at_s": 1, "approve": "nobody"}\n{\n')
    answer = flow("simulate", BIOREACTOR, "--script", script)
    assert (answer.exit_code, answer.stdout) == (2, "")
    first, second, third, last = answer.stderr.splitlines()
    assert first == "  line 1: at_s must be the seconds since the start"
    assert second.startswith("  line 2: there is no listener 'nobody'; there are ")
    assert third.startswith("  line 3: column 2 is no JSON: ")
    assert last == f"heddle: {script} is no script for this workflow"


def test_a_quiet_world_says_what_the_run_is_waiting_for() -> None:
    answer = flow("simulate", BIOREACTOR, "--quiet-world")
    assert answer.exit_code == 1
    assert answer.stderr.splitlines()[-1] == (
        "heddle: nothing more can happen after 1 min 40 s: the run waits for approval "
        f"eventListener_3 or condition eventListener_4 ({TEMPERATURE} >= 37 ±0.2 for "
        "20 s); leave out --quiet-world, or script it"
    )


def test_a_paused_run_waits_to_be_resumed(write) -> None:
    script = write("s", [{"at_s": 1, "pause": True}])
    answer = flow("simulate", BIOREACTOR, "--script", script)
    assert answer.exit_code == 1
    assert answer.stderr.endswith(
        "nothing more can happen after 1 s: the run waits for somebody to resume it\n"
    )


def test_a_starved_gateway_is_told(write) -> None:
    starved = document(
        *(start(), phase("p"), timer("t", "p"), timer("u", "p"), gateway("g", "AND")),
        *(end(), flows("start > p", "t > g", "u > g", "g > end")),
    )
    answer = flow("simulate", write("starved.json", starved))
    assert answer.exit_code == 1
    assert answer.stderr.endswith("the run waits for gateway g (a signal on u>g)\n")


def test_a_dead_end_is_told(write) -> None:
    dead = document(
        *(start(), phase("p"), timer("t", "p", 10), timer("u", "p", 20)),
        *(alert(), end(), flows("start > p", "t > alert", "u > end")),
    )
    answer = flow("simulate", write("dead.json", dead))
    assert answer.exit_code == 1
    assert answer.stderr.endswith(
        "the run is stuck after 10 ms: it waits for nothing\n"
    )


def test_until_bounds_virtual_time() -> None:
    answer = flow("simulate", BIOREACTOR, "--until", "1 min 30s")
    assert answer.exit_code == 0
    assert answer.stderr.endswith(
        "heddle: stopped after 1 min 30 s; the run waits for timer eventListener_2\n"
    )
    early = flow("simulate", BIOREACTOR, "--until", "99999ms")
    assert phases(early.stdout) == ["phase_1"]
    on_time = flow("simulate", BIOREACTOR, "--until", "100")
    assert phases(on_time.stdout) == ["phase_1", "phase_2"]


def test_a_run_that_never_ends_is_stopped(write) -> None:
    for ms in (0, 1000):
        endless = document(
            *(
                start(),
                phase("p"),
                timer("t", "p", ms),
                phase("q"),
                timer("u", "q", ms),
            ),
            *(end(), approval("never"), flows("start > p", "t > q", "u > p")),
            flows("never > end"),
        )
        answer = flow(
            *("simulate", write("endless.json", endless)),
            *("--quiet-world", "--max-events", 500),
        )
        assert answer.exit_code == 1
        assert answer.stdout.count("\n") == 500
        assert "still running after 500 events" in answer.stderr


def test_the_world_gives_up_on_a_condition_that_cannot_hold(write) -> None:
    both = {"left": hot(50), "operator": "AND", "right": {**hot(40), "operator": "<"}}
    never = document(
        start(),
        phase("p"),
        condition("c", "p", both),
        end(),
        flows("start > p", "c > end"),
    )
    answer = flow("simulate", write("never.json", never))
    assert answer.exit_code == 1
    assert "nothing more can happen" in answer.stderr
    assert "the run waits for condition c (" in answer.stderr


def test_the_start_can_be_chosen() -> None:
    answer = flow("simulate", BIOREACTOR, "--start", "1970-01-01T00:00:01+00:00")
    assert told(answer.stdout)[0]["createdAt"] == 1000
    naive = flow("simulate", BIOREACTOR, "--start", "1970-01-01 00:00:01")
    assert naive.stdout == answer.stdout


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--until", x) for x in ("", "soon", "5 x", "-1s", "9" * 30, "nan")),
        *(("--start", x) for x in ("", "yesterday", "2026-13-01", "2026-01-01T00+99")),
        *(("--map", x) for x in ("a", "=b", "a=")),
        *(("--seed", x) for x in ("x", "1.5")),
    ],
)
def test_an_unusable_option_is_misuse(option, value) -> None:
    answer = flow("simulate", BIOREACTOR, option, value)
    assert answer.exit_code == 2
    assert option in answer.stderr


def warming(write, column: str = "temperature"):
    """Every second for ten minutes; 36.8 is reached after 284 s."""
    rows = (f"{t},{20 + min(t / 16.9, 20):.2f},7.0" for t in range(600))
    return write("warming.csv", "\n".join([f"time,{column},ph", *rows]))


def test_a_backtest_runs_on_recorded_readings(write) -> None:
    answer = flow(
        *("simulate", BIOREACTOR, "--quiet-world", "--tags", warming(write)),
        *("--map", f"temperature={TEMPERATURE}"),
    )
    assert answer.exit_code == 0, answer.stderr
    assert phases(answer.stdout) == ["phase_1", "phase_2", "phase_4", *LOOP]
    phase_4 = next(e for e in told(answer.stdout) if "phase_4" in e["data"].values())
    assert phase_4["createdAt"] == START_MS + 284_000 + 20_000
    assert " times real time (59 events, 600 readings)" in answer.stderr


def test_a_recorded_tag_may_be_called_by_its_id(write) -> None:
    named = flow("simulate", BIOREACTOR, "--tags", warming(write, TEMPERATURE))
    mapped = flow(
        *("simulate", BIOREACTOR, "--tags", warming(write)),
        *("--map", f"temperature={TEMPERATURE}"),
    )
    assert named.exit_code == 0
    assert named.stdout == mapped.stdout


def test_bad_readings_and_those_of_one_moment(write) -> None:
    rows = ["time,tag,value,quality", "0,t,40,good"]
    rows += [f"{t},t,40,bad" for t in (105, 115)]
    rows += ["130,t,20,good", "130,t,40,good"]
    file = write("long.csv", "\n".join(rows))
    answer = flow(
        *("simulate", BIOREACTOR, "--quiet-world"),
        *("--tags", file, "--map", f"t={TEMPERATURE}"),
    )
    phase_4 = next(e for e in told(answer.stdout) if "phase_4" in e["data"].values())
    assert phase_4["createdAt"] == START_MS + 150_000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "has none of the workflow's tags: tie them with --map TAG=ID; recorded "),
        (("--map", f"nope={TEMPERATURE}"), "has no tag 'nope'; it has ph, temperature"),
        (("--map", "ph=nope"), "no condition of the workflow looks at 'nope'"),
        (
            ("--map", f"ph={TEMPERATURE}", "--map", f"temperature={TEMPERATURE}"),
            "is given two tags",
        ),
    ],
)
def test_a_recording_that_does_not_fit_is_misuse(write, arguments, sentence) -> None:
    answer = flow("simulate", BIOREACTOR, "--tags", warming(write), *arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert sentence in answer.stderr


def test_a_broken_recording_is_told_with_its_line(write) -> None:
    file = write("broken.csv", "time,a\n0,1\nsoon,2\n")
    answer = flow("simulate", BIOREACTOR, "--tags", file)
    assert answer.exit_code == 2
    assert answer.stderr == (
        f"heddle: CSV file {file}, line 3: time 'soon' is neither seconds nor "
        "ISO 8601\n"
    )
    assert flow("simulate", BIOREACTOR, "--map", "a=b").exit_code == 2


def test_an_alert_does_not_end_the_phase() -> None:
    cultivation = FLOWS / "guarded_cultivation.json"
    runs = (flow("simulate", cultivation, "--seed", n).stdout for n in range(20))
    events = next(run for run in runs if '"oxygen_alert"' in run)
    types = [
        (e["type"], *e["data"].values())
        for e in told(events)
        if e["type"] in ("PHASE_STARTED", "DISPATCHED_EVENT")
    ]
    alert_at = types.index(("DISPATCHED_EVENT", "oxygen_alert"))
    assert types[alert_at - 1] == ("PHASE_STARTED", "cultivate")
    assert types[alert_at + 1] != ("PHASE_STARTED", "cultivate")


def test_a_workflow_that_cannot_be_run_is_explained(write) -> None:
    answer = flow("simulate", write("bad.json", document(start(), end())))
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "  NO_PHASES: " in answer.stderr
