"""What every bench shares: how a figure is told."""

import json


def figure(
    bench: str,
    name: str,
    value: float,
    unit: str,
    ratio: float | None = None,
    against: str | None = None,
) -> None:
    """Print one figure as a line of JSON.

    ``ratio`` is the figure relative to ``against``, measured in the same run: machines
    differ, ratios hardly do.
    """
    line = {
        "bench": bench,
        "figure": name,
        "value": value,
        "unit": unit,
        "ratio": ratio,
        "against": against,
    }
    print(json.dumps(line), flush=True)
