"""The command line as a document, made from the commands themselves.

Rewrite it with ``python -m heddle.cli.reference docs/reference/cli.md``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from heddle.cli.__main__ import main

_HEAD = """# Command line

<!-- Made by `python -m heddle.cli.reference docs/reference/cli.md`; do not edit. -->

Exit codes: 0 done, 1 refused or failed, 2 used wrongly or misconfigured, 3 not
connected or not signed in, 130 interrupted. An error is one sentence on standard error.
"""


def _commands(
    command: click.Command, context: click.Context
) -> Iterator[tuple[str, str]]:
    if not isinstance(command, click.Group):
        yield context.command_path, command.get_help(context)
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is not None:
            yield from _commands(
                below, click.Context(below, info_name=name, parent=context)
            )


def cli_page() -> str:
    """The reference page in Markdown."""
    settings = {**main.context_settings, "max_content_width": 88}
    top = click.Context(main, info_name="heddle", **settings)
    parts = [_HEAD]
    for path, help_text in _commands(main, top):
        parts.append(f"## {path}\n\n```text\n{help_text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(cli_page())
