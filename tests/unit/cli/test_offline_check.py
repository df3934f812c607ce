"""``heddle flow check``, ``draw`` and ``schema``: verdicts on any bytes at all."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.cli.offline import judge, schema_text
from heddle.workflow.definition import DispatcherKind, GatewayKind
from heddle.workflow.draw import draw
from heddle.workflow.findings import Mode
from heddle.workflow.parse import MAX_BYTES, parse_json
from tests.unit.cli.offline import BIOREACTOR, EXAMPLES, ROOT, flow, told
from tests.unit.workflow.drawing import (
    condition,
    document,
    end,
    flows,
    gateway,
    phase,
    start,
    timer,
)

VALID = BIOREACTOR.read_bytes().replace(b"\n", b"")
DEAD_END = document(
    *(start(), phase("p"), timer("t", "p"), timer("u", "p"), phase("q"), end()),
    flows("start > p", "t > q", "u > end"),
)


def line(element: object) -> bytes:
    return json.dumps(element).encode()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_is_valid_in_both_modes(file, mode) -> None:
    answer = flow("check", file, "--mode", mode)
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.startswith(f"{file}: valid ({mode})\n")


def test_the_examples_show_what_the_language_can() -> None:
    elements = [x for f in EXAMPLES for x in json.loads(f.read_bytes())["elements"]]
    shown = {x.get("type") for x in elements}
    assert shown.issuperset({*DispatcherKind, *GatewayKind})
    assert any(x.get("interrupting") is False for x in elements)


def test_a_valid_workflow_is_told_what_was_proved() -> None:
    answer = flow("check", "-", stdin=VALID)
    assert answer.stdout == (
        "standard input: valid (strict)\n"
        "  proved: every reachable state can still reach END; "
        "no AND gateway starves; no loop turns without time or the outside\n"
    )


def test_a_finding_is_one_line_with_the_way_that_leads_there(tmp_path) -> None:
    file = tmp_path / "flow.json"
    file.write_bytes(line(DEAD_END))
    answer = flow("check", file)
    assert answer.exit_code == 1
    assert answer.stdout == (
        f"{file}: invalid (strict), 1 finding\n"
        "  DEAD_END at q: nothing can end this phase, and nothing else goes on: "
        "start → timer t\n"
    )
    assert flow("check", file, "--mode", "compat").exit_code == 0


def test_the_verdict_as_json() -> None:
    answer = flow("check", "-", "--json", stdin=line(DEAD_END))
    assert answer.exit_code == 1
    assert json.loads(answer.stdout) == {
        "valid": False,
        "findings": [
            {
                "rule": "DEAD_END",
                "element": "q",
                "message": "q: nothing can end this phase, and nothing else goes on",
                "counterexample": [
                    {"input": "start"},
                    {"input": "due", "listener": "t"},
                ],
            }
        ],
        "unproved": [],
    }


def test_what_was_not_proved_is_said() -> None:
    side_by_side = [phase(f"p{n}") for n in range(24)]
    timers = [timer(f"t{n}", f"p{n}") for n in range(24)]
    joined = gateway("join", "AND")
    paths = [f"split > p{n}" for n in range(24)] + [f"t{n} > join" for n in range(24)]
    wide = document(
        *(start(), gateway("split", "OR"), side_by_side, timers, joined, end()),
        flows("start > split", *paths, "join > end"),
    )
    people = flow("check", "-", stdin=line(wide))
    assert people.exit_code == 0
    assert people.stdout.count("  not proved: ") == 3
    assert "  proved:" not in people.stdout
    (verdict,) = told(flow("check", "-", "--jsonl", stdin=line(wide)).stdout)
    assert len(verdict.pop("unproved")) == 3
    assert verdict == {"valid": True, "findings": []}


@pytest.mark.parametrize("file", ["/nowhere/flow.json", "/"])
def test_a_file_that_cannot_be_read_is_misuse(file) -> None:
    for command in (("check",), ("check", "--jsonl"), ("draw",), ("simulate",)):
        answer = flow(*command, file)
        assert (answer.exit_code, answer.stdout) == (2, "")
        assert answer.stderr.startswith(f"heddle: {file}: ")


def test_wrong_options_are_misuse() -> None:
    assert flow("check").exit_code == 2
    assert flow("check", BIOREACTOR, "--mode", "lenient").exit_code == 2


HOSTILE = {
    "empty": b"",
    "not JSON": b"{",
    "two values": b"{}{}",
    "not UTF-8": b'{"id":"\xff"}',
    "UTF-16": '{"id":"a"}'.encode("utf-16"),
    "lone surrogate": b'{"id":"\\ud800"}',
    "raw surrogate": b'{"id":"\xed\xa0\x80"}',
    "NUL": b"\0" * 10,
    "byte order mark": b"\xef\xbb\xbf" + VALID,
    "NaN": b'{"id":"a","version":"1","elements":[NaN]}',
    "infinite": b'{"id":"a","elements":[1e999]}',
    "endless number": b"1" * 10_000,
    "no object": b"[]",
    "text": b'"workflow"',
    "nothing": b"null",
    "no fields": b"{}",
    "carriage return": b"\r",
    "same key twice": b'{"id":"a","id":"b"}' + b" " * 10,
    "same key twice, deep inside": VALID.replace(
        b'"type": "START"', b'"type": "END", "type": "START"'
    ),
}
LARGE = {
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "closed deep list": b"[" * 900 + b"]" * 900,
    "huge": b'"' + b"a" * (MAX_BYTES + 10) + b'"',
    "many elements": b'{"id":"a","elements":[' + b"1," * 20_000 + b"1]}",
}


@pytest.mark.parametrize("mode", Mode)
def test_no_line_is_too_hostile_for_a_verdict(mode) -> None:
    lines = [VALID, *HOSTILE.values(), *LARGE.values(), VALID]
    answer = flow(
        "check", "-", "--jsonl", "--mode", mode, stdin=b"\n".join(lines) + b"\n"
    )
    assert answer.exit_code == 0, answer.exception
    first, *verdicts, last = told(answer.stdout)
    assert first == last == {"valid": True, "findings": []}
    for name, verdict in zip((*HOSTILE, *LARGE), verdicts, strict=True):
        assert list(verdict) == ["valid", "findings"], name
        assert verdict["valid"] is False, name
        rules = {finding["rule"] for finding in verdict["findings"]}
        assert rules & ({"SCHEMA", "TOO_LARGE"} if name in LARGE else {"SCHEMA"}), name
        for finding in verdict["findings"]:
            assert list(finding) == ["rule", "element", "message", "counterexample"]


def test_a_key_that_appears_twice_is_named() -> None:
    verdict = judge(HOSTILE["same key twice, deep inside"], Mode.COMPAT)
    (finding,) = verdict.findings
    assert finding.message == "an object has the key 'type' more than once"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "elements", "elementType", "type", "a"]),
            inner,
            max_size=4,
        )
    ),
)


@settings(deadline=None, max_examples=300)
@given(st.binary() | anything.map(line), st.sampled_from(Mode))
def test_any_bytes_get_a_verdict(raw: bytes, mode: Mode) -> None:
    answer = flow("check", "-", "--jsonl", "--mode", mode, stdin=raw)
    assert answer.exit_code == 0, answer.exception
    assert len(told(answer.stdout)) == len(raw.removesuffix(b"\n").split(b"\n")) * (
        raw != b""
    )


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_mangled_workflow_gets_a_verdict(data: Any) -> None:
    at = data.draw(st.integers(0, len(VALID)))
    cut = data.draw(st.integers(0, 30))
    raw = VALID[:at] + data.draw(st.binary(max_size=8)) + VALID[at + cut :]
    judge(raw, data.draw(st.sampled_from(Mode)))


def test_a_verdict_is_out_before_the_next_line_is_in() -> None:
    command = [sys.executable, "-m", "heddle.cli", "flow", "check", "-", "--jsonl"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for raw, valid in ((VALID, True), (b"{", False), (VALID, True)):
            child.stdin.write(raw + b"\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["valid"] is valid
        child.stdin.close()
        assert child.stdout.read() == b""
        assert child.wait() == 0


def test_an_authors_id_cannot_move_the_terminals_cursor() -> None:
    escape = phase("\x1b[2Jp")
    answer = flow("check", "-", stdin=line(document(start(), escape, end())))
    assert "\x1b" not in answer.stdout
    assert "\\x1b[2Jp" in answer.stdout


def test_a_condition_in_a_counterexample_is_worded() -> None:
    stuck = document(
        *(start(), phase("p"), condition("c", "p"), timer("t", "p"), phase("q"), end()),
        flows("start > p", "c > q", "t > end"),
    )
    answer = flow("check", "-", stdin=line(stuck))
    assert answer.stdout.endswith(": start → condition c holds\n")


def test_drawing_prints_mermaid_and_nothing_else() -> None:
    answer = flow("draw", BIOREACTOR)
    assert answer.exit_code == 0
    assert answer.stdout == draw(parse_json(BIOREACTOR.read_bytes()))


def test_what_cannot_be_run_is_not_drawn_but_explained() -> None:
    answer = flow("draw", "-", stdin=line(document(start(), end())))
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.splitlines()[0].startswith("  NO_PHASES: ")
    assert answer.stderr.endswith("standard input is no workflow that could be run\n")


def test_the_published_schema_is_current() -> None:
    page = (ROOT / "docs/reference/workflow.schema.json").read_text()
    remedy = "run `heddle flow schema > docs/reference/workflow.schema.json`"
    assert page == schema_text() == flow("schema").stdout, remedy


@pytest.mark.parametrize("command", ["check", "draw", "simulate"])
def test_offline_commands_need_no_event_loop(command) -> None:
    script = (
        "import sys\nfrom heddle.cli.__main__ import main\n"
        f"main(['flow', {command!r}, {str(BIOREACTOR)!r}], standalone_mode=False)\n"
        "heavy = {'twisted', 'autobahn', 'rich', 'asyncio'} & sys.modules.keys()\n"
        "sys.exit(f'{heavy} were imported' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
