"""Why a deployment stands where it stands, in one sentence."""

from collections.abc import Sequence

from heddle.rollout.durations import duration_text
from heddle.rollout.spec import Spec, Strategy
from heddle.rollout.state import Target, TargetStatus
from heddle.rollout.waves import threshold

NAMED = 3  # so many devices are named, the rest is counted


def within(ms: int) -> str:
    """``within 30m``."""
    return f"within {duration_text(ms)}"


def why_stopped(spec: Spec, wave: int, targets: Sequence[tuple[str, Target]]) -> str:
    """``2 of 3 canaries failed: press_1: engine exited (out of memory)``."""
    meant = [
        x
        for x in targets
        if x[1].status is not TargetStatus.SKIPPED and not x[1].absent
    ]
    if not meant:
        return "none of the canaries was there to try the release"
    failed = [x for x in meant if x[1].status is TargetStatus.FAILED]
    silent = [x for x in meant if x[1].status is TargetStatus.TIMED_OUT]
    device, first = (failed or silent)[0]
    canaries = spec.strategy is Strategy.CANARY and wave == 0
    what = "canary" if canaries else "device"
    of = _many(len(meant), what)
    if spec.strategy is Strategy.ROLLING:
        of += f" of wave {wave + 1}"
    count = len(failed) + len(silent)
    how = "failed" if failed else "timed out"
    percent = threshold(spec, wave)
    beyond = f", more than {percent:g} %" if percent else ""
    return f"{count} of {of} {how}{beyond}: {device}: {first.detail}"


def how_it_ended(targets: dict[str, Target]) -> str:
    """Empty if all succeeded."""
    by = {status: 0 for status in TargetStatus}
    for target in targets.values():
        by[target.status] += 1
    meant = len(targets) - by[TargetStatus.SKIPPED]
    if not meant:
        return "there was no device to deploy to"
    parts = [
        f"{by[status]} {word}"
        for status, word in (
            (TargetStatus.FAILED, "failed"),
            (TargetStatus.TIMED_OUT, "timed out"),
        )
        if by[status]
    ]
    if not parts:
        return ""
    done = by[TargetStatus.SUCCESS]
    return f"{done} of {_many(meant, 'device')} succeeded, {', '.join(parts)}"


def how_it_was_undone(why: str, stuck: list[str], silent: list[str]) -> str:
    """What led to a rollback, and who did not come along."""
    parts = [why]
    if stuck:
        parts.append(f"{_named(stuck)} could not be put back")
    if silent:
        parts.append(f"{_named(silent)} did not answer and will be put back on return")
    return "; ".join(parts)


def _named(devices: list[str]) -> str:
    shown = ", ".join(devices[:NAMED])
    rest = len(devices) - NAMED
    return f"{shown} and {_many(rest, 'other')}" if rest > 0 else shown


def _many(count: int, word: str) -> str:
    if count == 1:
        return f"{count} {word}"
    return f"{count} {'canaries' if word == 'canary' else word + 's'}"
