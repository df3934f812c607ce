"""A swarm as a program: ``python -m edge_agent.swarm``; ``heddle swarm`` starts it.

Exit codes: 0 stopped, 1 a defect, 2 unusable settings.
"""

import os
import sys
from typing import Any

from edge_agent.lean import leave_out_tls, leave_out_unused, wants_tls

STOP_WITHIN_S = 120.0


async def start(reactor: Any) -> Any:
    """Begin to bring the swarm online; tells how to stop it."""
    from edge_agent.engine.steady import boottime  # noqa: PLC0415 -- see lean
    from edge_agent.swarm.config import load  # noqa: PLC0415
    from edge_agent.swarm.telling import Teller  # noqa: PLC0415
    from heddle.local.swarm import allow_files_for, claim  # noqa: PLC0415

    settings = load()
    allow_files_for(settings.devices)
    claim(settings.data)
    reactor.seconds = boottime  # timers must not move when the wall clock is set
    teller = Teller(reactor, settings)
    teller.start()
    return teller.stop


def main() -> None:
    """Run until told to stop, or as long as was asked."""
    sys.argv[0] = "heddle"  # what errors begin with: the command that became this
    leave_out_unused()
    if not wants_tls({"AGENT_ROUTER_URL": os.environ.get("SWARM_ROUTER_URL", "")}):
        leave_out_tls()
    from heddle.wamp.process import run  # noqa: PLC0415 -- after what is left out

    # A thousand agents have as much to say; what counts is in the line of progress.
    level = os.environ.get("HEDDLE_LOG_LEVEL") or "critical"
    run(start, {**os.environ, "HEDDLE_LOG_LEVEL": level}, STOP_WITHIN_S)


if __name__ == "__main__":
    main()
