"""Child processes that are kept alive: started, watched, restarted, ended in order.

A child that dies is started again after a pause that grows with each quick death and is
forgotten once the child has lived for a minute. ``stop`` asks with the child's own stop
signal and kills what has not ended in time.
"""

import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from heddle.backoff import backoff_s

log = Logger()

SETTLED_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STOP_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Death:
    """How a child ended: its exit code, or else the signal that killed it."""

    name: str
    exit_code: int | None
    signal: int | None

    @override
    def __str__(self) -> str:
        """In words."""
        if self.exit_code is None:
            return f"killed by signal {self.signal}"
        return f"exit code {self.exit_code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)  # added to our own
    stop_signal: str = "TERM"


class Child:
    """One program kept running."""

    def __init__(
        self, reactor: Any, program: Program, on_death: Callable[[Death], None]
    ) -> None:
        self.program = program
        self._reactor = reactor
        self._on_death = on_death
        self._process: Any = None
        self._started_at = 0.0
        self._quick_deaths = 0
        self._again: Any = None
        self._stopped: Deferred[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the program; its output is appended to its log."""
        self._again = None
        self._started_at = self._reactor.seconds()
        argv = [*_alone(self.program.stop_signal), *self.program.argv]
        with (
            self.program.log.open("ab") as out,
            Path(os.devnull).open("rb") as nothing,
        ):
            self._process = self._reactor.spawnProcess(
                _Watch(self._ended),
                argv[0],
                argv,
                env={**os.environ, **self.program.env},
                childFDs={0: nothing.fileno(), 1: out.fileno(), 2: out.fileno()},
            )

    async def stop(self) -> None:
        """End the program and wait until it is gone."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._process is None:
            return
        self._stopped = Deferred()
        kill = self._reactor.callLater(STOP_WITHIN_S, self._signal, "KILL")
        self._signal(self.program.stop_signal)
        await self._stopped
        if kill.active():
            kill.cancel()

    def _signal(self, name: str) -> None:
        if (pid := self.pid) is not None:
            os.kill(pid, getattr(signal, f"SIG{name}"))

    def _ended(self, exit_code: int | None, signal_number: int | None) -> None:
        self._process = None
        if self._stopped is not None:
            self._stopped.callback(None)
            return
        lived = self._reactor.seconds() - self._started_at
        self._quick_deaths = 0 if lived > SETTLED_S else self._quick_deaths + 1
        pause = backoff_s(FIRST_PAUSE_S, self._quick_deaths, LONGEST_PAUSE_S)
        death = Death(self.program.name, exit_code, signal_number)
        log.warn(
            "{name} ended ({death}); starting it again in {pause:g} s",
            name=death.name,
            death=str(death),
            pause=pause,
        )
        self._on_death(death)
        self._again = self._reactor.callLater(pause, self.start)


def _alone(stop_signal: str) -> list[str]:
    """The words that lead a command so that the terminal's Ctrl-C reaches only us,
    who end our children in order, and a ``kill -9`` of us ends them too.
    """
    setsid, setpriv = shutil.which("setsid"), shutil.which("setpriv")
    return [
        *([setsid] if setsid else []),
        *([setpriv, "--pdeathsig", stop_signal] if setpriv else []),
    ]


class _Watch(ProcessProtocol):
    """Tells when the process is gone."""

    def __init__(self, ended: Callable[[int | None, int | None], None]) -> None:
        self._ended = ended

    @override
    def processEnded(self, reason: Failure) -> None:
        """Twisted's word that the child is gone and reaped."""
        end = reason.value
        self._ended(getattr(end, "exitCode", None), getattr(end, "signal", None))
