"""The page's tests replay what the engine tells today."""

import json

from tests.support.page_runs import ROOT, runs

ANEW = "python -m tests.support.page_runs > services/web/tests/runs.json"


def test_the_page_replays_runs_of_this_engine() -> None:
    kept = json.loads((ROOT / "services/web/tests/runs.json").read_text())
    assert kept == json.loads(json.dumps(runs())), f"write it anew: {ANEW}"
