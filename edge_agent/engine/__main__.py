"""``heddle-engine DIR`` runs a flow's engine; ``heddle-engine health DIR`` asks it.

Exit codes: 0 ended as told (or healthy), 1 broke (or not healthy), 2 cannot be started.
"""

import argparse
import math
import os
import socket
import sys
from pathlib import Path

HEALTH_WITHIN_S = 3.0


def main() -> None:
    """The console script."""
    if sys.argv[1:2] == ["health"]:
        sys.exit(_health(sys.argv[2:]))
    parser = argparse.ArgumentParser(
        prog="heddle-engine", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("directory", type=Path, help="holds flow.json and the journal")
    parser.add_argument(
        "--exit-with-parent",
        action="store_true",
        help="end when standard input, a pipe, is closed",
    )
    parser.add_argument(
        "--time-scale",
        type=_positive,
        default=1.0,
        help="divide every duration of the workflow by this (default 1)",
    )
    given = parser.parse_args()
    _leave_out_tls()
    from edge_agent.engine.process import serve  # noqa: PLC0415 -- health stays light

    sys.exit(
        serve(
            given.directory,
            time_scale=given.time_scale,
            exit_with_parent=given.exit_with_parent,
        )
    )


def _leave_out_tls() -> None:
    """Twisted and asyncio load TLS where it is there: 15 MB no engine has a use for."""
    for module in ("OpenSSL", "service_identity", "ssl"):
        sys.modules[module] = None  # type: ignore[assignment]


def _positive(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def _health(rest: list[str]) -> int:
    """Whether the engine of a directory answers."""
    if len(rest) != 1:
        print("usage: heddle-engine health DIR", file=sys.stderr)  # noqa: T201
        return 2
    try:
        os.chdir(rest[0])
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(HEALTH_WITHIN_S)
            link.connect("health.sock")
            return 0 if link.recv(3) == b"ok\n" else 1
    except OSError as error:
        print(  # noqa: T201
            f"heddle-engine: the engine in {rest[0]} does not answer: {error}",
            file=sys.stderr,
        )
        return 1


if __name__ == "__main__":
    main()
