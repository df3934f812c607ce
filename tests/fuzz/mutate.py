"""Spoils workflows, knowing what they are made of; and bytes, knowing nothing."""

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

STRANGE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    0.5,
    -0.0,
    1e-320,
    1e308,
    2**31,
    2**53,
    2**53 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
    "",
    " ",
    "\x00",
    "é\u202e\U0001f600",
    "__proto__",
    "start",
    "x" * 5_000,
    "\\" * 300,
    [],
    {},
    [[]],
    [None] * 50,
    {"": {}},
    {"id": {}},
)
NAMES = (
    *("id", "version", "elements", "elementType", "type", "phaseId", "srcId"),
    *("destId", "durationInMS", "interrupting", "condition", "commands", "data"),
    *("targets", "inputNodeId", "target", "trueFlowId", "falseFlowId", "left"),
    *("right", "operator", "options", "conditions", "dataSource", "reporterFctId"),
    *("gatewayId", "property", "sustainTimeInMS", "consecutiveTimeMS"),
    *("allowedDeviation", "unknown", ""),
)
WORDS = (
    *("START", "TIMER", "APPROVAL", "CONDITION", "END", "ALERT", "AND", "OR"),
    *("CONDITIONAL", "PHASE", "FLOW", "GATEWAY", "EVENT_LISTENER", "SET_TARGETS"),
    *("EVENT_DISPATCHER", "SENSOR_DATA", "activations", "==", "<", "<=", ">", ">="),
)
Place = tuple[Any, Any]  # a list or an object, and where in it


def spoil(chance: random.Random, document: Any, other: Any) -> Any:
    """Change a workflow in one to a few places, in itself; parts come from another."""
    root = [document]
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        places = list(_places(root))
        _MUTATIONS[chance.randrange(len(_MUTATIONS))](chance, places, root, other)
    return root[0]


def _places(root: Any) -> list[Place]:
    """Every place of a document, with a bound on how many."""
    found: list[Place] = []
    pending = [root]
    while pending and len(found) < 5_000:
        within = pending.pop()
        keys = range(len(within)) if isinstance(within, list) else list(within)
        for key in keys:
            found.append((within, key))
            if isinstance(within[key], list | dict):
                pending.append(within[key])
    return found


def _replace(chance: random.Random, places: list[Place], _: Any, __: Any) -> None:
    within, key = chance.choice(places)
    within[key] = deepcopy(chance.choice(STRANGE))


def _reword(chance: random.Random, places: list[Place], _: Any, __: Any) -> None:
    """Another word where a word is: another kind, another operator."""
    worded = [(x, k) for x, k in places if isinstance(x[k], str) and x[k] in WORDS]
    if worded:
        within, key = chance.choice(worded)
        within[key] = chance.choice(WORDS)


def _renumber(chance: random.Random, places: list[Place], _: Any, __: Any) -> None:
    numbered = [(x, k) for x, k in places if isinstance(x[k], int | float)]
    if numbered:
        within, key = chance.choice(numbered)
        huge = chance.randrange(-(10 ** chance.randrange(30)), 10**18)
        within[key] = chance.choice((huge, chance.random() * 1e6, -within[key]))


def _remove(chance: random.Random, places: list[Place], _: Any, __: Any) -> None:
    within, key = chance.choice(places)
    if len(within) > 1:
        del within[key]


def _add_field(chance: random.Random, places: list[Place], _: Any, __: Any) -> None:
    within, key = chance.choice(places)
    if isinstance(within, dict):
        within[chance.choice(NAMES)] = within[key]


def _double(chance: random.Random, places: list[Place], _: Any, __: Any) -> None:
    """The same member twice: the same id twice, mostly."""
    within, key = chance.choice(places)
    if isinstance(within, list) and len(within) < 2_000:
        within.insert(chance.randrange(len(within) + 1), within[key])


def _graft(chance: random.Random, places: list[Place], _: Any, other: Any) -> None:
    within, key = chance.choice(places)
    theirs, where = chance.choice(_places([other]))
    within[key] = deepcopy(theirs[where])


def _rename(chance: random.Random, places: list[Place], _: Any, __: Any) -> None:
    """An id where another is: cycles, doubles, links that lead to what they may not."""
    texts = [(x, k) for x, k in places if isinstance(x[k], str) and k in _POINTERS]
    if texts:
        within, key = chance.choice(texts)
        theirs, where = chance.choice(texts)
        within[key] = theirs[where]


_POINTERS = frozenset(
    {"id", "srcId", "destId", "phaseId", "gatewayId", "trueFlowId", "falseFlowId"}
)


def _link(chance: random.Random, places: list[Place], root: Any, _: Any) -> None:
    """More flows between whatever there is, the element itself included."""
    ids = [x[k] for x, k in places if k == "id" and isinstance(x[k], str)]
    elements = root[0].get("elements") if isinstance(root[0], dict) else None
    if ids and isinstance(elements, list):
        for n in range(chance.choice((1, 2, 8))):
            flow = {"id": f"more_{n}_{len(elements)}", "elementType": "FLOW"}
            ends = {"srcId": chance.choice(ids), "destId": chance.choice(ids)}
            elements.append({**flow, **ends})


def _nest(chance: random.Random, places: list[Place], _: Any, __: Any) -> None:
    """Deeper: conditions in conditions, lists in lists."""
    within, key = chance.choice(places)
    value = within[key]
    for _ in range(chance.choice((1, 3, 40, 95, 120, 250))):
        value = chance.choice(_SHELLS)(value)
    within[key] = value


_SHELLS: tuple[Callable[[Any], Any], ...] = (
    lambda inner: [inner],
    lambda inner: {"left": inner, "operator": "==", "right": True},
    lambda inner: {"left": 1, "operator": "AND", "right": inner},
    lambda inner: (
        {"operator": "OR", "conditions": [inner, inner]}
        if not isinstance(inner, dict | list)
        else {
            "operator": "OR",
            "conditions": [inner],
            "options": {"sustainTimeInMS": 1},
        }
    ),
    lambda inner: {"dataSource": inner},
)


def _multiply(chance: random.Random, _: list[Place], root: Any, other: Any) -> None:
    """Another workflow's elements beside these, under names of their own or not."""
    ours = root[0].get("elements") if isinstance(root[0], dict) else None
    theirs = other.get("elements") if isinstance(other, dict) else None
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) < 200:
        ours.extend(deepcopy(theirs[: chance.randrange(len(theirs) + 1)]))


_MUTATIONS = (
    *(_replace, _reword, _renumber, _remove, _add_field, _double, _graft),
    *(_rename, _rename, _link, _nest, _multiply),
)


def tear(chance: random.Random, raw: bytes, other: bytes) -> bytes:
    """Bytes with a few of them flipped, lost, doubled, or another's tail."""
    torn = bytearray(raw)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        where = chance.randrange(len(torn) + 1)
        match chance.randrange(6):
            case 0 if where < len(torn):
                torn[where] = chance.randrange(256)
            case 1:
                del torn[where : where + chance.randrange(4)]
            case 2:
                torn[where:where] = chance.randbytes(chance.randrange(4))
            case 3:
                torn[where:where] = chance.choice(FRAGMENTS)
            case 4:
                torn[where:where] = torn[where : where + chance.randrange(40)]
            case _:
                torn[where:] = other[chance.randrange(len(other) + 1) :]
    return bytes(torn)


FRAGMENTS = (
    *(b"[" * 300, b'{"a":' * 250, b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b"\x00"),
    *(b'"\\ud800"', b'"\\', b"1e999", b"-0", b"NaN", b"9" * 400, b"1" + b"0" * 5000),
    *(b"0.1e-5000", b",,", b'"id":"p",', b'"elements":[],', b"\xef\xbb\xbf", b"//"),
)
