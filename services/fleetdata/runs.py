"""Answers which runs there were; checked, a page at a time."""

from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.run_records import MAX_RUNS_PER_REPLY, RunRecords, RunsQuery
from services.fleetdata.asking import LAST_MS, check_range, slow
from services.fleetdata.database import Database
from services.fleetdata.store import runs as store
from services.fleetdata.store.links import StoreTooSlow


async def runs(database: Database, query: RunsQuery) -> RunRecords:
    """Runs, the newest first. Raises ``InvalidRequest``."""
    _check(query)
    try:
        found = await database.read(store.runs, query, query.limit + 1)
    except StoreTooSlow:
        raise slow() from None
    page = found[: query.limit]
    return RunRecords(
        runs=tuple(one.record for one in page),
        more=page[-1].id if len(found) > len(page) else None,
    )


def _check(query: RunsQuery) -> None:
    if query.device is not None:
        check_id("device", query.device)
    if query.flow is not None:
        check_id("flow", query.flow)
    from_ms = 0 if query.from_ms is None else query.from_ms
    to_ms = LAST_MS if query.to_ms is None else query.to_ms
    check_range(from_ms, to_ms)
    if not 1 <= query.limit <= MAX_RUNS_PER_REPLY:
        raise InvalidRequest(f"limit is {query.limit}: use 1 to {MAX_RUNS_PER_REPLY}")
    if query.before is not None and not 0 <= query.before < 2**31:
        raise InvalidRequest(f"before is {query.before}: use a page's `more`")
