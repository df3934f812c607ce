"""What questions of every kind have in common: ranges of time, and being too slow."""

from heddle.contract.declare import InvalidRequest, StorageUnavailable

LAST_MS = 253_402_300_800_000  # the end of the year 9999


def check_range(from_ms: int, to_ms: int) -> None:
    """Raises ``InvalidRequest`` unless it is one, unix milliseconds from and before."""
    if not 0 <= from_ms < to_ms <= LAST_MS:
        raise InvalidRequest(
            f"the range [{from_ms}, {to_ms}) is empty or out of bounds: "
            "give unix milliseconds, from_ms before to_ms"
        )


def slow() -> StorageUnavailable:
    """What is said to whom the database kept waiting."""
    return StorageUnavailable("the database takes too long to answer: try again")
