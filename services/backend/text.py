"""Names people give to things: one line, not too long."""

from heddle.contract.declare import InvalidRequest

LONGEST = 200


def check_name(field: str, text: str) -> str:
    """Return ``text`` if it can be shown on one line; else ``InvalidRequest``."""
    if len(text) > LONGEST or not all(c.isprintable() for c in text):
        raise InvalidRequest(
            f"{field} must be one line of at most {LONGEST} printable characters"
        )
    return text
