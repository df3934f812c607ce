"""Series as files: typed columns, and the same rows in every format."""

import csv
import io
import sys
from dataclasses import replace

import click
import pytest

from heddle.cli.moments import when_ms
from heddle.cli.tables import NeedsPyarrow, open_sheet
from heddle.cli.watch import Board
from heddle.contract.devices import TagType
from heddle.contract.history import Series
from heddle.tag_values import TagValue

AT_MS = 1_790_000_000_123

NUMBERS = Series(
    tag="temp", unit="K", at_ms=(AT_MS, AT_MS + 1), mean=(20.5, None), quality=(0, 2)
)
WHOLE = Series(
    tag="n", unit="", type=TagType.INTEGER, at_ms=(AT_MS,), mean=(7.0,), quality=(0,)
)
SWITCH = Series(
    tag="on", unit="", type=TagType.BOOLEAN, at_ms=(AT_MS,), mean=(1.0,), quality=(1,)
)
TEXT = Series(
    tag="step",
    unit="",
    type=TagType.TEXT,
    at_ms=(AT_MS,),
    mean=(),
    text=('a "b", c\n',),
    quality=(0,),
)
BUCKETS = Series(
    tag="temp",
    unit="K",
    at_ms=(AT_MS,),
    mean=(2.0,),
    low=(1.0,),
    high=(3.0,),
    first=(1.0,),
    last=(3.0,),
    count=(2,),
)
EMPTY = Series(tag="gone", unit="", at_ms=(), mean=())


def written(kind: str, *series: Series, in_buckets: bool = False) -> bytes:
    file = io.BytesIO()
    with open_sheet(kind, file, "press_7", in_buckets) as sheet:
        for one in series:
            sheet.write(one)
        told = file.getvalue() if kind == "csv" else b""
    return told or file.getvalue()


def test_csv_is_typed_and_quoted() -> None:
    text = written("csv", NUMBERS, EMPTY, WHOLE, SWITCH, TEXT).decode()
    at = "2026-09-21T14:13:20.123Z"
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["device", "tag", "unit", "type", "at", "value", "text", "quality"],
        ["press_7", "temp", "K", "float", at, "20.5", "", "good"],
        ["press_7", "temp", "K", "float", at.replace("123", "124"), "", "", "bad"],
        ["press_7", "n", "", "integer", at, "7", "", "good"],
        ["press_7", "on", "", "boolean", at, "true", "", "uncertain"],
        ["press_7", "step", "", "text", at, "", 'a "b", c\n', "good"],
    ]


def test_csv_of_buckets() -> None:
    lines = written("csv", BUCKETS, in_buckets=True).decode().split("\r\n")
    assert lines[0].endswith(",at,mean,low,high,first,last,text,count")
    assert lines[1].endswith("Z,2.0,1.0,3.0,1.0,3.0,,2")


class Uncloseable(io.BytesIO):
    """Stays readable after pyarrow has closed it."""

    def close(self) -> None:
        """Stay open."""


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_arrow_and_parquet_hold_the_same_rows(kind: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    file = Uncloseable()
    with open_sheet(kind, file, "press_7", in_buckets=False) as sheet:
        for one in (NUMBERS, EMPTY, SWITCH, TEXT):
            sheet.write(one)
    file.seek(0)
    table = (
        pa.ipc.open_stream(file).read_all()
        if kind == "arrow"
        else parquet.read_table(file)
    )
    assert table.column("value").to_pylist() == [20.5, None, 1.0, None]
    assert table.column("text").to_pylist() == [None, None, None, 'a "b", c\n']
    assert table.column("quality").to_pylist() == [0, 2, 1, 0]
    assert str(table.schema.field("at").type) == "timestamp[ms, tz=UTC]"
    assert table.column("at").cast("int64").to_pylist()[1] == AT_MS + 1
    assert table.column("tag").to_pylist() == ["temp", "temp", "on", "step"]


def test_without_pyarrow_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NeedsPyarrow, match=r"pip install 'heddle\[export\]'"):
        written("parquet", NUMBERS)


def test_moments_are_absolute_or_so_long_ago() -> None:
    now = when_ms(None, None, "now")
    assert 0 <= now - 7_200_000 - when_ms(None, None, "-2h") + 1000 <= 2000
    assert when_ms(None, None, "2026-11-22") == 1_795_305_600_000
    for bad in ("-", "-2x", "yesterday"):
        with pytest.raises(click.BadParameter):
            when_ms(None, None, bad)


def value(tag: str, at_ms: int, value: float) -> TagValue:
    return TagValue(tag=tag, unit="", at_ms=at_ms, value=value, quality=0)


def test_a_board_keeps_the_newest_whichever_comes_first() -> None:
    board = Board()
    live = value("temp", 2000, 2.0)
    assert board.take([live]) == [live]
    stored = [value("temp", 1000, 1.0), value("ph", 500, 7.0)]
    assert board.take(stored) == [stored[1]]
    assert board.values == [stored[1], live]
    assert board.take([live]) == []
    assert board.take([value("temp", 2000, 3.0)]) == [value("temp", 2000, 3.0)]


def test_a_board_of_some_tags_takes_no_others() -> None:
    assert Board(["ph"]).take([value("temp", 1, 1.0), value("ph", 1, 7.0)]) == [
        value("ph", 1, 7.0)
    ]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_a_formula_in_a_spreadsheet(sign: str) -> None:
    hostile = replace(TEXT, tag=f"{sign}tag", unit=f"{sign}unit", text=(f"{sign}x",))
    (row,) = csv.DictReader(io.StringIO(written("csv", hostile).decode(), newline=""))
    assert [row[name] for name in ("tag", "unit", "text")] == [
        f"'{sign}tag",
        f"'{sign}unit",
        f"'{sign}x",
    ]


def test_a_negative_number_stays_one() -> None:
    cold = replace(NUMBERS, mean=(-20.5, None))
    first, _ = csv.DictReader(io.StringIO(written("csv", cold).decode(), newline=""))
    assert float(first["value"]) == -20.5
