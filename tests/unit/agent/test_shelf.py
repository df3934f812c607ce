"""What is wanted of a device, on its disk."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.runtime.runtime import Configuration
from edge_agent.shelf import HandOver, Shelf, Wanted
from heddle.contract.flows import ReleaseRefused, Runtime, SignedRelease

BREW = Wanted(
    "brew",
    2,
    {"id": "x", "elements": [1.5, "ß"]},
    running=False,
    runtime=Runtime.CONTAINER,
    configuration=Configuration("heddle/engine:1", 2.0, 256, 32),
)
WASH = Wanted("wash", 1, {})


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "flows")


def test_what_is_wanted_stays_until_it_is_forgotten(tmp_path, shelf) -> None:
    assert shelf.wanted() == ()
    shelf.put(WASH)
    shelf.put(BREW)
    again = Shelf(tmp_path / "flows")
    assert again.wanted() == (BREW, WASH)
    assert (again.unreadable(), again.left_over()) == ({}, ())
    assert shelf.file("brew").stat().st_mode & 0o077 == 0
    shelf.forget("brew")
    assert shelf.wanted() == (WASH,)


def test_the_engine_gets_a_folder_with_its_flow_and_nothing_of_the_agents(
    shelf,
) -> None:
    shelf.put(BREW)
    assert not shelf.directory("brew").exists()
    shelf.lay_out(BREW)
    folder = shelf.directory("brew")
    assert folder.stat().st_mode & 0o077 == 0
    assert json.loads((folder / "flow.json").read_text()) == {
        "flow": "brew",
        "version": 2,
        "definition": {"id": "x", "elements": [1.5, "ß"]},
    }
    before = (folder / "flow.json").stat().st_ino
    shelf.lay_out(BREW)
    assert (folder / "flow.json").stat().st_ino == before  # no wear for nothing
    (folder / "flow.json").write_text('{"flow": "br')  # whoever spoiled it
    shelf.lay_out(BREW)
    assert json.loads((folder / "flow.json").read_text())["version"] == 2


def test_a_removed_flow_leaves_its_folder_until_that_is_cleared(shelf) -> None:
    shelf.put(BREW)
    shelf.lay_out(BREW)
    shelf.forget("brew")
    assert shelf.left_over() == ("brew",)
    shelf.clear("brew")
    assert shelf.left_over() == ()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda text: text[:40], "is unreadable: Input data was truncated"),
        (lambda text: text.replace("ß", "ss"), "the definition is not what was kept"),
        (lambda text: text.replace('"brew"', '"wash"'), "it names flow 'wash'"),
        (lambda _: '{"flow": 3}', r"is unreadable: .*`\$.flow`"),
        (lambda _: "", "is unreadable: Input data was truncated"),
    ],
)
def test_what_is_unreadable_is_named_and_left_alone(shelf, spoil, why) -> None:
    shelf.put(BREW)
    shelf.put(replace(WASH, flow="zinc"))
    shelf.lay_out(BREW)
    file = shelf.file("brew")
    file.write_text(spoil(file.read_text()))
    found = shelf.unreadable()
    assert found.keys() == {"brew"}
    assert found["brew"].startswith(str(file))
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(found["brew"])
    assert [each.flow for each in shelf.wanted()] == ["zinc"]
    assert shelf.left_over() == ()
    assert file.exists()


def test_releases_differ_by_version_and_by_definition() -> None:
    releases = {
        each.release
        for each in (BREW, replace(BREW, version=3), replace(BREW, definition={}))
    }
    assert len(releases) == 3
    assert BREW.release == replace(BREW, running=True).release
    assert BREW.release.startswith("2-")


def test_what_version_0_1_wanted_is_taken_over_once(tmp_path, shelf) -> None:
    for flow, text in {
        "brew": '{"flow":"brew","version":4,"definition":{"id":"x"}}',
        "cut": '{"flow":"cu',
        "gone": None,
    }.items():
        shelf.directory(flow).mkdir(parents=True)
        if text is not None:
            (shelf.directory(flow) / "flow.json").write_text(text)
    shelf.take_over()
    assert shelf.wanted() == (Wanted("brew", 4, {"id": "x"}),)
    assert shelf.unreadable().keys() == {"cut"}
    assert shelf.left_over() == ("gone",)
    shelf.forget("brew")
    shelf.take_over()  # not twice: it was removed since
    assert shelf.wanted() == ()


SIGNED = replace(
    BREW,
    signed=SignedRelease(document=b"\x00{}", content_hash="ab", signature="c", key="d"),
    variables={"wait": 700},
    hand_over=HandOver.MUST,
)


def test_a_release_is_kept_with_its_proof_and_proved_when_read(tmp_path, shelf) -> None:
    def prove(wanted: Wanted) -> None:
        if wanted.signed is not None:
            raise ReleaseRefused("it was signed by nobody we know")

    shelf.put(SIGNED)
    shelf.put(WASH)
    (kept, _) = shelf.wanted()
    assert (kept, kept.hand_over, kept.content_hash) == (SIGNED, HandOver.MUST, "ab")
    shelf.lay_out(SIGNED)
    laid_out = json.loads((shelf.directory("brew") / "flow.json").read_text())
    assert laid_out["hand_over"] == "must"
    strict = Shelf(tmp_path / "flows", prove=prove)
    assert strict.wanted() == (WASH,)
    told = strict.unreadable()["brew"]
    assert told.endswith("is not to be run: it was signed by nobody we know")


def test_where_no_power_cut_counts_files_are_written_in_place(tmp_path) -> None:
    shelf = Shelf(tmp_path / "flows", durable=False)
    shelf.put(SIGNED)
    place = shelf.file("brew").stat().st_ino
    shelf.put(replace(WASH, flow="brew"))  # shorter
    assert shelf.wanted() == (replace(WASH, flow="brew"),)
    shelf.put(SIGNED)
    assert shelf.wanted() == (SIGNED,)
    assert shelf.file("brew").stat().st_ino == place
    assert shelf.file("brew").stat().st_mode & 0o077 == 0
    assert [each.name for each in shelf.file("brew").parent.iterdir()] == ["brew.json"]
