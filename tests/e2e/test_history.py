"""Stored values on the command line: newest, watched, as history and in files."""

import csv
import json
from pathlib import Path

from tests.support.stack import RunningStack, eventually


def stored(stack: RunningStack) -> None:
    def plenty() -> bool:
        found = stack.ask("telemetry", "history", "--tag", "temperature")
        return len(found["series"][0]["at_ms"]) > 20

    eventually(plenty, "twenty samples of the temperature")


def test_the_latest_values_are_told_and_watched(stack: RunningStack) -> None:
    stored(stack)
    (value,) = stack.ask("telemetry", "latest", "--tag", "temperature")["values"]
    assert (value["tag"], value["type"]) == ("temperature", "float")
    watched = stack.cli(
        *("telemetry", "watch", "--tag", "temperature", "--count", "2", "--json")
    )
    first, second = map(json.loads, watched.out.splitlines())
    assert value["at_ms"] <= first["at_ms"] < second["at_ms"]
    told = stack.cli("telemetry", "history", "--from", "-2h", "--bucket", "10s")
    assert told.out.startswith("TAG")


def test_history_is_exported_whole_into_a_file(
    stack: RunningStack, tmp_path: Path
) -> None:
    stored(stack)
    file = tmp_path / "history.csv"
    done = stack.cli("telemetry", "export", "--from", "-1h", "-o", str(file))
    assert (done.code, done.out) == (0, "")
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert f"{len(rows):,} rows in {file}" in done.err
    of_temperature = [row["at"] for row in rows if row["tag"] == "temperature"]
    assert len(of_temperature) > 20
    assert of_temperature == sorted(of_temperature)
    assert {row["quality"] for row in rows} <= {"good", "uncertain", "bad"}
    assert [each.name for each in tmp_path.iterdir()] == ["history.csv"]


def test_buckets_are_exported_to_standard_output(stack: RunningStack) -> None:
    stored(stack)
    told = stack.cli("telemetry", "export", "--bucket", "1m", "--tag", "temperature")
    lines = told.out.splitlines()
    assert lines[0].startswith("device,tag,unit,type,at,mean,")
    assert sum(int(row["count"]) for row in csv.DictReader(lines)) > 20
    refused = stack.cli("telemetry", "export", "--format", "parquet")
    assert (refused.code, "name a file" in refused.err) == (2, True)
