"""What many deaths left behind, compared with what an uninterrupted run tells."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from edge_agent.engine.records import event_id
from heddle.contract.runs import WorkflowEvent
from tests.soak.operating import Kept
from tests.soak.plays import (
    ANSWERS,
    ENDS,
    PAUSES,
    Play,
    Told,
    Whole,
    as_text,
    count,
    element,
)

NOT_COMPARED = ("late_by_ms",)  # how long the engine was dead
MAX_DIFFERENCES = 20
FIRST_RECEIVED = 1  # the START listener is activated, then receives


def differences(kept: Kept, play: Play, whole: Whole, runs: Iterable[str]) -> list[str]:
    """All that is not as it should be; nothing if the engine kept its promises."""
    found = list(kept.differences)
    for run in runs:
        told = kept.events.get(run, [])
        flaws = [
            *_numbers(run, told),
            *_order(told, play, whole),
            *_pauses(told),
            *_answers(told, play, whole),
            *_commands(kept, run, whole),
            *_requests(kept, run, told),
        ]
        found += [f"{run}: {flaw}" for flaw in flaws]
    return found[:MAX_DIFFERENCES]


def _numbers(run: str, told: Told) -> Iterable[str]:
    """Numbers without gap or double, ids that are their own, time that goes on."""
    if [event.number for event in told] != list(range(len(told))):
        yield f"numbers are {[event.number for event in told]}"
    if [event.id for event in told] != [event_id(run, n) for n in range(len(told))]:
        yield "ids are not made of the run and the number"
    moments = [event.createdAt for event in told]
    if moments != sorted(moments):
        yield "events are told out of time"


def _order(told: Told, play: Play, whole: Whole) -> Iterable[str]:
    """In each branch, and what is in none, the very events of the uninterrupted run."""
    for lane in sorted({"", *play.lanes.values()}):
        is_here = [_told_in(told, play, lane), _told_in(whole.events, play, lane)]
        for n, (one, other) in enumerate(zip(*is_here, strict=False)):
            if one != other:
                yield f"branch {lane!r}, event {n} is {one}, not {other}"
                return
        if len(is_here[0]) != len(is_here[1]):
            yield f"branch {lane!r}: {len(is_here[0])} events, not {len(is_here[1])}"


def _told_in(told: Told, play: Play, lane: str) -> list[tuple[str, Any]]:
    """One branch with everything outside of all branches, without the moments."""
    return [
        _timeless(event)
        for event in told
        if event.type not in (*PAUSES, *ANSWERS)
        and play.lanes.get(element(event), lane) == lane
    ]


def _timeless(event: WorkflowEvent) -> tuple[str, Any]:
    return event.type, {k: v for k, v in event.data.items() if k not in NOT_COMPARED}


def _pauses(told: Told) -> Iterable[str]:
    """Paused, resumed, paused...: and nothing but answers of the device between."""
    paused = False
    for event in told:
        if event.type in PAUSES:
            if (event.type == PAUSES[0]) == paused:
                yield f"event {event.number} repeats {event.type}"
            paused = not paused
        elif paused and event.type not in ANSWERS:
            yield f"event {event.number} is told while paused: {event.type}"


def _answers(told: Told, play: Play, whole: Whole) -> Iterable[str]:
    """Each command's answer is told once, after its phase began."""
    seen, wanted = _answered(told), _answered(whole.events)
    if seen - wanted or (play.ends_answered and seen != wanted):
        yield f"answers told are {dict(seen)}, not {dict(wanted)}"
    for event in told:
        if event.type in ANSWERS:
            before, phase = told[: event.number + 1], event.data["phaseId"]
            answers = sum(count(before, kind, phase) for kind in ANSWERS)
            if answers > count(before, "PHASE_STARTED", phase):
                yield f"event {event.number} answers what was not asked"


def _answered(told: Told) -> Counter[tuple[str, str]]:
    return Counter((e.type, str(e.data)) for e in told if e.type in ANSWERS)


def _commands(kept: Kept, run: str, whole: Whole) -> Iterable[str]:
    """The device carried out each command once, under keys without gap or double."""
    asked = [one for (name, _), one in kept.executed.items() if name == run]
    keys = sorted(one.number for one in asked)
    if keys != list(range(len(keys))):
        yield f"keys of commands are {keys}"
    done = Counter((one.phase, as_text(one.command)) for one in asked)
    if done != whole.executed:
        yield f"commands were {dict(done)}, not {dict(whole.executed)}"


def _requests(kept: Kept, run: str, told: Told) -> Iterable[str]:
    """What was answered with a yes has happened, and once."""
    heard = Counter(_asked_for(event) for event in told)
    for (name, command), times in kept.heeded.items():
        if name == run and not _happened(command, times, heard):
            yield f"{command} was heeded {times} times, told {heard[command]} times"
    for command, times in heard.items():
        if times > 1 and command.startswith(("approve", "trigger")):
            yield f"{command} happened {times} times"
    if told and told[-1].type not in ENDS:
        yield f"ends with {told[-1].type}"


def _happened(command: str, times: int, heard: Counter[str]) -> bool:
    """Pauses whose answer was lost are told and not counted; others are looked for."""
    if command in ("PauseRun", "ResumeRun"):
        return times <= heard[command]
    if command == "StopRun":
        return times == 1  # no event tells of it
    return times == heard[command] == 1


def _asked_for(event: WorkflowEvent) -> str:
    """The command an event is the outcome of, named as the operator names it."""
    data = event.data
    match event.type:
        case "EVENT_RECEIVED" if data["forced"]:
            return f"trigger {data['eventListenerId']} {data.get('by', '')}"
        case "EVENT_RECEIVED" if "comment" in data:
            return f"approve {data['eventListenerId']} {data['comment']}"
        case "EVENT_RECEIVED" if event.number == FIRST_RECEIVED:
            return "StartRun"
        case "WORKFLOW_PAUSED":
            return "PauseRun"
        case "WORKFLOW_RESUMED":
            return "ResumeRun"
        case _:
            return ""
