"""``python -m services.backend.flows.trial_process``: makes trials one by one.

A process of its own, for a hostile workflow may take any time and any memory: whoever
started it ends it when a trial takes too long, and starts another. Questions come on
standard input, answers leave on standard output, each with its length before it. An
empty answer at the beginning says that it is ready. It ends when its input does.
"""

import math
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, BinaryIO

import msgspec

from heddle.contract.declare import FleetError
from heddle.contract.trials import CheckFlow, SimulateFlow
from services.backend.flows.trial import checked, simulated

MEMORY_BYTES = 512 * 1024 * 1024  # of addresses; what is used is far less
NICE = 5  # whoever serves comes first
CPU_S = 5  # of one trial
LONGEST_S = 120  # in case nobody is there any more to end it
LENGTH = struct.Struct(">I")

CHECK, SIMULATE = "check", "simulate"
NO_MEMORY = 3  # the exit code


def answer(question: bytes) -> bytes:
    """What came of one trial, or the error that its caller is told."""
    kind, request = msgspec.msgpack.decode(question)
    try:
        return msgspec.msgpack.encode({"reply": _trial(kind, request)})
    except FleetError as refused:
        details = dict(refused.details)
        return msgspec.msgpack.encode(
            {"error": refused.uri, "sentence": str(refused), "details": details}
        )


def _trial(kind: str, request: Any) -> Any:
    if kind == CHECK:
        return checked(msgspec.convert(request, CheckFlow))
    return simulated(msgspec.convert(request, SimulateFlow))


def serve(
    questions: BinaryIO,
    answers: BinaryIO,
    limited: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Until there are no more questions; each trial is made within ``limited``."""
    _write(answers, b"")
    while len(head := questions.read(LENGTH.size)) == LENGTH.size:
        question = questions.read(*LENGTH.unpack(head))
        with limited():
            answered = answer(question)
        _write(answers, answered)


def _write(answers: BinaryIO, said: bytes) -> None:
    answers.write(LENGTH.pack(len(said)) + said)
    answers.flush()


@contextmanager
def within_limits() -> Iterator[None]:
    """A trial that goes beyond them ends the process, by a signal."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit_s = math.ceil(used.ru_utime + used.ru_stime) + CPU_S
    _limit(resource.RLIMIT_CPU, limit_s)
    signal.alarm(LONGEST_S)
    yield
    signal.alarm(0)
    _limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)


def _limit(what: int, most: int) -> None:
    """Set a limit, as far as whoever started us lets us."""
    _, allowed = resource.getrlimit(what)
    if allowed != resource.RLIM_INFINITY:
        most = allowed if most == resource.RLIM_INFINITY else min(most, allowed)
    resource.setrlimit(what, (most, allowed))


def main() -> None:
    """Give up what is not needed, then serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    os.nice(NICE)
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, within_limits)
    except MemoryError:
        os._exit(NO_MEMORY)


if __name__ == "__main__":
    main()
