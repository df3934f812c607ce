"""How long to wait before the next try: twice as long each time, up to a bound."""

_MOST_DOUBLINGS = 30  # a float overflows at some thousand tries, in a night or two


def backoff_s(first_s: float, failures: int, longest_s: float) -> float:
    """After ``failures`` in a row, 0 for the first wait."""
    return min(first_s * 2.0 ** min(failures, _MOST_DOUBLINGS), longest_s)
