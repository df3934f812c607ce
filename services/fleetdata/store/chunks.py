"""TimescaleDB's chunks: as long as their index fits into memory, packed where allowed.

A chunk takes in rows at random places of its index, so that is to fit a quarter of
``shared_buffers``. It is measured at the chunks of the last day; a chunk lasts between
an hour and a day, for retention goes by days. Native partitions always last a day.

Columnstore compression needs the Timescale licence, which Debian's build and the
``-oss`` images do not have. There nothing is done.
"""

from datetime import datetime, timedelta

from psycopg import Connection, sql

from services.fleetdata.store.care import TABLES
from services.fleetdata.store.links import Link

HOURS = (1, 3, 6, 12, 24)  # a chunk may last
SHARE_OF_MEMORY = 4


def fitting_hours(index_bytes_a_day: float, memory_bytes: int) -> int:
    """How long a chunk shall last."""
    room = memory_bytes / SHARE_OF_MEMORY
    return max((h for h in HOURS if index_bytes_a_day * h / 24 <= room), default=1)


def fit_chunks(link: Link) -> dict[str, int]:
    """Have chunks to come last as long as fits; the hours of those that changed."""
    changed: dict[str, int] = {}
    if link.partitioned:
        return changed
    for table in TABLES:
        found = link.connection.execute(_MEASURE, {"table": table}).fetchone()
        if found is None:
            continue
        index_bytes, since, lasts, memory_bytes, now = found
        hours = fitting_hours(_a_day(index_bytes, since, now), memory_bytes)
        if lasts != timedelta(hours=hours):
            link.connection.execute(
                "select set_chunk_time_interval(%s::regclass, %s::interval)",
                [table, timedelta(hours=hours)],
            )
            changed[table] = hours
    return changed


def pack_a_chunk(link: Link, older_than: datetime) -> bool | None:
    """Compress a chunk that ended before; None without TimescaleDB or the licence."""
    if link.partitioned:
        return None
    connection = link.connection
    (licence,) = connection.execute("show timescaledb.license").fetchone() or ("",)
    if licence != "timescale":
        return None
    return any(_pack_one(connection, table, older_than) for table in TABLES)


def _pack_one(connection: Connection, table: str, older_than: datetime) -> bool:
    (enabled,) = connection.execute(
        """
        select compression_enabled from timescaledb_information.hypertables
         where hypertable_name = %s
        """,
        [table],
    ).fetchone() or (False,)
    if not enabled:
        connection.execute(
            sql.SQL(
                "alter table {} set (timescaledb.compress,"
                " timescaledb.compress_segmentby = 'tag_id',"
                " timescaledb.compress_orderby = 'at')"
            ).format(sql.Identifier(table))
        )
    packed = connection.execute(
        """
        select compress_chunk(format('%%I.%%I', chunk_schema, chunk_name)::regclass)
          from timescaledb_information.chunks
         where hypertable_name = %s and range_end <= %s and not is_compressed
         order by range_end
         limit 1
        """,
        [table, older_than],
    )
    return packed.rowcount == 1


def _a_day(index_bytes: int | None, since: datetime | None, now: datetime) -> float:
    if not index_bytes or since is None:
        return 0.0
    lasted = max(now - since, timedelta(hours=1))
    return index_bytes * (timedelta(days=1) / lasted)


_MEASURE = """
    select c.bytes, c.since, d.time_interval,
           pg_size_bytes(current_setting('shared_buffers')), now()
      from timescaledb_information.dimensions d
     cross join (
           select sum(pg_indexes_size(
                      format('%%I.%%I', chunk_schema, chunk_name)::regclass
                  ))::bigint as bytes,
                  min(range_start) as since
             from timescaledb_information.chunks
            where hypertable_name = %(table)s
              and range_end > now() - interval '1 day' and range_start <= now()
           ) as c
     where d.hypertable_name = %(table)s and d.column_name = 'at'
    """
