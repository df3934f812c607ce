"""The agent as a program: ``heddle-agent``, or ``python -m edge_agent``.

``heddle-agent tags …`` tries out a tag file and its devices, without being an agent.

Exit codes: 0 stopped, 1 a defect, 2 unusable settings, 3 the enrolment code is refused.
"""

import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from edge_agent.lean import leave_out_tls, leave_out_unused, wants_tls

Stop = Callable[[], Awaitable[None]]


class Program:
    """The agent's process: how it starts, and how it may be told to end."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._reactor: Any = None
        self._retires = False
        self.begins_anew = False

    async def start(self, reactor: Any) -> Stop:
        """Start the agent from its settings; tells how to stop it."""
        from edge_agent.agent import start_agent  # noqa: PLC0415 -- what is left out
        from edge_agent.config import load  # noqa: PLC0415
        from edge_agent.engine.steady import boottime  # noqa: PLC0415
        from edge_agent.upkeep.diary import Diary  # noqa: PLC0415

        self._reactor = reactor
        reactor.seconds = boottime  # timers must not move when the wall clock is set
        diary = Diary(int(time.time() * 1000))
        diary.begin()
        config = load(self._environ)
        agent = await start_agent(reactor, config, diary=diary, endings=self)

        async def stop() -> None:
            await agent.stop()
            diary.end()
            if self._retires:
                agent.forget()

        return stop

    def restart(self) -> None:
        """End, and begin anew as a new process of the same number."""
        self.begins_anew = True
        self._reactor.stop()

    def retire(self) -> None:
        """End, and forget who we are and what we kept."""
        self._retires = True
        self._reactor.stop()


def main() -> None:
    """Run until told to stop."""
    if sys.argv[1:2] == ["tags"]:
        from edge_agent.workbench import tags  # noqa: PLC0415 -- no part of an agent

        tags(sys.argv[2:], prog_name="heddle-agent tags")
    if sys.argv[1:]:
        sys.exit(
            f"heddle-agent: {sys.argv[1]!r} is no command: settings come from AGENT_* "
            "variables; `heddle-agent tags --help` tries out a tag file"
        )
    leave_out_unused()
    if not wants_tls():
        leave_out_tls()
    from heddle.wamp.process import run  # noqa: PLC0415 -- after what is left out

    program = Program()
    try:
        run(program.start)
    finally:
        if program.begins_anew:
            sys.stderr.flush()
            os.execv(sys.executable, [sys.executable, "-m", "edge_agent"])  # noqa: S606


if __name__ == "__main__":
    main()
