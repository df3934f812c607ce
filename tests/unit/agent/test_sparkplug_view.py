"""What a host makes of an edge node's messages: every rule, then all orders of them."""

from itertools import product

import pytest

from edge_agent.drivers.sparkplug.payload import DataType, Metric, Payload
from edge_agent.drivers.sparkplug.view import (
    MOST_HELD,
    AskRebirth,
    Died,
    Doubted,
    Held,
    NodeView,
    Overdue,
    Said,
    Spoken,
    parts_of,
    step,
    topic_of,
)

DOUBLE, INT64 = DataType.DOUBLE, DataType.INT64


def number(bd_seq: int) -> Metric:
    return Metric(name="bdSeq", type=INT64, wire=bd_seq)


LEVEL = Metric(name="level", alias=1, type=DOUBLE, wire=1.0)
FLOW = Metric(name="flow", alias=2, type=DOUBLE, wire=2.0)


def nbirth(bd_seq: int = 0) -> Spoken:
    return Spoken(
        "NBIRTH", "", Payload(at_ms=9, seq=0, metrics=(number(bd_seq), LEVEL))
    )


def ndeath(bd_seq: int = 0) -> Spoken:
    return Spoken("NDEATH", "", Payload(metrics=(number(bd_seq),)))


def dbirth(seq: int, device: str = "pump") -> Spoken:
    return Spoken("DBIRTH", device, Payload(seq=seq, metrics=(FLOW,)))


def ddeath(seq: int) -> Spoken:
    return Spoken("DDEATH", "pump", Payload(seq=seq))


def ndata(seq: int | None, alias: int = 1, wire: float = 5.0) -> Spoken:
    return Spoken(
        "NDATA", "", Payload(seq=seq, metrics=(Metric(alias=alias, wire=wire),))
    )


def ddata(seq: int, alias: int = 2, wire: float = 6.0) -> Spoken:
    metric = Metric(alias=alias, wire=wire)
    return Spoken("DDATA", "pump", Payload(seq=seq, metrics=(metric,)))


def after(*said) -> tuple[NodeView, list]:
    view, effects = NodeView(), []
    for each in said:
        view, done = step(view, each)
        effects.append(list(done))
    return view, effects


def last(*said) -> list:
    return after(*said)[1][-1]


def values(effects) -> dict[str, float]:
    return {
        name: metric.wire
        for effect in effects
        if isinstance(effect, Said)
        for name, _, metric in effect.metrics
    }


def test_births_give_names_types_and_aliases() -> None:
    view, effects = after(nbirth(7), dbirth(1))
    assert (view.online, view.bd_seq, view.seq, view.devices) == (True, 7, 1, {"pump"})
    assert view.types == {("", "bdSeq"): 4, ("", "level"): 10, ("pump", "flow"): 10}
    assert view.aliases == {1: ("", "level"), 2: ("pump", "flow")}
    assert effects[0] == [
        Died(None),
        Said("", (("bdSeq", 4, number(7)), ("level", 10, LEVEL)), 9),
    ]
    assert values(effects[1]) == {"flow": 2.0}


def test_data_are_known_by_alias_and_by_name() -> None:
    metric = Metric(alias=2, wire=6.0)
    assert last(nbirth(), dbirth(1), ddata(2)) == [
        Said("pump", (("flow", 10, metric),), None)
    ]
    named = Metric(name="level", wire=8.0)
    said = Spoken("NDATA", "", Payload(seq=1, metrics=(named,)))
    assert values(last(nbirth(), said)) == {"level": 8.0}


def test_what_is_historical_is_not_the_value_of_now() -> None:
    old = Metric(alias=1, wire=3.0, historical=True)
    said = Spoken("NDATA", "", Payload(seq=1, metrics=(old,)))
    view, effects = after(nbirth(), said)
    assert (view.seq, effects[-1]) == (1, [])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((ndata(1),), "NDATA came, but we missed its birth"),
        ((nbirth(), ddata(1)), "device 'pump' spoke, but we missed its birth"),
        ((nbirth(), ndata(1, alias=77)), "no birth told of alias 77"),
        ((nbirth(), dbirth(1), ndata(2, alias=2)), "no birth told of alias 2"),
        ((nbirth(), dbirth(1), ddeath(2), ddata(3)), "device 'pump' spoke, but we"),
    ],
)
def test_what_no_birth_told_of_asks_for_one(said, why: str) -> None:
    (effect,) = last(*said)
    assert isinstance(effect, AskRebirth)
    assert effect.why.startswith(why)


def test_numbers_go_round_after_255() -> None:
    _, effects = after(nbirth(), *(ndata(each % 256) for each in range(1, 600)))
    assert all(values(each) == {"level": 5.0} for each in effects[1:])


def test_what_comes_early_waits_for_what_is_missing() -> None:
    view, effects = after(nbirth(), ndata(2, wire=22.0), ndata(1, wire=11.0))
    assert effects[1] == [Held()]
    wires = [metric.wire for said in effects[2] for _, _, metric in said.metrics]
    assert wires == [11.0, 22.0]
    assert (view.seq, view.held) == (2, {})
    assert step(view, Overdue()) == (view, ())


def test_what_never_comes_is_doubt_and_asks_for_a_rebirth() -> None:
    view, effects = after(nbirth(), ndata(3, wire=33.0), ndata(4, wire=44.0), Overdue())
    doubt, *_, ask = effects[-1]
    assert doubt == Doubted()
    assert values(effects[-1]) == {"level": 44.0}
    assert ask == AskRebirth("number 3 came instead of 1")
    assert (view.seq, view.held) == (4, {})
    assert values(step(view, ndata(5))[1]) == {"level": 5.0}


def test_data_without_a_number_are_not_trusted() -> None:
    assert last(nbirth(), ndata(None))[0] == Doubted()


def test_not_more_is_held_than_may_be() -> None:
    early = [ndata(2 + each) for each in range(MOST_HELD + 1)]
    view, effects = after(nbirth(), *early)
    assert effects[-1][0] == Doubted()
    assert view.held == {}


def test_a_death_of_another_life_does_not_count() -> None:
    view, effects = after(nbirth(5), ndeath(4))
    assert (view.online, effects[-1]) == (True, [])
    view, effects = after(nbirth(5), ndeath(5))
    assert (view.online, effects[-1]) == (False, [Died(None)])
    assert after(ndeath())[1] == [[]]  # it is dead already


def test_a_new_birth_ends_all_devices_of_the_old() -> None:
    view, effects = after(nbirth(1), dbirth(1), nbirth(2))
    assert effects[-1][0] == Died(None)
    assert (view.devices, ("pump", "flow") in view.types) == (frozenset(), False)


def test_a_device_dies_alone() -> None:
    view, effects = after(nbirth(), dbirth(1), ddeath(2))
    assert effects[-1] == [Died("pump")]
    assert view.is_up("")
    assert not view.is_up("pump")


def test_in_every_order_of_four_the_view_stays_whole() -> None:
    alphabet = (
        nbirth(1),
        ndeath(1),
        dbirth(1),
        ndata(1),
        ndata(2),
        ddata(2),
        ddeath(3),
        Overdue(),
        Spoken("NOISE", "", Payload()),
    )
    for said in product(alphabet, repeat=4):
        view, effects = after(*said)
        assert view.online or not (view.types or view.devices or view.held)
        assert set(view.aliases.values()) <= set(view.types)
        assert view.held.keys().isdisjoint({(view.seq + 1) % 256})
        if not view.online:
            told = [each for done in effects for each in done]
            ends = [each for each in told if isinstance(each, Died | Said)]
            assert not ends or ends[-1] == Died(None)


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        ("spBv1.0/G/NBIRTH/N", ("G", "NBIRTH", "N", "")),
        ("spBv1.0/G/DDATA/N/D", ("G", "DDATA", "N", "D")),
        ("spBv1.0/G/DDATA/N", None),
        ("spBv1.0/G/NDATA/N/D", None),
        ("spBv1.0/STATE/host", None),
        ("spAv1.0/G/NBIRTH/N", None),
        ("spBv1.0/G/NBIRTH/N/D/E", None),
    ],
)
def test_topics_are_of_a_node_or_not(topic: str, parts) -> None:
    assert parts_of(topic) == parts
    if parts is not None:
        assert topic_of(*parts) == topic
