"""What a host knows of an edge node: the rules of Sparkplug 3.0 as a pure machine.

A node is born (NBIRTH), its devices are (DBIRTH); births say which metrics there are,
data (NDATA, DDATA) names them, often by alias. Every message but a death of the node
has the next number. One that comes early is held for a moment; if what is missing does
not come, what we know is in doubt and the node is asked to be born again. A node's
death counts if its number is that of its birth: a will may come late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from edge_agent.drivers.sparkplug.payload import Metric, Payload

NAMESPACE = "spBv1.0"
BD_SEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"
NUMBERS = 256
MOST_HELD = 64

Key: TypeAlias = tuple[str, str]  # device ("" of the node itself) and metric


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message of a node."""

    kind: str  # NBIRTH, DDATA …
    device: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Overdue:
    """What is missing has had its time."""


Input: TypeAlias = Spoken | Overdue


@dataclass(frozen=True, slots=True)
class Said:
    """Metrics with their types, as the births gave them."""

    device: str
    metrics: tuple[tuple[str, int, Metric], ...]
    at_ms: int | None  # of the message


@dataclass(frozen=True, slots=True)
class Died:
    """Nothing is known any more of this device; None: of the node and all of it."""

    device: str | None


@dataclass(frozen=True, slots=True)
class Doubted:
    """Something was missed: what is known may be old."""


@dataclass(frozen=True, slots=True)
class Held:
    """Wait a moment for what is missing, then come with ``Overdue``."""


@dataclass(frozen=True, slots=True)
class AskRebirth:
    """The node shall be born again."""

    why: str


Effect: TypeAlias = Said | Died | Doubted | Held | AskRebirth


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """What is known of one node."""

    online: bool = False
    bd_seq: int | None = None
    seq: int = 0  # of the last message that was taken
    types: Mapping[Key, int] = field(default_factory=dict)
    aliases: Mapping[int, Key] = field(default_factory=dict)
    devices: frozenset[str] = frozenset()  # those born
    held: Mapping[int, Spoken] = field(default_factory=dict)

    @property
    def alias_of(self) -> Mapping[Key, int]:
        """The aliases the other way round."""
        return {key: alias for alias, key in self.aliases.items()}

    def is_up(self, device: str) -> bool:
        """Whether the device, or the node itself, is alive."""
        return self.online and (not device or device in self.devices)


Step: TypeAlias = tuple[NodeView, Sequence[Effect]]


def step(view: NodeView, said: Input) -> Step:
    """The view after it, and what is to be done."""
    if isinstance(said, Overdue):
        return _without_the_missing(view)
    match said.kind:
        case "NBIRTH":
            return _node_born(said)
        case "NDEATH":
            return _node_died(view, said)
        case "DBIRTH" | "DDEATH" | "NDATA" | "DDATA":
            return _in_order(view, said)
        case _:
            return view, ()


def topic_of(group: str, kind: str, node: str, device: str = "") -> str:
    """Where a message belongs."""
    return "/".join((NAMESPACE, group, kind, node, *([device] if device else [])))


def parts_of(topic: str) -> tuple[str, str, str, str] | None:
    """Group, kind, node and device of a topic; None for what is not of a node."""
    parts = topic.split("/")
    if len(parts) not in (4, 5) or parts[0] != NAMESPACE or parts[1] == "STATE":
        return None
    group, kind, node = parts[1:4]
    device = parts[4] if len(parts) == 5 else ""  # noqa: PLR2004 -- the longest
    if kind.startswith("D") != bool(device):
        return None
    return group, kind, node, device


def bd_seq_of(payload: Payload) -> int | None:
    """The number that ties a birth and a death."""
    for metric in payload.metrics:
        if metric.name == BD_SEQ and isinstance(metric.wire, int):
            return metric.wire
    return None


def _node_born(said: Spoken) -> Step:
    view = _with_table(
        NodeView(
            online=True,
            bd_seq=bd_seq_of(said.payload),
            seq=(said.payload.seq or 0) % NUMBERS,
        ),
        said,
    )
    return view, (Died(None), _all_of(said))


def _node_died(view: NodeView, said: Spoken) -> Step:
    number = bd_seq_of(said.payload)
    if not view.online or (None not in (number, view.bd_seq) and number != view.bd_seq):
        return view, ()
    return NodeView(bd_seq=view.bd_seq), (Died(None),)


def _in_order(view: NodeView, said: Spoken) -> Step:
    if not view.online:
        return view, (AskRebirth(f"{said.kind} came, but we missed its birth"),)
    if said.payload.seq == _next(view.seq):
        view, effects = _taken(view, said)
        return _with_held(view, effects)
    if said.payload.seq is None:
        return view, (Doubted(), AskRebirth(f"{said.kind} came without a number"))
    held = {**view.held, said.payload.seq % NUMBERS: said}
    view = replace(view, held=held)
    if len(held) > MOST_HELD:
        return _without_the_missing(view)
    return view, (Held(),)


def _next(seq: int) -> int:
    return (seq + 1) % NUMBERS


def _with_held(view: NodeView, effects: Sequence[Effect]) -> Step:
    """Take what was held as long as it is the next."""
    done = list(effects)
    while (said := view.held.get(_next(view.seq))) is not None:
        left = {seq: each for seq, each in view.held.items() if each is not said}
        view, more = _taken(replace(view, held=left), said)
        done += more
    return view, done


def _without_the_missing(view: NodeView) -> Step:
    if not view.held:
        return view, ()
    missing = _next(view.seq)
    by_age = sorted(view.held, key=lambda seq: (seq - missing) % NUMBERS)
    done: list[Effect] = [Doubted()]
    for seq in by_age:
        said = view.held[seq]
        view, more = _taken(view, said)
        done += more
    view = replace(view, held={})
    came = f"number {by_age[0]} came instead of {missing}"
    return view, (*done, AskRebirth(came))


def _taken(view: NodeView, said: Spoken) -> Step:
    """A message in its turn."""
    view = replace(view, seq=(said.payload.seq or 0) % NUMBERS)
    match said.kind:
        case "DBIRTH":
            born = replace(view, devices=view.devices | {said.device})
            return _with_table(born, said), (_all_of(said),)
        case "DDEATH":
            left = view.devices - {said.device}
            return replace(view, devices=left), (Died(said.device),)
        case _:
            return _data(view, said)


def _data(view: NodeView, said: Spoken) -> Step:
    if not view.is_up(said.device):
        why = f"device {said.device!r} spoke, but we missed its birth"
        return view, (AskRebirth(why),)
    found: list[tuple[str, int, Metric]] = []
    unknown: list[str] = []
    for metric in said.payload.metrics:
        key = _key(view, said.device, metric)
        if key is None or key not in view.types:
            unknown.append(
                repr(metric.name) if metric.name else f"alias {metric.alias}"
            )
        elif not metric.historical:
            found.append((key[1], metric.type or view.types[key], metric))
    effects: list[Effect] = []
    if found:
        effects.append(Said(said.device, tuple(found), said.payload.at_ms))
    if unknown:
        effects.append(AskRebirth(f"no birth told of {', '.join(unknown[:3])}"))
    return view, effects


def _key(view: NodeView, device: str, metric: Metric) -> Key | None:
    if metric.name:
        return device, metric.name
    key = view.aliases.get(-1 if metric.alias is None else metric.alias)
    return key if key is not None and key[0] == device else None


def _with_table(view: NodeView, said: Spoken) -> NodeView:
    """The metrics of a birth take the place of those its device had."""
    types = {key: type_ for key, type_ in view.types.items() if key[0] != said.device}
    aliases = {a: key for a, key in view.aliases.items() if key[0] != said.device}
    for metric in _named(said):
        types[said.device, metric.name] = metric.type
        if metric.alias is not None:
            aliases[metric.alias] = (said.device, metric.name)
    return replace(view, types=types, aliases=aliases)


def _all_of(said: Spoken) -> Said:
    metrics = ((metric.name, metric.type, metric) for metric in _named(said))
    return Said(said.device, tuple(metrics), said.payload.at_ms)


def _named(said: Spoken) -> list[Metric]:
    return [metric for metric in said.payload.metrics if metric.name]
