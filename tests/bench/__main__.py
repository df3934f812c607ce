"""Run a bench: ``python -m tests.bench NAME``; without a name, list them."""

import sys
from importlib import import_module
from pathlib import Path

_NOT_BENCHES = {"__init__", "__main__", "harness"}


def benches() -> list[str]:
    """The names of the benches, as their modules are called."""
    names = {path.stem for path in Path(__file__).parent.glob("*.py")}
    return sorted(names - _NOT_BENCHES)


def main(arguments: list[str]) -> int:
    """The exit code: 0, or 2 if there is no such bench."""
    match arguments:
        case []:
            print("\n".join(benches()))
            return 0
        case [name] if name in benches():
            import_module(f"tests.bench.{name}").main()
            return 0
        case _:
            known = ", ".join(benches()) or "none"
            print(
                f"there is no bench {' '.join(arguments)!r}: name one of {known}",
                file=sys.stderr,
            )
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
