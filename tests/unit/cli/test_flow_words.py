"""What flow commands read and say, without a stack."""

import json
from pathlib import Path

import click
import pytest

from heddle.cli.flows_edit import (
    TEMPLATES,
    BadFlowFile,
    NotSaved,
    decoded,
    decoded_or_kept,
    from_template,
)
from heddle.cli.flows_list import diff_lines
from heddle.cli.parameters import settings
from heddle.contract.lifecycle import ChangeWord, FlowDiff, PartChange
from heddle.workflow import soundness


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_templates_are_sound_workflows(name: str) -> None:
    made = from_template(name, "mine")
    assert made["id"] == "mine"
    assert soundness.check(json.loads(json.dumps(made))) == soundness.Verdict(())


def test_settings_begin_after_the_first_equals_sign() -> None:
    assert settings(None, None, ("a=1", "b=", "c=x=y", " d =2")) == {
        "a": "1",
        "b": "",
        "c": "x=y",
        "d": "2",
    }
    for wrong in ("a", "=1", ""):
        with pytest.raises(click.BadParameter, match="is not NAME=VALUE"):
            settings(None, None, (wrong,))


def test_an_edited_text_that_is_no_workflow_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert decoded_or_kept('{"id": 1}', "bio") == {"id": 1}
    with pytest.raises(BadFlowFile, match="x holds no JSON object"):
        decoded("[]", "x")
    with pytest.raises(NotSaved) as refused:
        decoded_or_kept('{"id": ', "bio")
    assert str(refused.value) == (
        "the edited text line 1, column 8 is no JSON: Expecting value; what you wrote "
        "is kept in bio.edited.json: mend it, then `heddle flow save bio.edited.json "
        "--flow bio --revise`"
    )
    assert (tmp_path / "bio.edited.json").read_text() == '{"id": '


def test_a_difference_is_told_in_a_line_for_each_field() -> None:
    phase = {"id": "p", "commands": [{"id": "c", "data": {"targets": [1, "x" * 99]}}]}
    after = {"id": "p", "commands": [{"id": "c", "data": {"targets": [2]}}]}
    changes = (
        PartChange(
            what=ChangeWord.CHANGED,
            kind="phase",
            id="p",
            fields=("commands.0.data.targets.0", "commands.0.data.targets.1"),
            before=phase,
            after=after,
        ),
        PartChange(what=ChangeWord.ADDED, kind="link", id="a>b", after={"id": "a>b"}),
        PartChange(what=ChangeWord.REMOVED, kind="variable", id="v", before={}),
        PartChange(
            what=ChangeWord.CHANGED,
            kind="field",
            id="version",
            fields=("version",),
            before="1",
            after="2",
        ),
        PartChange(
            what=ChangeWord.CHANGED,
            kind="field",
            id="elements",
            fields=("order",),
            before=["a", "b"],
            after=["b", "a"],
        ),
    )
    found = FlowDiff(flow="bio", before=1, after=3, changes=changes)
    assert list(diff_lines(found)) == [
        "bio: from version 1 to version 3, 5 changes",
        "~ phase p",
        "    commands.0.data.targets.0: 1 → 2",
        f'    commands.0.data.targets.1: "{"x" * 59}… → -',
        "+ link a>b",
        "- variable v",
        "~ field version",
        '    version: "1" → "2"',
        "~ field elements",
        "    order",
    ]
    nothing = FlowDiff(flow="bio", before=0, after=1, changes=())
    assert list(diff_lines(nothing)) == ["bio: from nothing to version 1, 0 changes"]
