"""A device of one version or the other: its agent as a process, over one folder."""

import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.stack import ROOT, RunningStack, agent_process, eventually
from tests.upgrade.previous import FOR_AGES


class Device:
    """The agent of the source tree in ``root``, with its data in ``data``."""

    def __init__(
        self, name: str, data: Path, root: Path = ROOT, **settings: str
    ) -> None:
        self.name = name
        self.data = data
        self.root = root
        self._log = data.parent / f"{name}.log"
        self._settings = {"runtime": "process", "data": str(data), **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, router: str) -> None:
        """Start it, as after a boot."""
        own = {f"AGENT_{name.upper()}": x for name, x in self._settings.items()}
        environ = {**FOR_AGES, **own, "AGENT_ROUTER_URL": router}
        self._process = agent_process(self._log, environ, self.root)

    def end(self, how: int = signal.SIGTERM) -> int:
        """End it, if it runs; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(60)

    @property
    def said(self) -> str:
        """Its log."""
        return self._log.read_text()

    def waiting(self) -> int:
        """How many items of all streams wait in its outbox."""
        file = f"file:{self.data}/outbox.sqlite?mode=ro"
        with closing(sqlite3.connect(file, uri=True)) as db:
            found = db.execute("select sum(next_number - acknowledged) from stream")
            return int(found.fetchone()[0] or 0)

    @contextmanager
    def running(self, stack: RunningStack) -> Iterator["Device"]:
        """Online at a stack for a while."""
        self.start(stack.router)
        try:
            eventually(lambda: self.name in stack.online(), f"{self.name} is online")
            yield self
        except BaseException as error:
            error.add_note(self.said[-3000:])
            raise
        finally:
            self.end()


def newcomer(
    stack: RunningStack, name: str, folder: Path, root: Path, **settings: str
) -> Device:
    """A device that will enrol with a code."""
    code = stack.ask("device", "code", name)["code"]
    return Device(
        name,
        folder / name,
        root,
        code=code,
        kind="virtual",
        driver="plant",
        time_scale="200",
        **settings,
    )
