"""``heddle backup`` and ``heddle restore``: a running stack into a stopped one."""

import json
from pathlib import Path

from tests.support.stack import RunningStack, heddle


def test_a_running_stack_is_backed_up_and_restored_elsewhere(
    stack: RunningStack, tmp_path: Path
) -> None:
    backup, elsewhere = tmp_path / "backup", tmp_path / "elsewhere"
    made = stack.cli("backup", str(backup))
    assert made.code == 0, made.err
    assert "heddle_default: the test restore has every row" in made.out
    manifest = json.loads((backup / "manifest.json").read_text())
    assert [each["name"] for each in manifest["databases"]] == [
        "heddle",
        "heddle_default",
    ]
    assert manifest["databases"][1]["tables"]["public.sample"]["rows"] > 0

    restored = heddle("restore", str(backup), "--data", str(elsewhere))
    assert restored.code == 0, restored.err
    again = heddle("restore", str(backup), "--data", str(elsewhere))
    assert again.code == 1
    assert "heddle, heddle_default exist already" in again.err
    copied = heddle("backup", str(tmp_path / "copy"), "--data", str(elsewhere))
    assert copied.code == 0, copied.err
    copy = json.loads((tmp_path / "copy/manifest.json").read_text())
    for one, other in zip(manifest["databases"], copy["databases"], strict=True):
        assert one["tables"] == other["tables"]


def test_a_folder_without_a_database_is_named(tmp_path: Path) -> None:
    answer = heddle("backup", str(tmp_path / "b"), "--data", str(tmp_path / "none"))
    assert answer.code == 1
    assert f"{tmp_path}/none holds no database" in answer.err
