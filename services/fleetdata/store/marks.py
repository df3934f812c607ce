"""Marks: which cells of the roll-ups a transaction makes outdated.

For a group whose samples are of the same minutes it is one row; else one for the
minutes of each batch. Written before the samples (whoever locks ``dirty`` then finds
no writer half way) and committed with them.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from services.fleetdata.planning import HOUR_US, MINUTE_US, Range, whole
from services.fleetdata.store.copying import Int4s, Rows
from services.fleetdata.store.instants import at_us

_SAME_MINUTES_US = 3 * MINUTE_US


def mark_dirty(connection: Connection, batches: Sequence[Rows], together: Rows) -> None:
    """Mark what samples change, in the caller's transaction.

    ``together`` are the rows of all ``batches``, of which there is at least one.
    """
    span = _span(together)
    alike = span[1] - span[0] <= _SAME_MINUTES_US
    for rows in (together,) if alike else batches:
        tag_ids = Int4s(np.unique(rows.tag_id))
        for since, until in _ranges(rows):
            connection.execute(
                """
                insert into dirty (grain, since, until, tag_ids)
                values ('minute', %(since)s, %(until)s, %(tag_ids)s)
                """,
                {"since": at_us(since), "until": at_us(until), "tag_ids": tag_ids},
            )


def _span(rows: Rows) -> Range:
    return whole(int(rows.at.min()), int(rows.at.max()) + 1, MINUTE_US)


def _ranges(rows: Rows) -> Iterator[Range]:
    """The minutes the samples are of; the hours, where they are far apart."""
    span = _span(rows)
    if span[1] - span[0] <= HOUR_US:
        yield span
        return
    hours: NDArray[np.int64] = np.unique(rows.at // HOUR_US)
    for run in np.split(hours, np.flatnonzero(np.diff(hours) > 1) + 1):
        yield int(run[0]) * HOUR_US, (int(run[-1]) + 1) * HOUR_US
