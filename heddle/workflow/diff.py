"""What changed from one definition to another, element by element. Pure and total.

Elements and links are told by their ids, variables by their names, wherever they stand;
of what is changed, the fields are named as dotted paths. Definitions may be unfinished:
what has no id is told by its place.
"""

import enum
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Any

DEEPEST = 64  # of a path; below it a value is compared as a whole
MOST_FIELDS = 100  # told of one part
_KINDS = {
    "PHASE": "phase",
    "EVENT_LISTENER": "listener",
    "GATEWAY": "gateway",
    "EVENT_DISPATCHER": "dispatcher",
    "FLOW": "link",
}
_LISTS = ("elements", "variables")


class What(enum.StrEnum):
    """What became of a part."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs; ``fields`` only of a changed one."""

    what: What
    kind: str  # phase, listener, gateway, dispatcher, link, variable, element or field
    id: str
    fields: tuple[str, ...] = ()
    before: Json = None
    after: Json = None


def diff(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[Change, ...]:
    """What changed, in the order of ``after``; what was removed comes last."""
    return (*_fields(before, after), *_listed(before, after))


def _listed(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Change]:
    for name, key in zip(_LISTS, ("id", "name"), strict=True):
        if not _has_list(before, name) or not _has_list(after, name):
            continue  # told as a field
        old, new = _by_id(before, name, key), _by_id(after, name, key)
        yield from _parts(old, new, name)
        kept_before = [one for one in old if one in new]
        kept_after = [one for one in new if one in old]
        if kept_before != kept_after:
            yield Change(
                What.CHANGED, "field", name, ("order",), kept_before, kept_after
            )


def _parts(old: dict[str, Json], new: dict[str, Json], name: str) -> Iterator[Change]:
    for part, now in new.items():
        kind = _kind(now, name)
        if part not in old:
            yield Change(What.ADDED, kind, part, after=now)
        elif not _same(old[part], now):
            paths = tuple(_paths(old[part], now, ()))[:MOST_FIELDS]
            yield Change(What.CHANGED, kind, part, paths, old[part], now)
    for part, was in old.items():
        if part not in new:
            yield Change(What.REMOVED, _kind(was, name), part, before=was)


def _fields(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Change]:
    for name in (*after, *(name for name in before if name not in after)):
        if name in _LISTS and _has_list(before, name) and _has_list(after, name):
            continue
        if name not in before:
            yield Change(What.ADDED, "field", name, after=after[name])
        elif name not in after:
            yield Change(What.REMOVED, "field", name, before=before[name])
        elif not _same(before[name], after[name]):
            paths = tuple(_paths(before[name], after[name], (name,)))[:MOST_FIELDS]
            yield Change(What.CHANGED, "field", name, paths, before[name], after[name])


def _has_list(definition: Mapping[str, Json], name: str) -> bool:
    """No list at all counts as an empty one."""
    return isinstance(definition.get(name, []), list)


def _by_id(definition: Mapping[str, Json], name: str, key: str) -> dict[str, Json]:
    """The parts by id; of equal ids the later ones by their place."""
    parts: dict[str, Json] = {}
    for position, part in enumerate(definition.get(name, [])):
        named = part.get(key) if isinstance(part, dict) else None
        place = f"{name}[{position}]"
        known = isinstance(named, str) and named not in parts
        parts[named if known and isinstance(named, str) else place] = part
    return parts


def _kind(part: Json, name: str) -> str:
    if name == "variables":
        return "variable"
    kind = part.get("elementType") if isinstance(part, dict) else None
    return _KINDS.get(kind, "element") if isinstance(kind, str) else "element"


def _paths(before: Json, after: Json, path: tuple[str, ...]) -> Iterator[str]:
    if len(path) < DEEPEST:
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _inner(before, after, path)
            return
        if isinstance(before, list) and isinstance(after, list):
            yield from _inner(_by_place(before), _by_place(after), path)
            return
    yield ".".join(path)


def _by_place(values: list[Json]) -> dict[str, Json]:
    return {str(place): value for place, value in enumerate(values)}


def _inner(
    before: Mapping[str, Json], after: Mapping[str, Json], path: tuple[str, ...]
) -> Iterator[str]:
    for name in (*after, *(name for name in before if name not in after)):
        here = (*path, name)
        if name not in before or name not in after:
            yield ".".join(here)
        elif not _same(before[name], after[name]):
            yield from _paths(before[name], after[name], here)


def _same(one: Json, other: Json) -> bool:
    """By their JSON: true is not 1, and the order of keys says nothing."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
