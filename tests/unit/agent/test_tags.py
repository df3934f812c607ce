"""The tag table, the mapping file, and whether a workflow fits the device."""

import pytest

from edge_agent.admission import admit
from edge_agent.drivers.driver import Reading
from edge_agent.mapping import EXAMPLE, load_mapping, mapped
from edge_agent.tags import TagTable
from heddle.contract.devices import Tag, TagType
from heddle.contract.flows import FlowInvalid
from heddle.contract.samples import Quality
from heddle.wamp.process import ConfigError
from tests.support.device import example

SENSOR = "b505cf08-cc3f-4814-8d76-3dd23ad1ea35"
INPUT = "8006ba5a-30cf-4d15-b4cb-34fda02e87e3"
PLANT = (
    Tag(tag="temperature", unit="°C"),
    Tag(tag="temperature_setpoint", unit="°C", writable=True),
)


def table(*tags: Tag) -> TagTable:
    return TagTable(mapped(tags or PLANT, EXAMPLE, source="-"))


def test_readings_make_the_current_value_and_are_told() -> None:
    tags, told = table(), []
    tags.hear(told.append)
    assert tags.now("temperature").quality is Quality.BAD
    reading = Reading("temperature", 5, 21.5)
    tags.update([reading, Reading("unknown", 5, 1)])
    assert tags.now("temperature") == reading
    assert told == [[reading]]
    assert tags.all_now() == (reading,)


def test_a_node_is_a_mapped_id_or_the_tags_own_name() -> None:
    tags = table()
    assert tags.of_node(SENSOR).tag == "temperature"
    assert tags.of_node("temperature").tag == "temperature"
    assert tags.of_node("nobody") is None


def test_the_mapping_file_gives_unit_type_and_node(tmp_path) -> None:
    file = tmp_path / "tags.toml"
    file.write_text('[tags.temperature]\nunit = "K"\nnode = "n1"\ntype = "integer"\n')
    (tag, other) = mapped(PLANT, load_mapping(file).tags, source="-")
    assert tag == Tag(tag="temperature", unit="K", type=TagType.INTEGER, node="n1")
    assert other == PLANT[1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[tags", "is no TOML"),
        ('[tags.a]\ncolour = "red"\n', "tag 'a' has no setting 'colour'; it has unit"),
        ("[tags.a]\nunit = 5\n", "tag 'a': Expected `str"),
        ("[nodes]\n", "unknown field"),
        ('[tags.pressure]\nnode = "x"\n', "the driver has no tag 'pressure'; it has"),
        (
            '[tags.temperature]\nnode="x"\n[tags.temperature_setpoint]\nnode="x"\n',
            "node x is given to both 'temperature' and 'temperature_setpoint'",
        ),
    ],
)
def test_a_flaw_of_the_mapping_is_told_with_the_file(tmp_path, text, sentence) -> None:
    file = tmp_path / "tags.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="tags.toml.*" + sentence):
        mapped(PLANT, load_mapping(file).tags, source=f"tag file {file}")


def test_the_example_workflow_fits_the_plant() -> None:
    assert admit(example(), table()).tags == {SENSOR}


def test_a_node_without_a_tag_is_found_at_install() -> None:
    with pytest.raises(FlowInvalid, match=f"{SENSOR} is no tag of this device") as why:
        admit(example(), table(PLANT[1]))
    assert [f["rule"] for f in why.value.details["findings"]] == ["UNKNOWN_NODE"]


def test_a_setpoint_must_be_writable() -> None:
    sealed = Tag(tag="temperature_setpoint", unit="°C")
    with pytest.raises(
        FlowInvalid, match=r"which cannot be written.*and 5 more"
    ) as why:
        admit(example(), table(PLANT[0], sealed))
    assert {f["rule"] for f in why.value.details["findings"]} == {"NODE_NOT_WRITABLE"}
    assert why.value.details["findings"][0]["element"] == "phase_1"


def test_a_malformed_workflow_is_refused_with_its_findings() -> None:
    broken = example()
    broken["elements"] = [
        e for e in broken["elements"] if e["elementType"] != "EVENT_DISPATCHER"
    ]
    with pytest.raises(FlowInvalid) as why:
        admit(broken, table())
    assert "NO_END_EVENT_DISPATCHER" in {
        f["rule"] for f in why.value.details["findings"]
    }
    with pytest.raises(FlowInvalid):
        admit({}, table())
