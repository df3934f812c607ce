"""The shell every process of the fleet shares: settings, logging, start and clean stop.

A start that cannot succeed is told in one sentence on stderr with exit code 2, or the
``exit_code`` its error has; SIGINT and SIGTERM stop cleanly with exit code 0; a defect
at start is logged with its traceback, exit code 1. Only ``run`` and ``on_hangup`` touch
signals, and ``run`` the global log.
"""

import dataclasses
import json
import os
import re
import signal
import sys
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import msgspec
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    formatEvent,
    globalLogBeginner,
)

from heddle.contract.declare import FleetError, LocalError
from heddle.wamp.heap import freeze_heap
from heddle.wamp.session import request_id

log = Logger()

C = TypeVar("C")
Stop = Callable[[], Awaitable[None]]
Main = Callable[[Any], Awaitable[Stop]]

STOP_WITHIN_S = 10.0
NOISY = ("twisted", "log_legacy", "autobahn", "txaio", "-")  # only their warnings


class ConfigError(LocalError):
    """A setting is missing or unusable; the sentence names it and the way out."""


def load_config(
    kind: type[C], prefix: str, environ: Mapping[str, str] = os.environ
) -> C:
    """Read ``$<PREFIX>CONFIG`` (TOML) if set, then let ``<PREFIX>*`` override it.

    ``kind`` is a dataclass; ``Path`` fields are read from text. An empty variable
    counts as not set. Raises ``ConfigError`` naming the setting at fault.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    file = environ.get(prefix + "CONFIG")
    settings = _toml(Path(file), names) if file else {}
    for name in names:
        if value := environ.get(prefix + name.upper()):
            settings[name] = value
    try:
        return msgspec.convert(settings, kind, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as flaw:
        raise ConfigError(_sentence(str(flaw), prefix, environ)) from None


def read_secret(path: Path) -> str:
    """The text of a secret's file without the newline at its end."""
    try:
        secret = path.read_text().rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"secret file {path}: {error.strerror}") from None
    if not secret:
        raise ConfigError(f"secret file {path} is empty")
    return secret


def _toml(file: Path, names: list[str]) -> dict[str, Any]:
    try:
        settings = tomllib.loads(file.read_text())
    except OSError as error:
        raise ConfigError(f"configuration file {file}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"configuration file {file} is no TOML: {error}") from None
    for name in settings:
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
            raise ConfigError(f"{file}: there is no setting {name!r}; {hint}")
    return settings


def _decode(kind: type[Any], value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(kind)


def _sentence(flaw: str, prefix: str, environ: Mapping[str, str]) -> str:
    """Msgspec's words, with the setting named as the operator knows it."""
    if missing := re.search(r"missing required field `(\w+)`", flaw):
        name = missing[1]
        variable = prefix + name.upper()
        return (
            f"setting {variable} is missing: set it in the environment, or {name} "
            f"in the file that {prefix}CONFIG names"
        )
    what, _, path = flaw.partition(" - at `$.")
    name = path.rstrip("`")
    variable = prefix + name.upper()
    place = (
        variable if environ.get(variable) else f"{name} in {environ[prefix + 'CONFIG']}"
    )
    return f"setting {place} is unusable: {what.replace('`', '')}"


def run(
    main: Main,
    environ: Mapping[str, str] = os.environ,
    stop_within_s: float = STOP_WITHIN_S,
) -> NoReturn:
    """Run a process: await ``main(reactor)``, then serve until told to stop.

    ``main`` starts everything and returns how to stop it; a stop while it is still
    starting cancels it. Ends the interpreter with the exit code the module tells of.
    """
    from twisted.internet import reactor as the_reactor  # noqa: PLC0415 -- only here

    reactor: Any = the_reactor
    shell = _Shell(reactor, main, stop_within_s)
    try:
        begin_logging(sys.stderr, environ)
    except ConfigError as error:
        _say(error)
        sys.exit(2)
    reactor.callWhenRunning(shell.start)
    reactor.addSystemEventTrigger("before", "shutdown", shell.end)
    reactor.run()
    sys.exit(shell.exit_code)


def on_hangup(reactor: Any, act: Callable[[], None]) -> None:
    """Have SIGHUP call ``act``, from now on; it ends the process otherwise."""
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(act))


class _Shell:
    """One process between start and stop."""

    def __init__(self, reactor: Any, main: Main, stop_within_s: float) -> None:
        self._reactor = reactor
        self._main = main
        self._stop_within_s = stop_within_s
        self._starting: Deferred[None] | None = None
        self._stop: Stop | None = None
        self._told = False
        self.exit_code = 0

    def start(self) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._on_signal)
        self._starting = Deferred.fromCoroutine(self._begin())

    def _on_signal(self, *_: object) -> None:
        if not self._told:  # a second one changes nothing: the stop has its deadline
            self._told = True
            self._reactor.callFromThread(self._quit)

    def _quit(self) -> None:
        if not self._reactor._stopped:
            self._reactor.stop()

    async def _begin(self) -> None:
        try:
            self._stop = await self._main(self._reactor)
            freeze_heap()
        except CancelledError:
            pass
        except FleetError as error:
            self._fail(getattr(error, "exit_code", 2))
            _say(error)
        except Exception:  # noqa: BLE001 -- the boundary: told, then the end
            log.failure("starting failed")
            self._fail(1)

    def _fail(self, exit_code: int) -> None:
        self.exit_code = exit_code
        self._reactor.callLater(0, self._quit)

    def end(self) -> Deferred[None]:
        """Before the reactor stops: end ``main`` or call what it returned."""
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        if self._stop is None and self._starting is None:
            return
        stopping = Deferred.fromCoroutine(self._stopped())
        try:
            await stopping.addTimeout(self._stop_within_s, self._reactor)
        except defer.TimeoutError:
            log.failure(
                "not stopped in {s:g} s; ending all the same", s=self._stop_within_s
            )
            self.exit_code = 1
        except Exception:  # noqa: BLE001 -- the boundary: told, and the end goes on
            log.failure("stopping failed")
            self.exit_code = 1

    async def _stopped(self) -> None:
        """What ``main`` returned is called; or what it had begun, it has ended."""
        if self._stop is not None:
            await self._stop()
        elif self._starting is not None:
            await self._starting


def _say(error: FleetError) -> None:
    print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)  # noqa: T201


def begin_logging(out: TextIO, environ: Mapping[str, str] = os.environ) -> None:
    """Log to ``out``: lines for people, JSON lines with ``HEDDLE_LOG=json``.

    ``HEDDLE_LOG_LEVEL`` is debug, info (default), warn, error or critical.
    """
    name = environ.get("HEDDLE_LOG_LEVEL") or "info"
    try:
        level = LogLevel.lookupByName(name)
    except ValueError:
        raise ConfigError(
            f"setting HEDDLE_LOG_LEVEL is unusable: there is no level {name!r}; "
            "use debug, info, warn, error or critical"
        ) from None
    wanted = LogLevelFilterPredicate(defaultLogLevel=level)
    for namespace in NOISY:
        wanted.setLogLevelForNamespace(namespace, max(level, LogLevel.warn))
    form = json_line if environ.get("HEDDLE_LOG") == "json" else human_line
    observer = FilteringLogObserver(FileLogObserver(out, form), [wanted])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def human_line(event: Mapping[str, Any]) -> str:
    """One line (and a traceback, if there is one) for a person."""
    at = datetime.fromtimestamp(event["log_time"], UTC).astimezone()
    text = eventAsText(dict(event), includeTimestamp=False, includeSystem=False)
    origin = str(event.get("log_namespace", "")).rpartition(".")[2]
    return f"{at:%H:%M:%S} {event['log_level'].name:<5} {origin}: {text}\n"


def json_line(event: Mapping[str, Any]) -> str:
    """One JSON object: at, level, from, text; request and traceback where known."""
    line = {
        "at": datetime.fromtimestamp(event["log_time"], UTC).isoformat(),
        "level": event["log_level"].name,
        "from": event.get("log_namespace", ""),
        "text": formatEvent(dict(event)),
    }
    if request := request_id.get():
        line["request"] = request
    if (failure := event.get("log_failure")) is not None:
        line["traceback"] = failure.getTraceback()
    return json.dumps(line, ensure_ascii=False) + "\n"
