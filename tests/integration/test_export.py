"""Export from end to end: router, service and the command, read back value by value."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from math import isnan
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from pyarrow import ipc, parquet
from twisted.internet.threads import deferToThread

from heddle.contract.devices import TagType
from heddle.contract.history import MAX_ROWS_PER_REPLY
from heddle.contract.samples import INGEST, Quality
from heddle.files import write_whole
from heddle.local.folder import ADMIN, Folder, StackFile
from services.fleetdata.columns import MAX_ROWS
from tests.integration.test_fleetdata import Setting, plant
from tests.support.batches import TypedRow, now_s, typed_samples
from tests.support.router import InProcRouter
from tests.support.stack import heddle
from tests.support.storage import storage

__all__ = ["plant", "storage"]

SINCE_S = now_s() - 1000
NUMBERS = MAX_ROWS_PER_REPLY + 5_000  # more than a page
Exported = tuple[str, str, str, int, float | None, str | None, int]


def rows() -> list[TypedRow]:
    """Every type, and every quality, with and without a value."""

    def number(n: int) -> TypedRow:
        bad = n % 1000 == 7
        value = None if bad else n / 7
        quality = Quality.BAD if bad else Quality(n % 2)
        return "temp", TagType.FLOAT, SINCE_S + n / 1000, value, quality

    texts = ("heat", 'say "ü", then\nhold', "", "½ · 東京")
    return [
        *map(number, range(NUMBERS)),
        *(("n", TagType.INTEGER, SINCE_S + n, 2**53 - n, 0) for n in range(50)),
        *(("on", TagType.BOOLEAN, SINCE_S + n, n % 3 == 0, 1) for n in range(50)),
        *(("step", TagType.TEXT, SINCE_S + n, t, 0) for n, t in enumerate(texts)),
        ("recipe", TagType.JSON, SINCE_S, '{"t": [1, null]}', 0),
        ("recipe", TagType.JSON, SINCE_S + 1, None, 2),
    ]


def as_exported(row: TypedRow) -> Exported:
    tag, kind, at_s, value, quality = row
    text = value if isinstance(value, str) else None
    number = None if value is None or text is not None else float(value)
    return tag, "K", kind.value, round(at_s * 1000), number, text, int(quality)


async def told(plant: Setting) -> list[Exported]:
    """What a device has told, as it is to be exported."""
    key = await plant.backend.device(plant.project, "press_7")
    sent = rows()
    async with plant.device(key) as device:
        for first in range(0, len(sent), MAX_ROWS):
            batch = typed_samples(first, sent[first : first + MAX_ROWS], unit="K")
            await device.call(INGEST, batch)
    return sorted(map(as_exported, sent), key=lambda row: (row[0], row[3]))


def reachable(router: InProcRouter, project: str, folder: Path) -> Folder:
    """A folder from which the command finds the router."""
    found = Folder(folder)
    found.keys.mkdir(parents=True)
    write_whole(found.key(ADMIN), router.owner_key.encode().hex().encode(), mode=0o600)
    stack = StackFile(pid=1, page=router.web_url, router=router.ws_url, project=project)
    found.write_stack(stack)
    return found


def read_csv(file: Path) -> Iterator[Exported]:
    numbers = {"true": 1.0, "false": 0.0, "": None}
    for row in csv.DictReader(io.StringIO(file.read_text(), newline="")):
        assert row["device"] == "press_7"
        at_ms = round(datetime.fromisoformat(row["at"]).timestamp() * 1000)
        value = row["value"]
        number = numbers[value] if value in numbers else float(value)
        is_text = row["type"] in ("text", "json")
        text = row["text"] if is_text and row["quality"] != "bad" else None
        quality = int(Quality[row["quality"].upper()])
        yield row["tag"], row["unit"], row["type"], at_ms, number, text, quality


def read_columns(table: Any) -> Iterator[Exported]:
    assert set(table.column("device").to_pylist()) == {"press_7"}
    names = ("tag", "unit", "type", "at", "value", "text", "quality")
    columns = {name: table.column(name) for name in names}
    columns["at"] = columns["at"].cast("int64")
    yield from zip(*(column.to_pylist() for column in columns.values()), strict=True)


def read(file: Path) -> list[Exported]:
    match file.suffix:
        case ".csv":
            return list(read_csv(file))
        case ".arrow":
            return list(read_columns(ipc.open_stream(file).read_all()))
        case _:
            return list(read_columns(parquet.read_table(file)))


def buckets_of(exported: list[Exported]) -> list[tuple[Any, ...]]:
    """Buckets of 10 s of the numbers: start, low, high, first, last, count."""
    good = [
        (row[3] - row[3] % 10_000, row[4])
        for row in exported
        if row[0] == "temp" and row[4] is not None
    ]
    found = []
    for start, of in groupby(good, key=lambda each: each[0]):
        values = [value for _, value in of]
        edges = min(values), max(values), values[0], values[-1]
        found.append((start, *edges, len(values), sum(values) / len(values)))
    return found


@pytest.mark.parametrize("storage", ["embedded"], indirect=True)
@pytest_twisted.ensureDeferred
async def test_every_value_is_exported_in_every_format(
    plant: Setting, tmp_path: Path
) -> None:
    expected = await told(plant)
    folder = reachable(plant.router, plant.project, tmp_path / "data")
    since = datetime.fromtimestamp(SINCE_S).astimezone().isoformat()

    async def exported(file: Path, *options: str) -> Path:
        done = await deferToThread(
            lambda: heddle(
                *("telemetry", "export", "--device", "press_7", "--from", since),
                *("-o", str(file), "--data", str(folder.root), *options),
                within_s=300,
            )
        )
        assert (done.code, done.out) == (0, ""), done.err
        return file

    for kind in ("csv", "arrow", "parquet"):
        found = read(await exported(tmp_path / f"history.{kind}"))
        assert len(found) == len(expected)
        assert sorted(found, key=lambda row: (row[0], row[3])) == expected, kind

    file = await exported(tmp_path / "b.parquet", "--bucket", "10s", "--tag", "temp")
    table = parquet.read_table(file)
    names = ("low", "high", "first", "last", "count", "mean")
    at = table.column("at").cast("int64").to_pylist()
    columns = [table.column(name).to_pylist() for name in names]
    found_buckets = list(zip(at, *columns, strict=True))
    wanted = buckets_of(expected)
    assert [row[:-1] for row in found_buckets] == [row[:-1] for row in wanted]
    for row, want in zip(found_buckets, wanted, strict=True):
        assert not isnan(row[-1])
        assert abs(row[-1] - want[-1]) <= 1e-9 * abs(want[-1])
