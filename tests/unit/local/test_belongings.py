"""What belongs to an installation goes into its backup, and comes back as it was."""

import io
import socket
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from heddle.local import belongings
from heddle.local.belongings import (
    NeverStill,
    NotBelongings,
    gather,
    pack,
    unpack,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of an installation, with what is kept and what is not."""
    root = tmp_path / "home"
    for name, content in {
        "keys/backend.key": "k",
        "secrets/admin_password": "p",
        "principals.json": "{}",
        "router/gatekeeper.json": "{}",
        "router/gatekeeper.json.new": "half",
        "tls/ca.pem": "c",
        "devices/virtual_1/device.key": "d",
        "devices/virtual_1/logs/kept": "only the installation's own are left out",
        "postgres/PG_VERSION": "18",
        "logs/backend.log": "l",
        "stack.json": "{}",
        "lock": "",
        "backup.unfinished/old": "o",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / "keys/backend.key").chmod(0o600)
    (root / "principals.json").chmod(0o644)
    return root


def files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_all_but_the_database_and_what_only_a_running_stack_has(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("devices/virtual_1/s")
        count = gather(home, tmp_path / "copy")

    found = files(tmp_path / "copy")
    assert count == len(found)
    assert found == {
        "devices/virtual_1/device.key": "d",
        "devices/virtual_1/logs/kept": "only the installation's own are left out",
        "keys/backend.key": "k",
        "principals.json": "{}",
        "router/gatekeeper.json": "{}",
        "secrets/admin_password": "p",
        "tls/ca.pem": "c",
    }


def test_it_comes_back_with_its_rights_and_no_more(home: Path, tmp_path: Path) -> None:
    gather(home, tmp_path / "copy")
    (tmp_path / "copy/tls/ca.pem").chmod(0o666)
    out = io.BytesIO()
    pack(tmp_path / "copy", out)

    count = unpack(io.BytesIO(out.getvalue()), tmp_path / "back")

    assert files(tmp_path / "back") == files(tmp_path / "copy")
    assert count == len(files(tmp_path / "back"))
    modes = {
        name: (tmp_path / "back" / name).stat().st_mode & 0o777
        for name in ("keys", "keys/backend.key", "principals.json", "tls/ca.pem")
    }
    assert modes == {
        "keys": 0o700,
        "keys/backend.key": 0o600,
        "principals.json": 0o644,
        "tls/ca.pem": 0o644,
    }


def test_a_database_in_use_is_copied_as_after_its_last_commit(
    home: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(home / "devices/virtual_1/outbox.sqlite")) as db:
        db.execute("pragma journal_mode = wal")
        db.execute("create table kept (body text)")
        db.execute("insert into kept values ('of a commit')")
        db.commit()
        db.execute("insert into kept values ('of none')")
        gather(home, tmp_path / "copy")
        db.rollback()

    copy = tmp_path / "copy/devices/virtual_1/outbox.sqlite"
    assert (copy.parent / "outbox.sqlite-wal").exists()
    assert not (copy.parent / "outbox.sqlite-shm").exists()
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("select * from kept").fetchall() == [("of a commit",)]


def test_a_file_that_never_stands_still_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(belongings, "STILL_WITHIN_S", 0.05)
    monkeypatch.setattr(belongings, "_is_settled", lambda _: False)
    with pytest.raises(NeverStill, match=r"device\.key was written to again and again"):
        gather(home / "devices", tmp_path / "copy")


def test_the_outbox_comes_after_the_journals(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("outbox.sqlite", "flows/f/journal.sqlite", "plant.json"):
        path = home / "devices/virtual_1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    order = []
    monkeypatch.setattr(
        belongings, "_copy", lambda path, _to: order.append(path.name) or True
    )
    gather(home, tmp_path / "copy")
    assert order[-1] == "outbox.sqlite"
    assert "journal.sqlite" in order


def test_a_link_is_not_left_out_in_silence(home: Path, tmp_path: Path) -> None:
    (home / "tls/current").symlink_to(home / "tls/ca.pem")
    with pytest.raises(NotBelongings, match="tls/current is a link"):
        gather(home, tmp_path / "copy")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../elsewhere", tarfile.REGTYPE),
        ("/etc/elsewhere", tarfile.REGTYPE),
        ("a/../../elsewhere", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("device", tarfile.CHRTYPE),
        ("pipe", tarfile.FIFOTYPE),
    ],
)
def test_an_archive_writes_nowhere_else(name: str, kind: bytes, tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w|") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(NotBelongings, match="the backup holds"):
        unpack(io.BytesIO(out.getvalue()), tmp_path / "into")
    assert list(tmp_path.rglob("*")) == [tmp_path / "into"]


def test_rubbish_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(NotBelongings, match="cannot be read"):
        unpack(io.BytesIO(b"rubbish" * 1000), tmp_path / "into")
