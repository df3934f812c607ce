"""Keeps autobahn from colouring words for log lines that nobody sees.

It does so for every frame and message, several words each, whatever the log's level:
about a tenth of what a message costs a process.
"""

from autobahn import util


def leave_uncoloured() -> None:
    """Colour nothing from now on."""
    util._HAS_CLICK = False
