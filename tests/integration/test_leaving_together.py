"""Two connections end at once, with a call between them: nothing of either stays."""

from typing import Any

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from heddle.contract.runs import RUN_STATUS, RunList, RunQuery
from tests.support.router import InProcRouter
from tests.support.waiting import becomes

PLANT = "project_plant"


def attached(router: InProcRouter) -> list[Any]:
    """The router's ends of all sessions of the project."""
    realm = router.worker.realm_by_name(PLANT).router
    return list(realm._session_id_to_session.values())


@pytest_twisted.ensureDeferred
async def test_a_caller_leaves_while_who_serves_it_is_closing(
    router: InProcRouter,
) -> None:
    asked: list[RunQuery] = []

    async def status(request: RunQuery, _caller: Any) -> RunList:
        asked.append(request)
        await Deferred()
        return RunList(runs=())

    async with router.backend() as backend:
        key = await backend.device("plant", "p_7")
        device = router.joined(PLANT, key, router.ws_url)
        owner = router.joined(PLANT, router.owner_key, router.ws_url)
        agent, person = await device.__aenter__(), await owner.__aenter__()
        await agent.serve(RUN_STATUS, status, device="p_7")
        call = Deferred.fromCoroutine(person.call(RUN_STATUS, RunQuery(), device="p_7"))
        call.addErrback(lambda _: None)
        await becomes(reactor, lambda: len(asked), 1)

        ends = {one._authid: one for one in attached(router)}
        caller, transport = ends[person.authid], ends["p_7"]._transport
        transport.state = transport.STATE_CLOSED  # as its socket is being aborted
        wamp: Any = person._wamp
        wamp.abort()
        await becomes(reactor, lambda: caller._transport, wanted=None)
        assert caller not in attached(router)
        transport.transport.abortConnection()
        await device.__aexit__()
        await owner.__aexit__()
        await call
