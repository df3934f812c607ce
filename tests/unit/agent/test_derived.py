"""Derived tags and filters in the tag file, and derived readings in the tag table."""

import subprocess
import sys

import pytest

from edge_agent.derived import derivations
from edge_agent.drivers.driver import Reading
from edge_agent.filters import Rule
from edge_agent.mapping import EXAMPLE, load_mapping, mapped, rules
from edge_agent.tags import TagTable
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality
from heddle.wamp.process import ConfigError

DRIVER = (
    Tag(tag="voltage", unit="V"),
    Tag(tag="current", unit="mA"),
    Tag(tag="valve", type=TagType.BOOLEAN),
    Tag(tag="note", type=TagType.TEXT),
)


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "tags.toml"
        path.write_text(text)
        return path

    return write


def table(path) -> TagTable:
    mapping, source = load_mapping(path).tags, f"tag file {path}"
    tags = mapped(DRIVER, mapping, source=source)
    return TagTable(tags, derivations(tags, mapping, source=source))


POWER = '[tags.power]\nexpression = "voltage * current"\nunit = "W"\nnode = "n1"\n'


def test_a_derived_tag_is_a_tag_like_any_other(file) -> None:
    tags = table(file(POWER))
    assert tags.tags["power"] == Tag(tag="power", unit="W", node="n1")
    assert tags.of_node("n1") == tags.tags["power"]


def test_it_moves_in_the_same_call_as_its_inputs(file) -> None:
    tags, told = table(file(POWER)), []
    tags.hear(told.append)
    tags.update([Reading("voltage", 5, 230.0)])
    tags.update([Reading("current", 7, 500, Quality.UNCERTAIN)])
    tags.update([Reading("valve", 8, True)])
    tags.update([Reading("voltage", 9, None, Quality.BAD)])
    power = [r for readings in told for r in readings if r.tag == "power"]
    assert power == [
        Reading("power", 7, 115.0, Quality.UNCERTAIN),
        Reading("power", 9, None, Quality.BAD),
    ]
    assert tags.now("power") == power[-1]
    assert [len(readings) for readings in told] == [1, 2, 1, 2]


def test_the_unit_of_the_file_counts(file) -> None:
    tags = table(file('[tags.current]\nunit = "A"\n' + POWER))
    tags.update([Reading("voltage", 5, 230.0), Reading("current", 5, 500.0)])
    assert tags.now("power").value == 115_000.0


def test_a_condition_is_a_boolean_tag(file) -> None:
    text = "[tags.alive]\nexpression = 'valve and voltage > quantity(200, \"V\")'\n"
    tags = table(file(text))
    assert tags.tags["alive"].type is TagType.BOOLEAN
    tags.update([Reading("voltage", 5, 230.0), Reading("valve", 5, True)])
    assert tags.now("alive").value is True


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (POWER.replace('"W"', '"V"'), ": tag 'power', column 1: .* become V"),
        ('[tags.voltage]\nexpression = "current"\n', "measures 'voltage' already"),
        ('[tags.x]\nexpression = "note"\n', "there is no tag 'note' of numbers"),
        ('[tags.x]\nexpression = "x"\n', "derived from each other: x needs x"),
        ('[tags.x]\nexpression = "1 / valve"\n', "column 5: a number is wanted"),
        (
            '[tags.x]\nexpression = "valve"\ntype = "integer"\n',
            "declared integer, its expression gives boolean",
        ),
        (POWER + '[tags.valve]\nnode = "n1"\n', "n1 is given to both 'power' and"),
        ("[tags.voltage]\ndeadband = -1\n", "tag 'voltage': .*>= 0"),
        ("[tags.voltage]\ndeadband = inf\n", "tag 'voltage': .*1e"),
        ("[tags.voltage]\ndeadband = nan\n", "tag 'voltage': "),
        ("[tags.voltage]\nmin_interval_ms = 0\n", "tag 'voltage': .*>= 1"),
        ("[tags.voltage]\nmax_interval_ms = 5\n", "give a deadband, too"),
        (
            "[tags.voltage]\ndeadband = 1\nmin_interval_ms = 9\nmax_interval_ms = 5\n",
            "min_interval_ms is 9, more than max_interval_ms, 5",
        ),
    ],
)
def test_a_flaw_is_told_with_the_file_and_the_tag(file, text, sentence) -> None:
    with pytest.raises(ConfigError, match=r"tag file .*tags\.toml.*" + sentence):
        table(file(text))


def test_the_file_says_how_tags_are_thinned_out(file) -> None:
    path = file(
        "[tags.voltage]\ndeadband = 0.5\n"
        "[tags.current]\nmin_interval_ms = 100\n"
        "[tags.valve]\ndeadband = 0\nmax_interval_ms = 5000\n" + POWER
    )
    assert rules(load_mapping(path).tags) == {
        "voltage": Rule(deadband=0.5, greatest_s=60.0),
        "current": Rule(least_s=0.1),
        "valve": Rule(deadband=0.0, greatest_s=5.0),
    }
    assert rules(EXAMPLE) == {}


def test_pint_comes_with_the_first_expression_only(file) -> None:
    script = (
        "import sys\n"
        "from edge_agent.derived import derivations\n"
        "from edge_agent.mapping import load_mapping\n"
        "def tags(file):\n"
        "    return derivations((), load_mapping(file).tags, source='')\n"
        "tags(None); print('pint' in sys.modules)\n"
        f"tags(__import__('pathlib').Path({str(file(POWER))!r}))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ended.stdout.strip() == "False"
    assert "there is no tag 'voltage'" in ended.stderr
