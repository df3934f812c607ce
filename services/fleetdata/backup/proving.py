"""Whether what was restored is what was backed up."""

from collections.abc import Mapping

from services.fleetdata.backup.manifest import Database
from services.fleetdata.backup.programs import BackupFailed
from services.fleetdata.store.archive import Contents


def compare(wanted: Database, found: Mapping[str, Contents]) -> None:
    """Compare tables, row counts and checksums. Raises ``BackupFailed``."""
    flaws = []
    for table in sorted({*wanted.tables, *found}):
        was, is_ = wanted.tables.get(table), found.get(table)
        if was is None or is_ is None:
            flaws.append(f"{table} is {'new' if was is None else 'missing'}")
        elif was.rows != is_.rows:
            flaws.append(f"{table} has {is_.rows} rows instead of {was.rows}")
        elif was.checksum != is_.checksum:
            flaws.append(f"{table} has other rows")
    if flaws:
        raise BackupFailed(
            f"{wanted.name} came back changed: {'; '.join(flaws)}: keep what you have, "
            "and tell Heddle's makers"
        )
