"""The agent as a program: ``heddle-agent``, or ``python -m edge_agent``.

Exit codes: 0 stopped, 1 a defect, 2 unusable settings, 3 the enrolment code is refused.
"""

import os
from collections.abc import Mapping
from typing import Any

from edge_agent.lean import leave_out_tls, leave_out_unused, wants_tls


async def start(reactor: Any, environ: Mapping[str, str] = os.environ) -> Any:
    """Start the agent from its settings; tells how to stop it."""
    from edge_agent.agent import start_agent  # noqa: PLC0415 -- after what is left out
    from edge_agent.config import load  # noqa: PLC0415
    from edge_agent.engine.steady import boottime  # noqa: PLC0415

    reactor.seconds = boottime  # timers must not move when the wall clock is set
    agent = await start_agent(reactor, load(environ))
    return agent.stop


def main() -> None:
    """Run until told to stop."""
    leave_out_unused()
    if not wants_tls():
        leave_out_tls()
    from heddle.wamp.process import run  # noqa: PLC0415 -- after what is left out

    run(start)


if __name__ == "__main__":
    main()
