"""What is done with a stack after the last misfortune, before it is counted."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from heddle.local.folder import PROJECT
from heddle.local.postgres import Postgres, embedded_bin
from services.fleetdata.store.provision import database_name
from tests.support.stack import PROCESSES, ROOT, RunningStack, eventually


@contextmanager
def without_agent(stack: RunningStack) -> Iterator[None]:
    """End the stack's agent for good: who would start it again is held meanwhile."""
    assert stack.process is not None
    agent = stack.child(PROCESSES["agent"])
    stack.process.send_signal(signal.SIGSTOP)
    try:
        agent.terminate()
        eventually(
            lambda: agent.status() == psutil.STATUS_ZOMBIE, "the agent has ended", 60
        )
        yield
    finally:
        stack.process.send_signal(signal.SIGCONT)


def drain(device: Path, router: str) -> None:
    """Deliver what is left in a device's outbox; its agent must not run."""
    subprocess.run(
        [sys.executable, "-m", "tests.soak.drain", str(device), router],
        check=True,
        cwd=ROOT,
    )


def dsn(stack: RunningStack) -> str:
    """How to reach the project's database."""
    password = (stack.data / "secrets/database_password").read_text().strip()
    server = Postgres(embedded_bin(), stack.data / "postgres")
    return server.dsn(database_name(PROJECT), password)
