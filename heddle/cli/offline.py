"""What can be said of a workflow file without any stack: its verdict, its picture.

Nothing here imports an event loop or the WAMP client, so that a check costs little.
Bad input gives a finding or a sentence, never a traceback.
"""

import json
import sys
from collections.abc import Iterator
from typing import BinaryIO, cast

import click
import msgspec

from heddle.cli.ending import FAILED, MISUSED, fail
from heddle.cli.findings import finding_line, printable, verdict_json
from heddle.workflow import soundness
from heddle.workflow.definition import Workflow
from heddle.workflow.documents import read_document
from heddle.workflow.draw import draw as drawn
from heddle.workflow.findings import Mode, WorkflowInvalid
from heddle.workflow.parse import MAX_BYTES, parse
from heddle.workflow.schema import workflow_schema
from heddle.workflow.soundness import Verdict
from heddle.workflow.variables import bind

STDIN = "-"

file_argument = click.argument("file", metavar="FILE")


@click.command()
@file_argument
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.STRICT.value,
    show_default=True,
    help="strict: rules and soundness; compat: the upstream library's verdict.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option(
    "--jsonl",
    "by_line",
    is_flag=True,
    help="Read one workflow a line and print one JSON verdict a line; exit code 0.",
)
def check(file: str, mode: str, as_json: bool, by_line: bool) -> None:
    """Say whether a workflow FILE (- for standard input) is valid, and why not.

    Exit code 0: valid, 1: invalid, 2: the file cannot be read.
    """
    if by_line:
        _check_lines(file, Mode(mode))
        return
    verdict = judge(read_file(file), Mode(mode))
    if as_json:
        told = verdict_json(verdict, tell_unproved=True)
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        _tell(file, verdict, Mode(mode))
    if not verdict.valid:
        raise SystemExit(FAILED)


@click.command()
@file_argument
def draw(file: str) -> None:
    """Draw a workflow FILE (- for standard input) as Mermaid text."""
    click.echo(drawn(read_workflow(file)), nl=False)


@click.command()
def schema() -> None:
    """The JSON Schema of workflow files, for editors and other tools."""
    click.echo(schema_text(), nl=False)


def schema_text() -> str:
    """The published schema."""
    return json.dumps(workflow_schema(), ensure_ascii=False, indent=2) + "\n"


def judge(raw: bytes, mode: Mode) -> Verdict:
    """The verdict on any bytes."""
    try:
        document = read_document(raw)
    except WorkflowInvalid as invalid:
        return Verdict(invalid.findings)
    return soundness.check(document, mode)


def read_file(file: str) -> bytes:
    """A file's first ``MAX_BYTES`` and one more, or the end of the program."""
    with _opened(file) as stream:
        return _read(file, stream)


def read_workflow(file: str) -> Workflow:
    """A file's workflow, its variables having their defaults.

    One that cannot be run ends the program with the reasons.
    """
    try:
        return parse(bind(read_document(read_file(file)), {}))
    except WorkflowInvalid as invalid:
        for finding in invalid.findings:
            click.echo(f"  {finding_line(finding)}", err=True)
        fail(f"{_named(file)} is no workflow that could be run", FAILED)


def _check_lines(file: str, mode: Mode) -> None:
    """A line's verdict is out before the next line is read."""
    out = sys.stdout.buffer
    with _opened(file) as stream:
        for line in _lines(file, stream):
            verdict = judge(line, mode)
            told = verdict_json(verdict, tell_unproved=False)
            out.write(msgspec.json.encode(told) + b"\n")
            out.flush()


def _lines(file: str, stream: BinaryIO) -> Iterator[bytes]:
    """Lines; of one that is too long only as much as shows that it is."""
    while line := _read(file, stream, line=True):
        rest = line
        while not rest.endswith(b"\n") and len(rest) > MAX_BYTES:
            rest = _read(file, stream, line=True)
        yield line.removesuffix(b"\n")


def _opened(file: str) -> BinaryIO:
    try:
        return cast(BinaryIO, click.open_file(file, "rb"))
    except OSError as error:
        fail(f"{file}: {error.strerror}", MISUSED)


def _read(file: str, stream: BinaryIO, *, line: bool = False) -> bytes:
    try:
        return stream.readline(MAX_BYTES + 2) if line else stream.read(MAX_BYTES + 1)
    except OSError as error:
        fail(f"{file}: {error.strerror}", MISUSED)


def _named(file: str) -> str:
    return "standard input" if file == STDIN else file


def _tell(file: str, verdict: Verdict, mode: Mode) -> None:
    """A verdict for people: a line of its own for every finding and every doubt."""
    if verdict.valid:
        click.echo(f"{_named(file)}: valid ({mode})")
        if mode is Mode.COMPAT:
            click.echo("  form and rules only; --mode strict proves what runs will do")
        elif not verdict.unproved:
            click.echo(f"  proved: {'; '.join(soundness.CLAIMS)}")
    else:
        found = len(verdict.findings)
        noun = "finding" if found == 1 else "findings"
        click.echo(f"{_named(file)}: invalid ({mode}), {found} {noun}")
    for finding in verdict.findings:
        click.echo(f"  {finding_line(finding)}")
    for doubt in verdict.unproved:
        click.echo(f"  not proved: {printable(doubt)}")
