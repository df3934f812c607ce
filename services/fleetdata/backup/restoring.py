"""Restores a backup: beside what is there, compared, and only then in its place."""

from pathlib import Path

from services.fleetdata.backup import manifest
from services.fleetdata.backup.manifest import Database, Manifest
from services.fleetdata.backup.programs import BackupFailed, Programs, Tell
from services.fleetdata.backup.proving import compare
from services.fleetdata.store.archive import Cluster
from services.fleetdata.store.provision import database_name


def restore(
    cluster: Cluster,
    programs: Programs,
    folder: Path,
    projects: tuple[str, ...],
    tell: Tell,
    *,
    replace: bool = False,
) -> tuple[str, ...]:
    """Restore a whole backup, or only the projects named.

    Everything is judged before anything is done. Tells the databases kept aside.
    Raises ``NotABackup``, ``BackupFailed`` and ``ArchiveFailed``.
    """
    found = manifest.read(folder)
    chosen = _chosen(found, projects)
    files = {each.name: manifest.check_file(folder, each) for each in chosen}
    _check_server(cluster, programs, found, chosen)
    kept = []
    with cluster.alone():
        targets = {each.name: _target(cluster, found, each) for each in chosen}
        full = [
            name
            for name in targets.values()
            if cluster.exists(name) and not cluster.is_empty(name)
        ]
        if full and not replace:
            raise BackupFailed(
                f"{', '.join(full)} exist{'s' * (len(full) == 1)} already: with "
                "--replace the backup takes the place, and what is there now is kept "
                "under another name"
            )
        for each in chosen:
            target = targets[each.name]
            aside = _one(
                cluster, programs, each, files[each.name], target, tell,
                keep=target in full,
            )  # fmt: skip
            if aside is not None:
                kept.append(aside)
    return tuple(kept)


def _chosen(found: Manifest, projects: tuple[str, ...]) -> list[Database]:
    by_name = {each.name: each for each in found.databases}
    for project in projects:
        if database_name(project) not in by_name:
            raise BackupFailed(
                f"the backup holds no {database_name(project)}; "
                f"it holds {', '.join(by_name)}"
            )
    if projects:
        return [by_name[database_name(project)] for project in projects]
    return list(found.databases)


def _target(cluster: Cluster, found: Manifest, database: Database) -> str:
    """The backend's database may have another name here."""
    return cluster.backend if database.name == found.backend else database.name


def _check_server(
    cluster: Cluster, programs: Programs, found: Manifest, chosen: list[Database]
) -> None:
    version = cluster.version()
    made, here = found.server_version // 10_000, version // 10_000
    if made > here:
        raise BackupFailed(
            f"the backup was made on PostgreSQL {made}, this server is {here}: restore "
            f"it to a server of version {made} or newer"
        )
    programs.fit(version)
    wanted = {each.timescaledb for each in chosen if each.timescaledb is not None}
    if missing := wanted - cluster.timescaledb_versions():
        brings = ", ".join(sorted(cluster.timescaledb_versions())) or "none"
        raise BackupFailed(
            f"the backup needs TimescaleDB {', '.join(sorted(missing))}, this server "
            f"brings {brings}: restore it to a server with that version, and update "
            "the extension there"
        )


def _one(
    cluster: Cluster,
    programs: Programs,
    database: Database,
    file: Path,
    target: str,
    tell: Tell,
    *,
    keep: bool,
) -> str | None:
    with cluster.draft(database.owner, database.timescaledb) as draft:
        tell(f"{target}: restoring {database.rows} rows")
        programs.restore(
            cluster.conninfo(draft), file, lambda w: tell(f"{target}: restoring, {w}")
        )
        cluster.restored(draft)
        tell(f"{target}: comparing")
        compare(database, cluster.contents(draft, lambda _: None))
        aside = cluster.swap_in(draft, target, keep=keep)
    tell(f"{target}: restored, every row compared")
    return aside
