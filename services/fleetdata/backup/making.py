"""Makes a backup: each database at one instant, and proves it by a test restore.

The folder appears under its name only when all is done and proven.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from heddle import __version__
from services.fleetdata.backup import manifest
from services.fleetdata.backup.manifest import Database, Manifest
from services.fleetdata.backup.programs import BackupFailed, Programs, Tell, size_of
from services.fleetdata.backup.proving import compare
from services.fleetdata.store.archive import Cluster
from services.fleetdata.store.provision import database_name


def back_up(
    cluster: Cluster,
    programs: Programs,
    folder: Path,
    projects: tuple[str, ...],
    tell: Tell,
    *,
    verify: bool = True,
) -> Manifest:
    """Back up the backend's database and the projects', all if none is named.

    Raises ``BackupFailed`` and ``ArchiveFailed``; nothing is left behind then.
    """
    version = cluster.version()
    programs.fit(version)
    names = _names(cluster, projects)
    with _new_folder(folder) as draft, cluster.alone():
        found = Manifest(
            format=manifest.FORMAT,
            heddle=__version__,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            server_version=version,
            backend=cluster.backend,
            databases=tuple(
                _one(cluster, programs, draft, name, tell) for name in names
            ),
        )
        if verify:
            for database in found.databases:
                _prove(cluster, programs, draft, database, tell)
        manifest.write(draft, found)
    return found


def prove(cluster: Cluster, programs: Programs, folder: Path, tell: Tell) -> None:
    """Prove a backup that was made without, by a test restore on the same server.

    Raises ``NotABackup``, ``BackupFailed`` and ``ArchiveFailed``.
    """
    programs.fit(cluster.version())
    with cluster.alone():
        for database in manifest.read(folder).databases:
            _prove(cluster, programs, folder, database, tell)


def _names(cluster: Cluster, projects: tuple[str, ...]) -> list[str]:
    known = cluster.projects()
    for project in projects:
        if database_name(project) not in known:
            raise BackupFailed(
                f"project {project!r} has no database {database_name(project)} on this "
                f"server; there are {', '.join(known) or 'none'}"
            )
    chosen = [database_name(project) for project in projects] or list(known)
    return [cluster.backend, *(name for name in chosen if name != cluster.backend)]


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupFailed(f"{folder} exists already: name a new folder")
    draft = folder.with_name(f"{folder.name}.unfinished")
    try:
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise BackupFailed(f"{draft} cannot be made: {error.strerror}") from None
    try:
        yield draft
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except OSError as error:
        raise BackupFailed(f"{draft}: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _one(
    cluster: Cluster, programs: Programs, folder: Path, name: str, tell: Tell
) -> Database:
    file = folder / f"{name}.dump"
    with cluster.snapshot(name) as snapshot:
        facts = snapshot.facts
        tell(f"{name}: {size_of(facts.bytes)}, counting")
        tables = snapshot.contents(lambda word: tell(f"{name}: {word}"))
        tell(f"{name}: dumping")
        programs.dump(
            cluster.conninfo(name),
            snapshot.id,
            file,
            lambda word: tell(f"{name}: dumping, {word}"),
        )
    made = Database(
        name=name,
        owner=facts.owner,
        file=file.name,
        file_bytes=file.stat().st_size,
        sha256=manifest.digest_of(file),
        timescaledb=facts.timescaledb,
        tables=tables,
    )
    tell(f"{name}: {made.rows} rows in {size_of(made.file_bytes)}")
    return made


def _prove(
    cluster: Cluster, programs: Programs, folder: Path, database: Database, tell: Tell
) -> None:
    """Restore into a database of its own, compare, and drop it again."""
    name = database.name
    file = manifest.check_file(folder, database)
    with cluster.draft(database.owner, database.timescaledb) as draft:
        tell(f"{name}: test restore")
        programs.restore(
            cluster.conninfo(draft), file, lambda w: tell(f"{name}: test restore, {w}")
        )
        cluster.restored(draft)
        compare(database, cluster.contents(draft, lambda _: None))
    tell(f"{name}: the test restore has every row")
