"""What comes of a call whose link breaks before it is answered."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, globalLogPublisher

from heddle.contract.declare import FleetError
from heddle.contract.runs import RUN_STATUS, RunList, RunNotFound, RunQuery
from tests.support.router import InProcRouter
from tests.support.waiting import becomes


@contextmanager
def criticals() -> Iterator[list[Any]]:
    """What is logged as a defect meanwhile."""
    found: list[Any] = []

    def hear(event: Any) -> None:
        if event["log_level"] is LogLevel.critical:
            found.append(event)

    globalLogPublisher.addObserver(hear)
    try:
        yield found
        gc.collect()  # errors that nobody heard of are told then
    finally:
        globalLogPublisher.removeObserver(hear)


@pytest.mark.parametrize("answer", [RunList(runs=()), RunNotFound("no such run")])
@pytest_twisted.ensureDeferred
async def test_an_answer_that_comes_too_late_is_no_defect(
    router: InProcRouter, answer: Any
) -> None:
    asked: list[Deferred[None]] = []

    async def status(_request: RunQuery, _caller: Any) -> RunList:
        asked.append(Deferred())
        await asked[-1]
        if isinstance(answer, FleetError):
            raise answer
        return answer

    async with router.backend() as backend:
        device = router.joined("project_plant", await backend.device("plant", "p_7"))
        owner = router.joined("project_plant", router.owner_key)
        agent = await device.__aenter__()
        async with owner as session:
            await agent.serve(RUN_STATUS, status, device="p_7")
            call = Deferred.fromCoroutine(
                session.call(RUN_STATUS, RunQuery(), device="p_7")
            )
            call.addErrback(lambda _: None)
            await becomes(reactor, lambda: len(asked), 1)
            client: Any = agent._wamp
            client.abort()
            await becomes(reactor, client.is_attached, wanted=False)
            with criticals() as found:
                asked[0].callback(None)  # and it answers at once
            assert found == []
            await call
            await device.__aexit__()
