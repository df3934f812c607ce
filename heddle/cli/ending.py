"""How a command ends when it cannot do what was asked: one sentence and a code."""

import sys
from typing import NoReturn

import click

FAILED, MISUSED, NOT_CONNECTED = 1, 2, 3


def fail(sentence: str, code: int) -> NoReturn:
    """End the program with one sentence on stderr."""
    click.echo(f"heddle: {sentence}", err=True)
    sys.exit(code)
