"""Alarm rules, as files (TOML or JSON) and in the project.

A file holds a list ``rules``; each has the fields of the contract's AlarmRule. The
device may be left out: then it is the one of --device.
"""

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec

from heddle.cli.connect import Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.show import show_json, show_table
from heddle.contract.alarm_procedures import (
    LIST_ALARM_RULES,
    REMOVE_ALARM_RULES,
    SET_ALARM_RULES,
)
from heddle.contract.alarms import (
    AlarmRule,
    ListAlarmRules,
    RemoveAlarmRules,
    SetAlarmRules,
)
from heddle.contract.declare import LocalError
from heddle.wamp.session import Session

HEADS = ("DEVICE", "ALARM", "TAG", "RULE", "SEVERITY", "PLACE", "TEXT")
_SHOWN_APART = {"device", "alarm", "tag", "kind", "severity", "place", "text"}


class BadRulesFile(LocalError):
    """A file of alarm rules cannot be read; the sentence names file and rule."""


def listed_rules(file: Path) -> list[object]:
    """What stands in a file of rules. Raises ``BadRulesFile``."""
    document = _decoded(file)
    listed = document.get("rules") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise BadRulesFile(
            f"{file} holds no list `rules`: begin each rule with [[rules]] in TOML, "
            'or give {"rules": [...]} in JSON'
        )
    return listed


def read_rules(
    file: Path, listed: list[object], device: str | None
) -> tuple[AlarmRule, ...]:
    """The rules, those of no device being ``device``'s.

    Raises ``BadRulesFile`` naming every rule at fault.
    """
    rules: list[AlarmRule] = []
    flaws: list[str] = []
    for position, fields in enumerate(listed):
        try:
            rules.append(_rule(fields, device))
        except msgspec.ValidationError as flaw:
            flaws.append(f"rules[{position}]: {flaw}")
    if flaws:
        raise BadRulesFile(f"{file}: {'; '.join(flaws)}")
    return tuple(rules)


def _decoded(file: Path) -> Any:
    try:
        text = file.read_text()
        return tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise BadRulesFile(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadRulesFile(f"{file} is not UTF-8 text") from None
    except RecursionError:
        raise BadRulesFile(f"{file} is nested too deeply") from None
    except ValueError as flaw:
        raise BadRulesFile(f"{file} cannot be read: {flaw}") from None


def _rule(fields: object, device: str | None) -> AlarmRule:
    if not isinstance(fields, dict):
        raise msgspec.ValidationError("is no object")
    known = {field.name for field in dataclasses.fields(AlarmRule)}
    if unknown := sorted(set(fields) - known):
        raise msgspec.ValidationError(f"{', '.join(unknown)}: no such field")
    usual = {} if device is None else {"device": device}
    return msgspec.convert(usual | fields, AlarmRule)


@click.command("set")
@click.argument("file", type=click.Path(path_type=Path))
@device_option
@click.option("--comment", default="", help="For the journal.")
@client_command
def set_rules(client: Client, file: Path, device: str | None, comment: str) -> None:
    """Make or change the rules of FILE (.toml or .json), all or none.

    \b
    [[rules]]
    alarm = "hot"
    tag = "temperature"
    kind = "hi"
    limit = 39.0
    severity = "high"
    """
    listed = listed_rules(file)

    async def work(session: Session) -> None:
        target = device
        if any(isinstance(one, dict) and "device" not in one for one in listed):
            target = await find_device(session, device)
        rules = read_rules(file, listed, target)
        request = SetAlarmRules(rules=rules, comment=comment)
        done = await session.call(SET_ALARM_RULES, request)
        if client.json:
            show_json(done)
        else:
            click.echo(f"{len(done.rules)} rules set")

    client.run(work)


@click.command("rules")
@click.option("--device", help="Only of this device.")
@client_command
def show_rules(client: Client, device: str | None) -> None:
    """The rules there are; with --json as `heddle alarm set` takes them."""

    async def work(session: Session) -> None:
        found = await session.call(LIST_ALARM_RULES, ListAlarmRules(device=device))
        if client.json:
            show_json(found)
        else:
            show_table(HEADS, map(_row, found.rules))

    client.run(work)


def _row(rule: AlarmRule) -> tuple[object, ...]:
    fields: dict[str, Any] = msgspec.to_builtins(rule)
    told = [
        f"{name} {value}"
        for name, value in fields.items()
        if name not in _SHOWN_APART and value not in (None, 0, "", False)
    ]
    return (
        rule.device,
        rule.alarm,
        rule.tag,
        ", ".join([rule.kind.value, *told]),
        rule.severity,
        rule.place,
        rule.text,
    )


@click.command("remove")
@click.argument("alarms", metavar="ALARM...", nargs=-1, required=True)
@device_option
@click.option("--comment", default="", help="For the journal.")
@client_command
def remove_rules(
    client: Client, alarms: tuple[str, ...], device: str | None, comment: str
) -> None:
    """Remove rules, and their alarms, all or none."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        request = RemoveAlarmRules(device=target, alarms=alarms, comment=comment)
        done = await session.call(REMOVE_ALARM_RULES, request)
        if client.json:
            show_json(done)
        else:
            click.echo(f"{len(done.rules)} rules removed")

    client.run(work)
