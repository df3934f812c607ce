"""Samples of a group of batches: gathered, copied in one go, and made current.

Numbers (and booleans) go to ``sample``, text and JSON to ``sample_text``. A series has
an id, made in a transaction of its own when it is first heard of.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from services.fleetdata.batches import SampleBatch, TagKey, is_textual
from services.fleetdata.columns import Columns, newest
from services.fleetdata.store.copying import (
    Float8s,
    Instants,
    Int2s,
    Int4s,
    Rows,
    copy,
    sample_rows,
    text_rows,
)
from services.fleetdata.store.links import Link
from services.fleetdata.store.marks import mark_dirty

TextRow = tuple[int, int, str | None, int]  # tag id, unix microseconds, text, quality


@dataclass(slots=True)
class Gathered:
    """Samples on their way into one transaction."""

    numbers: list[Rows] = field(default_factory=list)
    texts: list[TextRow] = field(default_factory=list)

    def add(self, link: Link, batch: SampleBatch, columns: Columns) -> None:
        """Gather ``columns`` out of a batch."""
        ids = np.array([link.tag_ids[tag] for tag in batch.tags], np.int32)
        textual = np.array([is_textual(tag) for tag in batch.tags], bool)
        if textual.any():
            mask = textual[columns.tag]
            self.texts += _text_rows(batch.texts, ids, columns.where(mask))
            columns = columns.where(~mask)
        if len(columns):
            self.numbers.append(
                Rows(ids[columns.tag], columns.at, columns.value, columns.quality)
            )

    def write(self, connection: Connection) -> None:
        """Copy everything and move the current values forward."""
        if self.numbers:
            rows = _joined(self.numbers)
            mark_dirty(connection, self.numbers, rows)
            copy(connection, "sample", sample_rows(rows))
            _make_current(connection, rows)
        if self.texts:
            copy(connection, "sample_text", b"".join(text_rows(self.texts)))
            _make_texts_current(connection, self.texts)


def learn_tags(link: Link, batches: Iterable[SampleBatch]) -> None:
    """Have an id for every tag."""
    wanted = {tag for batch in batches for tag in batch.tags} - link.tag_ids.keys()
    if not wanted:
        return
    columns = zip(*sorted(wanted), strict=True)
    names = dict(zip(TagKey._fields, map(list, columns), strict=True))
    found = link.connection.execute(_FIND_TAGS, names).fetchall()
    if len(found) < len(wanted):
        link.connection.execute(_MAKE_TAGS, names)
        found = link.connection.execute(_FIND_TAGS, names).fetchall()
    link.tag_ids |= {TagKey(*key): id_ for *key, id_ in found}


_FIND_TAGS = """
    select t.device, t.tag, t.unit, t.type, t.id from tag t join
           unnest(%(device)s::text[], %(tag)s::text[], %(unit)s::text[],
                  %(type)s::text[])
           as wanted (device, tag, unit, type) using (device, tag, unit, type)
    """
_MAKE_TAGS = """
    insert into tag (device, tag, unit, type)
    select * from unnest(%(device)s::text[], %(tag)s::text[], %(unit)s::text[],
                         %(type)s::text[])
    on conflict do nothing
    """


def _text_rows(
    texts: Sequence[str], ids: NDArray[np.int32], columns: Columns
) -> list[TextRow]:
    return [
        (tag_id, at, None if value != value else texts[int(value)], quality)  # noqa: PLR0124 -- NaN: no value
        for tag_id, at, value, quality in zip(
            ids[columns.tag].tolist(),
            columns.at.tolist(),
            columns.value.tolist(),
            columns.quality.tolist(),
            strict=True,
        )
    ]


def _joined(parts: Sequence[Rows]) -> Rows:
    return Rows(
        np.concatenate([part.tag_id for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.quality for part in parts]),
    )


def _make_current(connection: Connection, rows: Rows) -> None:
    """Current values only ever move forward in time.

    In the order of their ids, which all writers keep: no deadlock.
    """
    last = newest(rows.tag_id, rows.at)
    connection.execute(
        """
        insert into current_value as c (tag_id, at, value, quality)
        select n.tag_id, n.at, nullif(n.value, 'NaN'), n.quality
          from unnest(%(tag_id)s, %(at)s, %(value)s, %(quality)s)
               as n (tag_id, at, value, quality)
        on conflict (tag_id) do update
           set at = excluded.at, value = excluded.value, quality = excluded.quality
         where excluded.at >= c.at
        """,
        {
            "tag_id": Int4s(rows.tag_id[last]),
            "at": Instants(rows.at[last]),
            "value": Float8s(rows.value[last]),
            "quality": Int2s(rows.quality[last]),
        },
    )


def _make_texts_current(connection: Connection, rows: Sequence[TextRow]) -> None:
    tag_id = np.array([row[0] for row in rows], np.int32)
    at = np.array([row[1] for row in rows], np.int64)
    last = newest(tag_id, at)
    connection.execute(
        """
        insert into current_value as c (tag_id, at, text, quality)
        select * from unnest(%(tag_id)s, %(at)s, %(text)s::text[], %(quality)s)
        on conflict (tag_id) do update
           set at = excluded.at, text = excluded.text, quality = excluded.quality
         where excluded.at >= c.at
        """,
        {
            "tag_id": Int4s(tag_id[last]),
            "at": Instants(at[last]),
            "text": [rows[i][2] for i in last],
            "quality": Int2s(np.array([rows[i][3] for i in last])),
        },
    )
