"""What a person writes for the settings of a deployment, as values."""

import json
import time
from enum import StrEnum
from typing import Any

import click
from typing_extensions import override

from heddle.cli.parameters import duration_ms, moment_ms
from heddle.contract.deployments import LabelVariables, Window
from heddle.rollout import durations, selector, windows

Values = dict[str, Any]


class OneOf(click.Choice[str]):
    """A word of an enumeration, written with dashes or as on the wire."""

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__([word.value.replace("_", "-") for word in words])
        self._words = words

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        if isinstance(value, StrEnum):
            return value
        written = super().convert(str(value).replace("_", "-"), param, ctx)
        return self._words(written.replace("-", "_"))


def a_span(ctx: object, option: object, value: str | None) -> int | None:
    """``90``, ``5min``, ``1h30m`` or ``PT5M``, as ms; a bare number is seconds."""
    if value is None or not value.upper().startswith("P"):
        return duration_ms(ctx, option, value)
    try:
        return durations.duration_ms(value)
    except durations.DurationInvalid as flaw:
        raise click.BadParameter(str(flaw)) from None


def a_share(ctx: object, option: object, value: str | None) -> float | None:
    """``20%`` or ``20``, as percent."""
    if value is None:
        return None
    try:
        percent = float(value.strip().removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:  # noqa: PLR2004 -- percent
        raise click.BadParameter(f"{value!r} is no part of devices: write e.g. 20%")
    return percent


def a_start(ctx: object, option: object, value: str | None) -> int | None:
    """An ISO 8601 moment, or ``+2h``: so long from now."""
    if value is None:
        return None
    if value.startswith("+"):
        return int(time.time() * 1000) + (duration_ms(ctx, option, value[1:]) or 0)
    return moment_ms(ctx, option, value)


def some_windows(
    ctx: object, option: object, values: tuple[str, ...]
) -> tuple[Window, ...]:
    """``sat,sun 22:00-04:00``, any number."""
    try:
        return tuple(_window(windows.read_window(value)) for value in values)
    except windows.WindowInvalid as flaw:
        raise click.BadParameter(str(flaw)) from None


def _window(read: windows.Window) -> Window:
    ends = "24:00" if not read.to_minute else _clock(read.to_minute)
    return Window(days=read.days, begins=_clock(read.from_minute), ends=ends)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def some_values(ctx: object, option: object, values: tuple[str, ...]) -> Values:
    """``name=value``, any number: numbers, true and false as themselves, else text.

    ``'"5"'`` is the text 5.
    """
    return dict(_pair(value) for value in values)


def some_labelled_values(
    ctx: object, option: click.Parameter, values: tuple[tuple[str, str], ...]
) -> tuple[LabelVariables, ...] | dict[str, Values]:
    """Values for devices whose labels fit, in order; or for devices, by id."""
    if option.name == "label_variables":
        for labels, _ in values:
            try:
                selector.read(labels)
            except selector.SelectorInvalid as flaw:
                raise click.BadParameter(str(flaw)) from None
        return tuple(
            LabelVariables(labels=labels, variables=dict([_pair(pair)]))
            for labels, pair in values
        )
    found: dict[str, Values] = {}
    for device, pair in values:
        found.setdefault(device, {}).update([_pair(pair)])
    return found


def _pair(written: str) -> tuple[str, Any]:
    name, sign, value = written.partition("=")
    if not name or not sign:
        raise click.BadParameter(f"{written!r} is not NAME=VALUE")
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        read = value
    return name, read if isinstance(read, str | int | float | bool) else value
