"""The command line without a stack: its reference, its addresses, its sentences."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from heddle.cli.__main__ import main
from heddle.cli.connect import NotSignedIn, find_target, router_address
from heddle.cli.flows_edit import BadFlowFile, read_definition
from heddle.cli.reference import cli_page
from heddle.local.folder import Folder, FolderInUse, NoStack, StackFile

ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_current() -> None:
    remedy = "run `python -m heddle.cli.reference docs/reference/cli.md`"
    assert (ROOT / "docs/reference/cli.md").read_text() == cli_page(), remedy


@pytest.mark.parametrize(
    ("page", "router"),
    [
        ("http://box:8080", "ws://box:8080/ws"),
        ("https://box/", "wss://box/ws"),
        ("box:8080", "ws://box:8080/ws"),
        ("ws://box:9/ws", "ws://box:9/ws"),
    ],
)
def test_a_pages_address_tells_the_routers(page, router) -> None:
    assert router_address(page) == router


def test_without_any_stack_the_ways_out_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(NotSignedIn, match="heddle up"):
        find_target(None)
    with pytest.raises(NoStack, match="heddle up --data"):
        find_target(tmp_path / "nowhere")


def test_a_folder_is_prepared_once_and_keeps_its_keys(tmp_path) -> None:
    folder = Folder(tmp_path / "d")
    folder.prepare()
    before = {
        file: file.read_bytes() for file in folder.root.rglob("*") if file.is_file()
    }
    folder.prepare()
    assert before == {
        file: file.read_bytes() for file in folder.root.rglob("*") if file.is_file()
    }
    for secret in (*folder.keys.iterdir(), *folder.secrets.iterdir()):
        assert secret.stat().st_mode & 0o077 == 0


def test_two_stacks_do_not_share_a_folder(tmp_path) -> None:
    one, two = Folder(tmp_path), Folder(tmp_path)
    one.prepare()
    one.lock()
    stack = StackFile(pid=7, page="http://127.0.0.1:1/", router="ws://x", project="p")
    one.write_stack(stack)
    with pytest.raises(FolderInUse, match="process 7"):
        two.lock()


@pytest.mark.parametrize(
    ("text", "named"),
    [("{", "line 1, column 2"), ("[]", "no JSON object"), (None, "No such file")],
)
def test_a_bad_workflow_file_is_named(tmp_path, text, named) -> None:
    file = tmp_path / "f.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadFlowFile, match=named) as told:
        read_definition(file)
    assert str(file) in str(told.value)


def test_wrong_use_ends_with_2() -> None:
    answer = CliRunner().invoke(main, ["telemetry", "tail", "--count", "0"])
    assert answer.exit_code == 2
    assert "--count" in answer.output
