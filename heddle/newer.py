"""What it means that a newer Heddle wrote a store: one sentence, with the way out.

Stores are brought up to date, never back. Who does not know what a newer version made
of its store leaves it alone, rather than to read or write it by guess.
"""

from collections.abc import Iterable

from heddle.contract.declare import LocalError


class NewerStore(LocalError):
    """A newer Heddle wrote this store; it was left as it is."""


def refuse_newer(store: str, applied: Iterable[str], known: Iterable[str]) -> None:
    """See that all migrations ``applied`` to a database are ``known`` to us.

    Raises ``NewerStore``.
    """
    ours = set(known)
    theirs = max((one for one in applied if one not in ours), default=None)
    if theirs is not None:
        raise NewerStore(
            f"{store} was brought to {theirs} by a newer Heddle, this one knows up to "
            f"{max(ours)}: run the newer one again, or restore the backup that was "
            "made before the upgrade"
        )
