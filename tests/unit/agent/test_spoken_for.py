"""In whose name an approval is given: the caller's, or whom the backend speaks for."""

import pytest
from twisted.internet.defer import Deferred

from edge_agent.engine.protocol import Approve
from edge_agent.runs import Runs
from heddle.contract.declare import Role
from heddle.contract.runs import ApproveRun, RunReport, RunStatus
from heddle.wamp.session import Caller

REPORT = RunReport(run="run_1", flow="bio", version=1, status=RunStatus.RUNNING)


class OneFlow:
    """A flow with one active run, whose engine does whatever it is told."""

    def __init__(self) -> None:
        self.asked: list[Approve] = []

    def get(self, _flow: str) -> "OneFlow":
        return self

    async def active_runs(self) -> list[str]:
        return [REPORT.run]

    async def ask(self, command: Approve) -> tuple[RunReport, ...]:
        self.asked.append(command)
        return (REPORT,)

    def note(self, _reports: object) -> None:
        """Nothing to remember."""


@pytest.mark.parametrize(
    ("role", "authid", "spoken_for", "by"),
    [
        (Role.BACKEND, "backend", "vera", "vera"),
        (Role.BACKEND, "backend", None, "backend"),
        (Role.OPERATOR, "olga", None, "olga"),
        (Role.OPERATOR, "olga", "vera", "olga"),
    ],
)
def test_only_the_backend_speaks_for_others(role, authid, spoken_for, by) -> None:
    flow = OneFlow()
    runs = Runs(flow, None, lambda: 0.0)
    caller = Caller(1, authid, role, "r")
    request = ApproveRun(flow="bio", by=spoken_for)
    assert Deferred.fromCoroutine(runs.approve(request, caller)).result == REPORT
    assert [command.by for command in flow.asked] == [by]
