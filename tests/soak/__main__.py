"""Run a soak: ``python -m tests.soak NAME``; without a name, list them.

A soak takes long and may find something: it prints a line of JSON with its figures and
seed, tells on stderr what is not as it should be, and then its exit code is 1.
"""

import sys
from importlib import import_module

SOAKS = ("engine", "ledger", "rollouts")


def main(arguments: list[str]) -> int:
    """The exit code: the soak's own, or 2 if there is no such soak."""
    match arguments:
        case []:
            print("\n".join(SOAKS))
            return 0
        case [name, *rest] if name in SOAKS:
            code: int = import_module(f"tests.soak.{name}").main(rest)
            return code
        case [name, *_]:
            known = ", ".join(SOAKS)
            print(f"there is no soak {name!r}: name one of {known}", file=sys.stderr)
            return 2
        case _:
            raise AssertionError(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
