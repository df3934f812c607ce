"""A script: what people and tags do in a rehearsal, and when.

A JSON list of steps, or one step a line:

    {"at_s": 0, "tags": {"<reporterFctId>": 36.5}}
    {"at_s": 12.5, "approve": "<listener>", "by": "ada", "comment": "looks fine"}
    {"at_s": 30, "approve": true}
    {"at_s": 40, "trigger": "<listener>"}
    {"at_s": 50, "pause": true}
    {"at_s": 60, "resume": true}
    {"at_s": 90, "stop": "soft"}

``at_s`` counts from the start. A tag's value ``null`` is a reading nobody can trust.
Every flaw is told with its position, all of them at once.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from heddle.workflow.definition import ListenerKind, Workflow
from heddle.workflow.documents import KeyTwice, unambiguous
from heddle.workflow.fields import is_number, is_value
from heddle.workflow.findings import shown
from heddle.workflow.inputs import (
    Approve,
    Input,
    Pause,
    Quality,
    Reading,
    Resume,
    Sampled,
    Stop,
    StopMode,
    Trigger,
)

MAX_AT_S = 10_000_000_000  # three centuries
_FEW = 12
_EXTRAS: Mapping[str, frozenset[str]] = {
    "tags": frozenset(),
    "approve": frozenset({"by", "comment"}),
    "trigger": frozenset({"by"}),
    "pause": frozenset(),
    "resume": frozenset(),
    "stop": frozenset(),
}


class BadScript(ValueError):
    """A script cannot be used; ``flaws`` has every reason, with its position."""

    def __init__(self, flaws: tuple[str, ...]) -> None:
        super().__init__("; ".join(flaws))
        self.flaws = flaws


class _Flaw(ValueError):
    """What is wrong with one step."""


def parse_script(text: str, workflow: Workflow, start_at_ms: int) -> list[Input]:
    """The script's inputs in order of time; raises ``BadScript``."""
    inputs, flaws = [], []
    for position, step in _steps(text):
        try:
            inputs.append(_input(_object(step), workflow, start_at_ms))
        except _Flaw as flaw:
            flaws.append(f"{position}: {flaw}")
    if flaws:
        raise BadScript(tuple(flaws))
    return sorted(inputs, key=lambda one: one.at_ms)


def _steps(text: str) -> Iterator[tuple[str, object]]:
    if text.lstrip().startswith("["):
        steps = _decoded(text, 1)
        if isinstance(steps, _Flaw):
            raise BadScript((str(steps),))
        yield from ((f"step {n}", one) for n, one in enumerate(steps, start=1))
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", _decoded(line)


def _decoded(text: str, first_line: int | None = None) -> Any:
    """JSON, or the flaw that it is not."""
    try:
        return json.loads(
            text, object_pairs_hook=unambiguous, parse_constant=_refuse_constant
        )
    except KeyTwice as twice:
        return _Flaw(f"has the key {shown(twice.key)} more than once")
    except json.JSONDecodeError as flaw:
        line = f"line {flaw.lineno}, " if first_line else ""
        return _Flaw(f"{line}column {flaw.colno} is no JSON: {flaw.msg}")
    except RecursionError:
        return _Flaw("is nested too deeply")
    except ValueError as flaw:
        return _Flaw(str(flaw))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _object(step: object) -> dict[str, Any]:
    if isinstance(step, _Flaw):
        raise step
    if not isinstance(step, dict):
        raise _Flaw(f"a step is an object, not {shown(step)}")
    return step


def _input(step: dict[str, Any], workflow: Workflow, start_at_ms: int) -> Input:
    at_s = step.get("at_s")
    if not is_number(at_s) or not 0 <= at_s <= MAX_AT_S:
        raise _Flaw("at_s must be the seconds since the start")
    action = _action(step)
    at_ms = start_at_ms + round(at_s * 1000)
    by, comment = (_text(step, name) for name in ("by", "comment"))
    given = step[action]
    match action:
        case "tags":
            return Sampled(at_ms, _readings(given, workflow))
        case "approve":
            listener = None if given is True else _approval(given, workflow)
            return Approve(at_ms, listener, by=by, comment=comment)
        case "trigger":
            return Trigger(at_ms, _listener(given, workflow), by=by)
        case "stop":
            return Stop(at_ms, _stop_mode(given))
        case _:
            if given is not True:
                raise _Flaw(f"{action} must be true, not {shown(given)}")
            return Pause(at_ms) if action == "pause" else Resume(at_ms)


def _action(step: Mapping[str, Any]) -> str:
    actions = [name for name in _EXTRAS if name in step]
    if len(actions) != 1:
        found = " and ".join(actions) or "none"
        raise _Flaw(f"a step does exactly one of {', '.join(_EXTRAS)}, not {found}")
    action = actions[0]
    for name in step:
        if name not in {"at_s", action, *_EXTRAS[action]}:
            raise _Flaw(f"a step with {action} has no field {shown(name)}")
    return action


def _text(step: Mapping[str, Any], name: str) -> str:
    text = step.get(name, "")
    if not isinstance(text, str):
        raise _Flaw(f"{name} must be a string, not {shown(text)}")
    return text


def _readings(given: object, workflow: Workflow) -> dict[str, Reading]:
    if not isinstance(given, dict) or not given:
        raise _Flaw("tags must be an object: a value for each reporterFctId")
    for tag, value in given.items():
        if tag not in workflow.tags:
            known = few(sorted(workflow.tags))
            raise _Flaw(f"no condition looks at {shown(tag)}; they look at {known}")
        if value is not None and not is_value(value):
            raise _Flaw(f"{tag} cannot be {shown(value)}")
    return {
        tag: Reading(value, Quality.BAD if value is None else Quality.GOOD)
        for tag, value in given.items()
    }


def _approval(given: object, workflow: Workflow) -> str:
    listener = _listener(given, workflow)
    if workflow.listeners[listener].kind is not ListenerKind.APPROVAL:
        raise _Flaw(f"listener {listener} awaits no approval; trigger it instead")
    return listener


def _listener(given: object, workflow: Workflow) -> str:
    if isinstance(given, str) and given in workflow.listeners:
        return given
    known = few(workflow.listeners)
    raise _Flaw(f"there is no listener {shown(given)}; there are {known}")


def _stop_mode(given: object) -> StopMode:
    if given is True:
        return StopMode.SOFT
    if isinstance(given, str) and given in StopMode.__members__.values():
        return StopMode(given)
    raise _Flaw(f"stop must be one of {', '.join(StopMode)}, not {shown(given)}")


def few(names: Collection[str]) -> str:
    """Names for a sentence, not more than can be read."""
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(islice(names, _FEW)) + more or "none"
