"""Puts an engine together and runs it until it is told to stop.

The directory is made the working directory, so that the sockets' names stay short. The
journal's lock comes first: it keeps a second engine out. Time comes from the boot
clock: the reactor's own, the wall clock, would move its delayed calls when it is set.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    globalLogBeginner,
    jsonFileLogObserver,
)
from twisted.python.failure import Failure
from typing_extensions import override

from edge_agent.engine.engine import Engine
from edge_agent.engine.flows import FlowFile, FlowUnusable, read_flow
from edge_agent.engine.handover import take_up
from edge_agent.engine.journal import (
    Journal,
    JournalBroken,
    JournalFull,
    JournalUnusable,
    open_journal,
)
from edge_agent.engine.protocol import JOURNAL_NAME, SOCKET_NAME
from edge_agent.engine.readings import Readings, VouchNote
from edge_agent.engine.server import HEALTH_NAME, AgentLinks, HealthLinks
from edge_agent.engine.steady import SteadyTime, boottime, machine_clocks

log = Logger()

VOUCHED_NAME = "vouched"
HERE = Path()
UNUSABLE = (FlowUnusable, JournalUnusable, JournalFull, JournalBroken)


def compose(
    reactor: Any,
    file: FlowFile,
    journal: Journal,
    *,
    time_scale: float,
    on_broken: Callable[[], None],
    directory: Path = HERE,
) -> Engine:
    """An engine over an open journal, not started yet."""
    flows = take_up(journal, file, time_scale)
    kept = journal.mark()
    note = VouchNote(directory / VOUCHED_NAME)
    last_ms = max(journal.last_at_ms(), note.at_ms)
    time = SteadyTime(machine_clocks(), kept, last_ms)
    readings = Readings(flows.tags, note)
    return Engine(
        clock=reactor,
        time=time,
        journal=journal,
        flows=flows,
        readings=readings,
        on_broken=on_broken,
    )


def serve(directory: Path, *, time_scale: float, exit_with_parent: bool) -> int:
    """Run an engine in ``directory``; returns the exit code of the process."""
    begin_logging()
    try:
        os.chdir(directory)
        file = read_flow(HERE)
        journal = open_journal(HERE / JOURNAL_NAME)
    except OSError as error:
        return _refuse(f"directory {directory} is unusable: {error.strerror}")
    except UNUSABLE as error:
        return _refuse(str(error), directory)
    from twisted.internet import reactor as the_reactor  # noqa: PLC0415 -- only here

    reactor: Any = the_reactor
    reactor.seconds = boottime
    ending = _Ending(reactor)
    try:
        engine = compose(
            reactor, file, journal, time_scale=time_scale, on_broken=ending.fail
        )
    except UNUSABLE as error:
        journal.close()
        return _refuse(str(error), directory)
    reactor.callWhenRunning(_begin, reactor, engine, ending, exit_with_parent)
    reactor.addSystemEventTrigger("before", "shutdown", engine.stop)
    reactor.run(installSignalHandlers=False)
    return ending.exit_code


def _begin(reactor: Any, engine: Engine, ending: "_Ending", with_parent: bool) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, ending.on_signal)
    try:
        engine.start()
        for name, links in (
            (HEALTH_NAME, HealthLinks()),
            (SOCKET_NAME, AgentLinks(engine)),
        ):
            _listen(reactor, name, links)
    except (CannotListenError, OSError) as error:
        _refuse(f"the socket cannot be opened: {error}")
        ending.end(2)
        return
    except Exception:  # noqa: BLE001 -- the boundary: told, then the end
        log.failure("starting failed")
        ending.end(1)
        return
    if with_parent:
        ending.with_parent()
    gc.collect()
    gc.freeze()  # what is there now stays: only what runs leave behind is looked at
    gc.set_threshold(10_000, 20, 20)


def _listen(reactor: Any, name: str, links: Any) -> IListeningPort:
    (HERE / name).unlink(missing_ok=True)  # of an engine that was killed
    port: IListeningPort = reactor.listenUNIX(name, links, mode=0o660)
    return port


class _Ending:
    """How the process ends."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.exit_code = 0

    def on_signal(self, *_: object) -> None:
        """SIGINT or SIGTERM: end cleanly."""
        self._reactor.callFromThread(self.end)

    def fail(self) -> None:
        """The journal broke: end, and let the next engine read it again."""
        self.end(1)

    def end(self, exit_code: int = 0) -> None:
        """Stop the reactor once."""
        self.exit_code = self.exit_code or exit_code
        if not self._reactor._stopped:
            self._reactor.stop()

    def with_parent(self) -> None:
        """End when standard input does: its other end was the parent."""
        from twisted.internet.stdio import StandardIO  # noqa: PLC0415 -- when wanted

        link = _ParentLink(self.end)
        StandardIO(link, reactor=self._reactor)  # type: ignore[no-untyped-call]


class _ParentLink(Protocol):
    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The parent is gone."""
        log.info("the parent is gone; the engine ends")
        self._end()


def begin_logging() -> None:
    """To stderr: lines for people, JSON lines with ``HEDDLE_LOG=json``."""
    if os.environ.get("HEDDLE_LOG") == "json":
        observer = jsonFileLogObserver(sys.stderr, recordSeparator="")
    else:
        observer = FileLogObserver(sys.stderr, _line)
    named = os.environ.get("HEDDLE_LOG_LEVEL", "info")
    known = {level.name: level for level in LogLevel.iterconstants()}
    wanted = LogLevelFilterPredicate(known.get(named, LogLevel.info))
    for namespace in ("twisted", "log_legacy"):
        wanted.setLogLevelForNamespace(namespace, LogLevel.warn)
    filtered = FilteringLogObserver(observer, [wanted])
    globalLogBeginner.beginLoggingTo([filtered], redirectStandardIO=False)


def _line(event: Any) -> str:
    return eventAsText(event, includeSystem=False) + "\n"


def _refuse(sentence: str, directory: Path | None = None) -> int:
    place = "" if directory is None else f" (in {directory})"
    print(f"heddle-engine: {sentence}{place}", file=sys.stderr)  # noqa: T201
    return 2
