"""Workflows drawn at random in upstream's shape, most of them sound, some deformed."""

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

Json = dict[str, Any]

JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.5, 1e308, -0.5, 2**53 + 2),
    *("", "x", "5", "true", "TIMER", "  ", "1.0", "null", "12abc"),
    *([], {}, [1], {"a": 1}),
)
FIELDS = (
    *("extra", "phaseId", "condition", "conditions", "left", "right", "id", "type"),
    *("options", "durationInMS", "trueFlowId", "operator", "property", "commands"),
)


def drawn(random: Random) -> Json:
    """One workflow, with up to two deformations."""
    workflow = _workflow(random)
    for _ in range(random.choice((0, 0, 1, 1, 1, 2))):
        _deform(random, workflow)
    return workflow


def _workflow(random: Random) -> Json:
    phases = [_phase(random, i) for i in range(random.choice((0, *(1, 2, 3) * 6)))]
    starts = random.choice((*(1,) * 18, 0, 2))
    listeners = [_listener(f"s{i}", "START") for i in range(starts)]
    for i in range(random.randrange(1, 5)):
        home = random.choice((None, "nowhere", *(one["id"] for one in phases * 4)))
        kind = random.choice(("TIMER", "CONDITION", "APPROVAL"))
        listeners.append(_listener(f"l{i}", kind, home, random))
    gateways = [_gateway(random, i) for i in range(random.randrange(3))]
    ends = random.choice((*(1,) * 18, 0, 2))
    dispatchers = [
        _element(f"e{i}", "EVENT_DISPATCHER", type=random.choice(("END", "ALERT")))
        for i in range(ends)
    ]
    sources, targets = listeners + gateways, phases + gateways + dispatchers
    flows = list(_flows(random, sources, targets, [*listeners, *targets]))
    elements = [*phases, *listeners, *gateways, *dispatchers, *flows]
    random.shuffle(elements)
    return {"id": "w", "version": "1.0", "elements": elements}


def _element(element: str, kind: str, **more: Any) -> Json:
    return {"id": element, "elementType": kind, **more}


def _phase(random: Random, i: int) -> Json:
    targets = [{"inputNodeId": "n", "target": random.choice((1, "x", True))}]
    command = {"id": f"set{i}", "type": "SET_TARGETS", "data": {"targets": targets}}
    return _element(f"p{i}", "PHASE", commands=[command][: random.randrange(2)])


def _listener(
    element: str, kind: str, phase: str | None = None, random: Random | None = None
) -> Json:
    made = _element(
        element, "EVENT_LISTENER", type=kind, phaseId=phase, interrupting=True
    )
    if random is not None:
        made["interrupting"] = random.random() < 0.5
        if kind == "TIMER":
            made["durationInMS"] = random.choice((0, 10, 5000))
        if kind == "CONDITION":
            made["condition"] = _condition(random)
    return made


def _gateway(random: Random, i: int) -> Json:
    kind = random.choice(("AND", "OR", "CONDITIONAL"))
    made = _element(f"gw{i}", "GATEWAY", type=kind)
    if kind == "CONDITIONAL":
        made["trueFlowId"] = random.choice((None, "f0", "f1"))
        made["falseFlowId"] = random.choice((None, "f2"))
        made["condition"] = _condition(random)
    return made


def _condition(random: Random, depth: int = 0) -> Json:
    made: Json = {"id": f"c{random.randrange(9)}"}
    if depth < 3 and random.random() < 0.3:
        inner = [_condition(random, depth + 1) for _ in range(random.randrange(3))]
        return {**made, "operator": random.choice(("AND", "OR")), "conditions": inner}
    made["operator"] = random.choice(("<", ">", "==", "<=", ">="))
    made["left"] = _operand(random, depth)
    made["right"] = _operand(random, depth)
    if random.random() < 0.2:
        made["options"] = random.choice(({}, {"sustainTimeInMS": 1}))
    return made


def _operand(random: Random, depth: int) -> Any:
    sensor = {"type": "SENSOR_DATA", "data": {"reporterFctId": "t"}}
    count = {"gatewayId": "gw0", "property": "activations"}
    plain = (1, 2.5, -3, 0, "a", True, None, "")
    return random.choice(
        (
            {"dataSource": sensor},
            {"dataSource": {"type": "GATEWAY", "data": count}},
            random.choice(plain),
            _condition(random, depth + 1) if depth < 2 else 5,
        )
    )


def _flows(
    random: Random, sources: list[Json], targets: list[Json], all_: list[Json]
) -> Iterator[Json]:
    used: set[str] = set()
    for i in range(random.randrange(1, 8) if targets else 0):
        is_strange = random.random() < 0.08
        source = random.choice(all_ if is_strange else sources)["id"]
        target = random.choice(all_ if is_strange else targets)["id"]
        if source not in used or random.random() < 0.2:
            used.add(source)
            yield _element(f"f{i}", "FLOW", srcId=source, destId=target)


def _deform(random: Random, workflow: Json) -> None:
    """Replace, drop, add or repeat something anywhere."""
    holder, key = random.choice(list(_places(workflow)))
    match random.randrange(8):
        case 0 | 1 | 2 | 3:
            holder[key] = copy.deepcopy(random.choice(JUNK))
        case 4 | 5:
            del holder[key]
        case _ if isinstance(holder, dict):
            holder[random.choice(FIELDS)] = copy.deepcopy(random.choice(JUNK))
        case _:
            holder.append(copy.deepcopy(random.choice(holder)))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inner:
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)
