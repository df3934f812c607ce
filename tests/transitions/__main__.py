"""``python -m tests.transitions``: the table of transitions, and what covers ``step``.

Prints the table the page about the engine should have, then runs the unit tests of
workflows under ``coverage`` and reports every branch of ``step``. The exit code is 1 if
the page has another table, or if a line or a branch was not taken.
"""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.unit.workflow.transitions import PAGE, documented, markdown, walked

ROOT = Path(__file__).parents[2]
STEP = ("engine", "turn", "refusal", "run", "inputs", "effects")
CONFIG = """
[run]
branch = true
include = {include}
[report]
show_missing = true
precision = 1
fail_under = 100
# What mypy has shown to be unreachable.
exclude_also =
    case (_|element):\\s+assert_never
"""


def main() -> int:
    """The exit code."""
    table = markdown(walked())
    print(table)
    differs = table != documented(PAGE.read_text())
    if differs:
        print(f"transitions: {PAGE} has another table", file=sys.stderr)
    if find_spec("coverage") is None:
        print("transitions: pip install coverage to see branches", file=sys.stderr)
        return 1
    return 1 if _covered() or differs else 0


def _covered() -> int:
    """Run the tests and report; not 0 if they fail or leave something out."""
    files = ",".join(f"heddle/workflow/{name}.py" for name in STEP)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "coveragerc"
        config.write_text(CONFIG.format(include=files))
        given = [f"--rcfile={config}", f"--data-file={folder}/data"]
        cover = [sys.executable, "-m", "coverage"]
        tests = ["-m", "pytest", "-q", "tests/unit/workflow"]
        ran = subprocess.run([*cover, "run", *given, *tests], cwd=ROOT, check=False)
        told = subprocess.run([*cover, "report", *given], cwd=ROOT, check=False)
    return ran.returncode or told.returncode


if __name__ == "__main__":
    sys.exit(main())
