"""What people write for a deployment, and how one looks: without a stack."""

import io
import time
from dataclasses import fields, replace

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from rich.console import Console

from heddle.cli.__main__ import main
from heddle.cli.deploy import deploy
from heddle.cli.deployment_options import (
    a_share,
    a_span,
    a_start,
    some_values,
    some_windows,
)
from heddle.cli.deployment_show import (
    picture,
    told_config,
    told_end,
    told_made,
    told_standing,
)
from heddle.cli.deployment_watch import Lines
from heddle.cli.devices import labels_text
from heddle.cli.fleet import tell
from heddle.contract.deployments import (
    DeploymentStatus,
    StrategyConfig,
    StrategyKind,
    Window,
)
from heddle.contract.fleet import (
    FleetCommand,
    FleetOutcome,
    FleetResult,
    FleetResults,
    FleetVerb,
    Targets,
)
from tests.support.deploying import CONFIG, a_report, counted, some_targets

RUNNING, COMPLETED = DeploymentStatus.RUNNING, DeploymentStatus.COMPLETED


@pytest.mark.parametrize(
    ("written", "ms"),
    [("5m", 300_000), ("PT5M", 300_000), ("pt1h", 3_600_000), ("90", 90_000)],
)
def test_a_span_is_written_in_either_way(written, ms) -> None:
    assert a_span(None, None, written) == ms


def test_a_start_is_a_moment_or_so_long_from_now() -> None:
    assert a_start(None, None, "2026-11-23T22:00:00Z") == 1_795_471_200_000
    found = a_start(None, None, "+2h")
    assert found is not None
    assert abs(found - time.time() * 1000 - 7_200_000) < 60_000
    assert a_start(None, None, None) is None


def test_values_are_numbers_marks_or_text() -> None:
    written = ("speed=3", "rate=0.5", "on=true", "who=vera=v", 'code="5"', "list=[1]")
    assert some_values(None, None, written) == {
        "speed": 3,
        "rate": 0.5,
        "on": True,
        "who": "vera=v",
        "code": "5",
        "list": "[1]",
    }


@pytest.mark.parametrize(
    ("reader", "written"),
    [
        (a_span, "soon"),
        (a_span, "P"),
        (a_share, "120%"),
        (a_share, "some"),
        (a_start, "+x"),
        (some_values, ("speed",)),
        (some_windows, ("sat 22",)),
    ],
)
def test_what_cannot_be_read_is_refused(reader, written) -> None:
    with pytest.raises(click.BadParameter):
        reader(None, None, written)


def test_windows_keep_their_days_and_hours() -> None:
    assert some_windows(None, None, ("sat,sun 22:00-04:00", "06:30-24:00")) == (
        Window(days=(5, 6), begins="22:00", ends="04:00"),
        Window(begins="06:30", ends="24:00"),
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["deploy", "bio"], "say which devices"),
        (["fleet", "stop", "bio"], "say which devices"),
        (["deploy", "bio", "--all", "--to", "x"], "--all is all"),
        (["deploy", "bio", "--all", "--hold", "--at", "+1h"], "choose one"),
        (["deploy", "bio", "--all", "--set-for", "site=", "a=1"], "expected a value"),
        (["deploy", "bio", "--all", "--strategy", "hope"], "--strategy"),
        (["fleet", "pause", "bio", "--all", "--within", "soon"], "no duration"),
    ],
)
def test_wrong_use_is_told_before_anybody_is_asked(arguments, sentence) -> None:
    answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 2
    assert sentence in answer.output


def test_the_settings_told_are_those_that_matter() -> None:
    report = a_report(
        config=replace(
            CONFIG,
            max_in_flight=7,
            check="temperature < 90",
            auto_rollback=False,
            windows=(Window(days=(5, 6), begins="22:00", ends="04:00"),),
        ),
        targets=Targets(all=True, dynamic=True),
    )
    assert told_config(report) == (
        "batches of 2, rest 5m, stops when more fail than 20 %, timeout 30m, "
        "watch 30s, check temperature < 90, in flight at most 7, retries 5, "
        "windows sat,sun 22:00-04:00 UTC, active runs finish, "
        "no automatic rollback, who appears joins"
    )
    canary = replace(report, strategy=StrategyKind.CANARY)
    assert told_config(canary).startswith("canaries 10 %, rest 30m, stops")


def test_every_setting_of_a_strategy_has_its_option() -> None:
    options = {option.name for option in deploy.params}
    assert {field.name for field in fields(StrategyConfig)} <= options


def test_who_made_it_is_told_what_it_waits_for() -> None:
    pending = a_report(DeploymentStatus.PENDING, total=1)
    assert told_made(pending).endswith("begins with `heddle deployment start dep_1`")
    later = replace(pending, start_at_ms=1)
    assert "to 1 device, rolling; begins at 1970" in told_made(later)
    twice = replace(pending, config=replace(CONFIG, needs_approval=True))
    assert "awaits a second person" in told_made(twice)
    assert told_standing(replace(pending, detail="why")) == (
        "deployment dep_1 is pending: why"
    )


def test_an_end_is_one_sentence() -> None:
    targets = some_targets(a="success", b="failed: hot")
    done = counted(a_report(COMPLETED), targets)
    assert told_end(done) == "completed: 1 of 2 devices run bioreactor version 3"
    failed = replace(done, status=DeploymentStatus.FAILED)
    assert told_end(failed) == "failed: 1 success, 1 failed"


def drawn(report, targets) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(picture(report, targets, 83.4))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_picture_shows_waves_trouble_and_who_is_under_way() -> None:
    targets = some_targets(
        a="success", b="failed: out of memory", c="verifying", d="pending"
    )
    report = counted(a_report(detail="1 of 2 devices failed", wave=1), targets)
    seen = [line.rstrip() for line in drawn(report, targets).splitlines()]
    assert seen[0] == "bioreactor version 3 · rolling · running · dep_1 · 1m23s"
    assert seen[1].endswith(" 1 of 4")
    assert seen[2] == "1 of 2 devices failed"
    assert "1      2         1 success, 1 failed" in seen
    assert "2 ◂    2         1 verifying, 1 pending" in seen
    assert "b        failed      out of memory" in seen
    assert "c        verifying" in seen


def test_a_picture_of_a_thousand_fits_a_screen() -> None:
    stand = {f"d_{n:04}": "failed: x" if n % 2 else "deploying" for n in range(1000)}
    targets = some_targets(10, **stand)
    report = counted(a_report(wave=50), targets)
    seen = drawn(report, targets)
    assert len(seen.splitlines()) < 35
    assert "490 more" in seen
    assert "92 more waves" in seen
    assert "51 ◂" in seen
    assert "see heddle deployment show dep_1" in seen


def test_lines_tell_what_is_news_and_nothing_twice(capsys) -> None:
    lines = Lines()
    for stand in (
        {"a": "deploying", "b": "pending"},
        {"a": "deploying", "b": "pending"},
        {"a": "failed: hot", "b": "deploying"},
        {"a": "failed: hot", "b": "success"},
    ):
        targets = some_targets(**stand)
        lines.show(counted(a_report(), targets), targets)
    told = [line[10:] for line in capsys.readouterr().out.splitlines()]
    assert told == [
        "deployment dep_1: bioreactor version 3 to 2 devices, rolling",
        "running: 1 deploying, 1 pending",
        "a failed: hot",
        "running: 1 failed, 1 deploying",
        "running: 1 success, 1 failed",
    ]


def test_of_a_large_fleet_only_what_went_wrong_is_told(capsys) -> None:
    request = FleetCommand(verb=FleetVerb.PAUSE, flow="bio", targets=Targets(all=True))
    done = tuple(
        FleetResult(device=f"d_{n}", outcome=FleetOutcome.DONE) for n in range(99)
    )
    mute = FleetResult(device="mute_1", outcome=FleetOutcome.TIMED_OUT, detail="no")
    tell(
        request,
        FleetResults(results=(*done, mute), counts={"done": 99, "timed_out": 1}),
    )
    told = capsys.readouterr().out
    assert "d_0" not in told
    assert "mute_1   timed out" in told
    assert told.endswith("pause bio on 100 devices: 99 done, 1 timed out\n")
    tell(request, FleetResults(results=(), counts={"done": 0}))
    assert "no device fits" in capsys.readouterr().err


def test_labels_are_written_as_they_are_given() -> None:
    assert labels_text({"spare": "", "site": "graz"}) == "site=graz spare"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_for_a_shell_is_clicks_own(shell) -> None:
    answer = CliRunner().invoke(main, ["completion", shell])
    assert answer.exit_code == 0
    assert f"_HEDDLE_COMPLETE={shell}_complete" in answer.output


def test_commands_are_completed_without_importing_them() -> None:
    complete = ShellComplete(main, {}, "heddle", "_HEDDLE_COMPLETE")

    def found(*words: str) -> list[str]:
        *before, incomplete = words
        items = complete.get_completions(before, incomplete)
        return [item.value for item in items]

    assert found("deplo") == ["deploy", "deployment"]
    assert found("deployment", "ro") == ["rollback"]
    assert found("deploy", "--set") == ["--set", "--set-for", "--set-on"]


def test_names_are_asked_of_the_stack_and_kept_for_a_while(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HEDDLE_DATA", str(tmp_path / "no stack"))
    complete = ShellComplete(main, {}, "heddle", "_HEDDLE_COMPLETE")
    asked = ["fleet", "pause"]
    assert complete.get_completions(asked, "b") == [], "no stack: nothing, silently"
    (kept,) = (tmp_path / "heddle").glob("flows-*.json")
    kept.write_text('["bioreactor", "kettle"]')
    assert [one.value for one in complete.get_completions(asked, "b")] == ["bioreactor"]
