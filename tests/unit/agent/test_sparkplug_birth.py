"""What an edge node says of the agent's tags, and what it takes from commands."""

from edge_agent.drivers.driver import Reading
from edge_agent.drivers.sparkplug.birth import Order, Orders, Table, death
from edge_agent.drivers.sparkplug.node import Lives
from edge_agent.drivers.sparkplug.payload import (
    DataType,
    Metric,
    Payload,
    value_of,
)
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality

TABLE = Table(
    [
        Tag(tag="level"),
        Tag(tag="count", type=TagType.INTEGER),
        Tag(tag="running", type=TagType.BOOLEAN),
        Tag(tag="recipe", type=TagType.TEXT),
    ]
)
T = 1_700_000_000_000


def said(payload: Payload) -> dict:
    return {
        each.name or each.alias: (
            value_of(each.type, each.wire),
            each.quality,
        )
        for each in payload.metrics
    }


def test_a_birth_has_every_tag_whether_it_is_known_or_not() -> None:
    now = {
        "level": Reading("level", T * 1000, 21.5),
        "count": Reading("count", T * 1000, -3, Quality.UNCERTAIN),
    }
    birth = TABLE.birth(7, now, T)
    assert (birth.seq, birth.at_ms) == (0, T)
    assert said(birth) == {
        "bdSeq": (7, None),
        "Node Control/Rebirth": (False, None),
        "level": (21.5, None),
        "count": (-3, 500),
        "running": (None, 0),
        "recipe": (None, 0),
    }
    assert [metric.alias for metric in birth.metrics] == [0, 1, 2, 3, 4, 5]
    assert said(death(7, T)) == {"bdSeq": (7, None)}
    assert death(7, T).seq is None


def test_data_go_by_alias() -> None:
    moved = [
        Reading("running", T * 1000, value=True),
        Reading("recipe", T * 1000, "Grüße"),
        Reading("count", T * 1000, 2**70),  # no metric can hold it
        Reading("level", T * 1000, None, Quality.BAD),
    ]
    data = TABLE.data(255, moved, T)
    assert data.seq == 255
    assert said(data) == {
        4: (True, None),
        5: ("Grüße", None),
        3: (None, None),
        2: (None, 0),
    }


def test_commands_are_taken_by_name_or_alias_if_they_are_for_us() -> None:
    command = Payload(
        metrics=(
            Metric(name="level", type=DataType.DOUBLE, wire=2.5),
            Metric(alias=3, wire=5),
            Metric(alias=99, wire=5),
            Metric(name="nowhere", wire=5),
        )
    )
    orders = (Order("level", 2.5), Order("count", 5))
    assert TABLE.orders(command) == Orders(rebirth=False, tags=orders)
    for wire, wanted in ((True, True), (False, False), (1, False)):
        rebirth = Metric(name="Node Control/Rebirth", type=11, wire=wire)
        assert TABLE.orders(Payload(metrics=(rebirth,))) == Orders(wanted, ())


def test_lives_are_counted_over_restarts_and_round(tmp_path) -> None:
    file = tmp_path / "scada.bdseq"
    assert [Lives(file).next() for _ in range(3)] == [0, 1, 2]
    file.write_text("255\n")
    assert Lives(file).next() == 0
    file.write_text("what?")
    assert Lives(file).next() == 0


def test_lives_go_on_where_their_number_cannot_be_kept(tmp_path) -> None:
    (tmp_path / "file").touch()
    lives = Lives(tmp_path / "file/scada.bdseq")
    assert [lives.next() for _ in range(3)] == [0, 1, 2]
