"""Processes that make trials: few, started when first needed, ended when too slow.

Questions wait in line; a person has few places in it, so that nobody keeps the others
waiting for long. The reactor never waits: it writes a question and reads an answer.
"""

import os
import signal
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from heddle.contract.trials import BudgetSpent, TrialsBusy
from services.backend.flows.trial_process import CPU_S, LENGTH

log = Logger()

PROGRAM = "services.backend.flows.trial_process"
WITHIN_S = 25.0  # one trial, also on a busy machine; see ``CPU_S``
READY_WITHIN_S = 60.0  # a process that has to be started
MOST_WORKERS = 2
MOST_IN_LINE = 32
MOST_OF_A_PERSON = 4
DEFECT = 1  # the exit code of a traceback


class TrialProcessFailed(Exception):
    """A process that makes trials does not come up."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """One question that waits for its answer."""

    whose: str
    question: bytes
    answered: "Deferred[bytes]"


class TrialWorkers:
    """Makes trials, each in a process that can be ended."""

    def __init__(self, reactor: Any, *, within_s: float = WITHIN_S) -> None:
        self.within_s = within_s
        self._reactor = reactor
        self._line: deque[_Trial] = deque()
        self._workers: list[_Worker] = []

    async def __call__(self, whose: str, question: bytes) -> bytes:
        """The answer of ``trial_process``; raises ``BudgetSpent``, ``TrialsBusy``."""
        waiting = [*self._line, *(one.trial for one in self._workers if one.trial)]
        if sum(one.whose == whose for one in waiting) >= MOST_OF_A_PERSON:
            raise TrialsBusy(
                f"{MOST_OF_A_PERSON} trials of yours are under way: wait for one"
            )
        if len(self._line) >= MOST_IN_LINE:
            raise TrialsBusy("many trials are under way: try again in a few seconds")
        trial = _Trial(whose, question, Deferred())
        self._line.append(trial)
        self._go_on()
        return await trial.answered

    async def stop(self) -> None:
        """End all processes; what waits is refused."""
        while self._line:
            refused = TrialsBusy("the backend ends: try again in a few seconds")
            self._line.popleft().answered.errback(refused)
        for worker in list(self._workers):
            worker.end()
            await worker.ended

    def _go_on(self) -> None:
        """Give what waits to processes that are idle; start one if there are few."""
        for worker in self._workers:
            if self._line and worker.is_idle:
                worker.take(self._line.popleft())
        coming = sum(not worker.is_ready for worker in self._workers)
        if len(self._line) > coming and len(self._workers) < MOST_WORKERS:
            worker = _Worker(self._reactor, self)
            self._workers.append(worker)
            worker.start()

    def freed(self) -> None:
        """A process is ready, or done."""
        self._go_on()

    def gone(self, worker: "_Worker") -> None:
        """A process has ended. One that never was ready may never be: tell somebody."""
        self._workers.remove(worker)
        if not worker.is_ready and self._line and not worker.is_unwanted:
            self._line.popleft().answered.errback(
                TrialProcessFailed(f"python -m {PROGRAM} does not come up")
            )
        if not worker.is_unwanted:
            self._go_on()


class _Worker(ProcessProtocol):
    """One process and the trial it is at."""

    transport: IProcessTransport

    def __init__(self, reactor: Any, workers: TrialWorkers) -> None:
        self._reactor = reactor
        self._workers = workers
        self._heard = bytearray()
        self._timer: IDelayedCall | None = None
        self._why = ""
        self.trial: _Trial | None = None
        self.is_ready = False
        self.is_unwanted = False
        self.ended: Deferred[None] = Deferred()

    @property
    def is_idle(self) -> bool:
        """Whether it can take a trial."""
        return self.is_ready and self.trial is None and not self._why

    def start(self) -> None:
        """Start the process; it says when it is ready."""
        command = [sys.executable, "-m", PROGRAM]
        self._timer = self._reactor.callLater(
            READY_WITHIN_S, self._kill, "is not ready"
        )
        self._reactor.spawnProcess(
            self,
            command[0],
            command,
            env=os.environ,
            childFDs={0: "w", 1: "r", 2: 2},
        )

    def take(self, trial: _Trial) -> None:
        """Begin with a trial."""
        self.trial = trial
        within_s = self._workers.within_s
        why = f"it takes longer than {within_s:g} s"
        self._timer = self._reactor.callLater(within_s, self._kill, why)
        self.transport.write(LENGTH.pack(len(trial.question)) + trial.question)

    def end(self) -> None:
        """It is not needed any more."""
        self.is_unwanted = True
        self._kill("the backend ends")

    @override
    def outReceived(self, data: bytes) -> None:
        self._heard += data
        while len(self._heard) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._heard)
            if len(self._heard) < LENGTH.size + length:
                return
            answer = bytes(self._heard[LENGTH.size : LENGTH.size + length])
            del self._heard[: LENGTH.size + length]
            self._answered(answer)

    def _answered(self, answer: bytes) -> None:
        self._cancel()
        trial, self.trial, self.is_ready = self.trial, None, True
        if trial is not None:
            trial.answered.callback(answer)
        self._workers.freed()

    def _kill(self, why: str) -> None:
        self._why = why
        with suppress(ProcessExitedAlready):  # then ``processEnded`` is on its way
            self.transport.signalProcess("KILL")

    @override
    def processEnded(self, reason: Failure) -> None:
        self._cancel()
        trial, self.trial = self.trial, None
        if trial is not None:
            trial.answered.errback(self._refusal(trial, reason))
        self._workers.gone(self)
        self.ended.callback(None)

    def _refusal(self, trial: _Trial, reason: Failure) -> Exception:
        ended = reason.value
        if not self._why and getattr(ended, "exitCode", None) == DEFECT:
            return TrialProcessFailed(f"python -m {PROGRAM} failed, see its traceback")
        is_slow = getattr(ended, "signal", None) == signal.SIGXCPU
        dear = (
            f"it takes longer than {CPU_S} s" if is_slow else "it needs too much memory"
        )
        why = self._why or dear
        log.info("a trial of {whose} was ended: {why}", whose=trial.whose, why=why)
        return BudgetSpent(f"this workflow is too much for a trial: {why}")

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
