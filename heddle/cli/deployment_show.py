"""How a deployment looks: sentences, tables, and one picture of it as it goes."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from heddle.cli.show import clock_time, show_table, when
from heddle.contract.deployments import (
    DeploymentPreview,
    DeploymentReport,
    DeploymentStatus,
    StrategyKind,
    TargetReport,
    TargetStatus,
    Window,
)
from heddle.rollout.durations import duration_text

ENDED = frozenset(
    {
        DeploymentStatus.COMPLETED,
        DeploymentStatus.FAILED,
        DeploymentStatus.ROLLED_BACK,
        DeploymentStatus.CANCELLED,
    }
)
UNDER_WAY = (TargetStatus.DEPLOYING, TargetStatus.VERIFYING)
TROUBLE = (TargetStatus.FAILED, TargetStatus.TIMED_OUT, TargetStatus.ROLLED_BACK)
MOST_TROUBLE, MOST_UNDER_WAY, MOST_WAVES = 10, 5, 8
BAR = 48

_STYLE = {
    TargetStatus.SUCCESS: "green",
    TargetStatus.VERIFYING: "cyan",
    TargetStatus.DEPLOYING: "blue",
    TargetStatus.FAILED: "red",
    TargetStatus.TIMED_OUT: "red",
    TargetStatus.ROLLED_BACK: "yellow",
    TargetStatus.SKIPPED: "dim",
    TargetStatus.PENDING: "dim",
}
_STATUS_STYLE = {
    DeploymentStatus.COMPLETED: "bold green",
    DeploymentStatus.FAILED: "bold red",
    DeploymentStatus.ROLLED_BACK: "bold yellow",
    DeploymentStatus.ROLLING_BACK: "bold yellow",
    DeploymentStatus.CANCELLED: "bold yellow",
    DeploymentStatus.PAUSED: "bold magenta",
}


def words(status: str) -> str:
    """A status or strategy as people say it."""
    return status.replace("_", " ")


def release(report: DeploymentReport) -> str:
    """What is deployed."""
    return f"{report.flow} version {report.version}"


def devices(count: int) -> str:
    """So many of them."""
    return f"{count} device{'s' * (count != 1)}"


def told_counts(counts: dict[str, int]) -> str:
    """``12 success, 5 deploying``, in the order a device goes through."""
    order = (TargetStatus.SUCCESS, *TROUBLE, *reversed(UNDER_WAY), TargetStatus.PENDING)
    names = [status.value for status in (*order, TargetStatus.SKIPPED)]
    told = [f"{counts[name]} {words(name)}" for name in names if counts.get(name)]
    return ", ".join(told) or "no devices"


def told_made(report: DeploymentReport) -> str:
    """A sentence for who has made it."""
    name = report.deployment
    head = f"deployment {name}: {release(report)} to {devices(report.total)}, "
    match report.status:
        case DeploymentStatus.PENDING if report.config.needs_approval:
            rest = f"awaits a second person: `heddle deployment approve {name}`"
        case DeploymentStatus.PENDING if report.start_at_ms is not None:
            rest = f"begins at {when(report.start_at_ms)}"
        case DeploymentStatus.PENDING:
            rest = f"begins with `heddle deployment start {name}`"
        case status:
            rest = f"{words(status)}; see `heddle deployment watch {name}`"
    return f"{head}{words(report.strategy)}; {rest}"


def told_standing(report: DeploymentReport) -> str:
    """Where it stands, on one line."""
    why = f": {report.detail}" if report.detail else ""
    return f"deployment {report.deployment} is {words(report.status)}{why}"


def told_end(report: DeploymentReport) -> str:
    """How it ended, in one sentence."""
    why = report.detail
    if report.status is DeploymentStatus.COMPLETED and not why:
        done = report.counts.get(TargetStatus.SUCCESS.value, 0)
        why = f"{done} of {devices(report.total)} run {release(report)}"
    return f"{words(report.status)}: {why or told_counts(report.counts)}"


def told_next(report: DeploymentReport) -> str:
    """When it goes on by itself, if that is worth a word."""
    if report.next_at_ms is None or report.status in ENDED:
        return ""
    left_s = report.next_at_ms / 1000 - time.time()
    if left_s < 1:
        return ""
    left = duration_text(round(left_s) * 1000)
    return f"next at {clock_time(report.next_at_ms)[:8]}, in {left}"


def told_config(report: DeploymentReport) -> str:
    """The settings in force, as far as they matter to this deployment."""
    config = report.config
    of_one: tuple[tuple[StrategyKind, str, object], ...] = (
        (StrategyKind.ROLLING, "batches of", config.batch_size),
        (StrategyKind.ROLLING, "rest", _span(config.batch_delay)),
        (StrategyKind.CANARY, "canaries", _percent(config.canary_percentage)),
        (StrategyKind.CANARY, "rest", _span(config.canary_delay)),
        (StrategyKind.BLUE_GREEN, "switch after", _span(config.switch_delay)),
    )
    of_all: tuple[tuple[str, object], ...] = (
        ("stops when more fail than", _percent(config.failure_threshold)),
        ("timeout", _span(config.timeout)),
        ("revert timeout", _span(config.revert_timeout)),
        ("watch", _span(config.watch) if config.health_check else ""),
        ("check", config.check),
        ("in flight at most", config.max_in_flight),
        ("retries", config.retries),
        ("windows", "; ".join(map(_window, config.windows))),
        ("active runs", words(report.active_runs)),
    )
    told = [
        *((name, value) for kind, name, value in of_one if kind is report.strategy),
        *of_all,
    ]
    marks = (
        ("no health check", not config.health_check),
        ("no automatic rollback", not config.auto_rollback),
        ("starts a run", report.start_run),
        ("who was late catches up", config.catch_up),
        ("who appears joins", report.targets.dynamic),
        ("needs a second person", config.needs_approval),
    )
    return ", ".join(
        [f"{name} {value}" for name, value in told if value not in (None, "", 0)]
        + [mark for mark, holds in marks if holds]
    )


def _span(value: str | int | None) -> str:
    return duration_text(value) if isinstance(value, int) else value or ""


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:g} %"


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _window(window: Window) -> str:
    days = ",".join(_DAYS[day] for day in window.days)
    whole = len(window.days) == len(_DAYS)
    return f"{'daily' if whole else days} {window.begins}-{window.ends} UTC"


def show_preview(flow: str, strategy: StrategyKind, found: DeploymentPreview) -> None:
    """Who would get it, wave by wave."""
    show_table(
        ("WAVE", "DEVICES", "ONLINE", "WHO"),
        (
            (number, len(wave.devices), wave.online, some(wave.devices))
            for number, wave in enumerate(found.waves, 1)
        ),
    )
    total = sum(len(wave.devices) for wave in found.waves)
    click.echo(
        f"{flow} would go to {devices(total)}, {words(strategy)}, in "
        f"{len(found.waves)} wave{'s' * (len(found.waves) != 1)}; nothing was deployed"
    )


def some(names: Sequence[str], most: int = 6) -> str:
    """The first of them, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def waves(targets: Iterable[TargetReport]) -> list[tuple[int, dict[str, int]]]:
    """The counts of each wave, in order."""
    found: dict[int, Counter[str]] = {}
    for target in targets:
        found.setdefault(target.wave, Counter())[target.status.value] += 1
    return [(wave, dict(found[wave])) for wave in sorted(found)]


def picture(
    report: DeploymentReport, targets: Sequence[TargetReport], elapsed_s: float | None
) -> RenderableType:
    """Everything worth seeing of a deployment as it goes, in a dozen lines or two."""
    head = Text.assemble(
        (f"{release(report)}", "bold"),
        f" · {words(report.strategy)} · ",
        (words(report.status), _STATUS_STYLE.get(report.status, "bold blue")),
        f" · {report.deployment}",
        "" if elapsed_s is None else f" · {duration_text(round(elapsed_s) * 1000)}",
    )
    parts: list[RenderableType] = [head, _bar(report)]
    if report.detail:
        parts.append(Text(report.detail))
    if goes_on := told_next(report):
        parts.append(Text(goes_on, style="dim"))
    parts += [Text(""), _wave_table(report, targets)]
    if (table := _device_table(report, targets)) is not None:
        parts += [Text(""), table]
    return Group(*parts)


def _bar(report: DeploymentReport) -> Text:
    """A bar in the colours of what the devices came to."""
    bar, filled, seen = Text(), 0, 0
    for status, style in _STYLE.items():
        seen += report.counts.get(status.value, 0)
        upto = round(BAR * seen / max(1, report.total))
        sign = "░" if style == "dim" else "█"
        bar.append(sign * (upto - filled), style=style)
        filled = max(filled, upto)
    done = report.counts.get(TargetStatus.SUCCESS.value, 0)
    bar.append(f" {done} of {report.total}")
    return bar


def _wave_table(
    report: DeploymentReport, targets: Sequence[TargetReport]
) -> RenderableType:
    table = _table("WAVE", "DEVICES", "")
    every = waves(targets)
    first = max(0, min(report.wave - 2, len(every) - MOST_WAVES))
    for wave, counts in every[first : first + MOST_WAVES]:
        now = report.status not in ENDED and wave == report.wave
        table.add_row(
            f"{wave + 1}{' ◂' * now}", str(sum(counts.values())), told_counts(counts)
        )
    if (hidden := len(every) - MOST_WAVES) > 0:
        table.add_row("…", "", f"{hidden} more waves")
    return table


def _device_table(
    report: DeploymentReport, targets: Sequence[TargetReport]
) -> RenderableType | None:
    trouble = [one for one in targets if one.status in TROUBLE]
    under_way = [one for one in targets if one.status in UNDER_WAY]
    if not trouble and not under_way:
        return None
    table = _table("DEVICE", "STATUS", "WHY")
    for rows, most in ((trouble, MOST_TROUBLE), (under_way, MOST_UNDER_WAY)):
        for one in rows[:most]:
            style = _STYLE[one.status]
            table.add_row(one.device, Text(words(one.status), style=style), one.detail)
        if (hidden := len(rows) - most) > 0:
            where = f"see heddle deployment show {report.deployment}"
            table.add_row("…", f"{hidden} more", where if rows is trouble else "")
    return table


def _table(*heads: str) -> Table:
    table = Table(*heads, box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.header_style = "dim"
    return table
