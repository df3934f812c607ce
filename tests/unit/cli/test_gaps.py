"""``heddle telemetry gaps``: what it says, without a stack."""

from click.testing import CliRunner

from heddle.cli.__main__ import main
from heddle.cli.gaps import reasons
from heddle.contract.samples import Epoch, EpochState, Gaps, Loss, Stream


def epoch(state: EpochState) -> Epoch:
    return Epoch(
        stream=Stream.SAMPLES,
        epoch="e1",
        state=state,
        next_number=5,
        expired=0,
        changed_at_ms=0,
    )


def loss(stream: Stream, count: int) -> Loss:
    return Loss(stream=stream, epoch="e1", first=5, count=count, reason="full", at_ms=0)


def test_what_is_missing_is_summed_up() -> None:
    found = Gaps(
        device="press_7",
        complete=False,
        epochs=(epoch(EpochState.CLOSED), epoch(EpochState.UNEXPLAINED)),
        losses=(
            loss(Stream.SAMPLES, 7),
            loss(Stream.SAMPLES, 5),
            loss(Stream.ALARMS, 0),
            loss(Stream.RUN_EVENTS, 1),
        ),
    )
    assert reasons(found) == (
        "lost: 12 samples, 1 run_events; ended without a word: 1 epochs"
    )


def test_a_moment_that_is_none_is_refused() -> None:
    answer = CliRunner().invoke(main, ["telemetry", "gaps", "--from", "yesterday"])
    assert answer.exit_code == 2
    assert "'yesterday' is no moment" in answer.output
