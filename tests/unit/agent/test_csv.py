"""Replaying a CSV: both shapes, every flaw, virtual time."""

from pathlib import Path

import pytest
from twisted.internet.task import Clock

from edge_agent.drivers.csv_replay import CsvReplay
from heddle.contract.devices import TagType
from heddle.contract.samples import Quality
from heddle.recordings import BadRecording, Recorded, read_csv


@pytest.fixture
def csv(tmp_path):
    def write(text: str):
        path = tmp_path / "readings.csv"
        path.write_text(text)
        return path

    return write


def test_the_long_shape(csv) -> None:
    read = read_csv(csv("time,tag,value,quality\n5,a,1.5,\n7,b,true,bad\n"))
    assert read == (
        Recorded(0, "a", 1.5),
        Recorded(2, "b", True, Quality.BAD),
    )


def test_the_wide_shape_with_iso_times_and_holes(csv) -> None:
    read = read_csv(
        csv("time,a,b\n2026-01-01T00:00:01Z,1,\n2026-01-01T00:00:00+00:00,,text\n")
    )
    assert read == (Recorded(0, "b", "text"), Recorded(1, "a", 1.0))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 0: the first line must begin with the column 'time'"),
        ("at,a\n1,2\n", "line 1: the first line must begin"),
        ("time\n1\n", "line 1: columns must be time,tag,value"),
        ("time,a,a\n", "line 1: every column needs a name of its own"),
        ("time,tag,value,why\n", "line 1: columns must be"),
        ("time,a\n1,2\n3\n", "line 3: 1 cells, but 2 columns"),
        ("time,a\nsoon,2\n", "line 2: time 'soon' is neither seconds nor ISO 8601"),
        ("time,a\nnan,2\n", "line 2: time 'nan' is not finite"),
        ("time,tag,value\n1,,2\n", "line 2: no tag"),
        ("time,tag,value,quality\n1,a,2,so-so\n", "line 2: quality 'so-so' is none"),
        ('time,a\n1,"2\n', "line 2: unexpected end of data"),
        ("time,a\n", "has no readings"),
    ],
)
def test_a_flaw_is_told_with_its_line(csv, text, sentence) -> None:
    with pytest.raises(BadRecording, match="readings.csv.*" + sentence):
        read_csv(csv(text))


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(BadRecording, match=r"nowhere\.csv: No such file"):
        read_csv(tmp_path / "nowhere.csv")
    with pytest.raises(BadRecording, match="is not UTF-8"):
        path = tmp_path / "latin.csv"
        path.write_bytes(b"time,a\n1,\xff\n")
        read_csv(path)


def replayed(path, seconds: float, **settings):
    clock = Clock()
    clock.advance(1000)
    driver, told = CsvReplay(clock, path, now_s=clock.seconds, **settings), []
    driver.subscribe(
        lambda readings: told.extend(
            (r.at_us / 1e6 - 1000, r.tag, r.value) for r in readings
        )
    )
    for _ in range(round(seconds * 10)):
        clock.advance(0.1)
    return driver, [(round(at, 1), tag, value) for at, tag, value in told]


def test_it_is_told_at_its_distances_again_and_again(csv) -> None:
    _, told = replayed(csv("time,a\n10,1\n12,2\n"), 6)
    assert told == [(0, "a", 1), (2, "a", 2), (3, "a", 1), (5, "a", 2), (6, "a", 1)]


def test_a_time_scale_shortens_the_distances(csv) -> None:
    _, told = replayed(csv("time,a\n0,1\n20,2\n"), 2.05, time_scale=10)
    assert told[:2] == [(0, "a", 1), (2, "a", 2)]


def test_tags_that_come_later_have_a_value_from_the_start(csv) -> None:
    driver, told = replayed(csv("time,tag,value\n0,a,1\n50,b,up\n"), 0)
    assert told == [(0, "b", "up"), (0, "a", 1)]
    assert {t.tag: t.type for t in driver.tags()} == {
        "a": TagType.FLOAT,
        "b": TagType.TEXT,
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time,a\n1e308,1\n-1e308,2\n", "line 2: time '1e308' is no moment"),
        ("time," + "x" * 200_000 + "\n", "field larger than field limit"),
        ("time,a\n" + "1,2,3\n" * 10, "line 2: 3 cells, but 2 columns"),
        ('time,a\n1,"' + "\n" * 1000, "unexpected end of data"),
        ("time," + ",".join(f"t{n}" for n in range(5_000)) + "\n1\n", "5001 columns"),
    ],
)
def test_a_hostile_file_is_refused(csv, text, sentence) -> None:
    with pytest.raises(BadRecording, match=sentence):
        read_csv(csv(text))


def test_a_file_without_end_is_refused_before_it_is_read_through() -> None:
    with pytest.raises(BadRecording, match="more than 200,000,000 bytes"):
        read_csv(Path("/dev/zero"))


def test_a_formula_is_a_text_like_any_other(csv) -> None:
    (read,) = read_csv(csv("time,a\n1,=cmd|' /C calc'!A0\n"))
    assert read.value == "=cmd|' /C calc'!A0"
