"""The typed session over a real router: what travels, what is refused, what leaks."""

from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from heddle.contract.declare import InternalError, InvalidRequest, Role
from heddle.contract.devices import (
    GET_DEVICE,
    LIST_DEVICES,
    PRESENCE,
    Announced,
    DeviceDetail,
    DeviceList,
    DeviceNotFound,
    GetDevice,
    ListDevices,
    Presence,
)
from heddle.contract.flows import INSTALL_FLOW, InstallFlow
from heddle.contract.runs import (
    PAUSE_RUN,
    RUN_STATUS,
    RunList,
    RunNotFound,
    RunPaused,
    RunQuery,
    RunRef,
)
from heddle.contract.samples import (
    INGEST,
    TELEMETRY,
    Ingest,
    Receipt,
    Stream,
    Telemetry,
)
from heddle.wamp.joining import Joined
from heddle.wamp.session import (
    Caller,
    CallTimedOut,
    ConnectionLost,
    MessageTooLarge,
    NotPermitted,
    NotServed,
    Session,
    UnexpectedError,
    request_id,
)
from tests.support.rawwamp import CALL, ERROR, RESULT, RawWamp
from tests.support.router import InProcRouter, MiniBackend
from tests.support.waiting import becomes, until

PLANT = "project_plant"
SEVEN = "press_7"


class Plant:
    """Sessions of a device, of the owner and of the backend in one project."""

    def __init__(self, router: InProcRouter, backend: MiniBackend) -> None:
        self.router = router
        self.backend = backend
        self._open: list[Joined] = []

    async def join(self, who: Any, url: str | None = None) -> Session:
        joined = self.router.joined(PLANT, who, url)
        session = await joined.__aenter__()
        self._open.append(joined)
        return session

    async def agent(self, url: str | None = None) -> Session:
        return await self.join(await self.backend.device("plant", SEVEN), url)

    async def owner(self, url: str | None = None) -> Session:
        return await self.join(self.router.owner_key, url)

    async def service(self) -> Session:
        return await self.join(self.router.service_key("backend"))

    async def close(self) -> None:
        for joined in self._open:
            await joined.__aexit__()


@pytest_twisted.async_yield_fixture
async def plant(router: InProcRouter) -> Any:
    async with router.backend() as backend:
        plant = Plant(router, backend)
        yield plant
        await plant.close()


@pytest_twisted.ensureDeferred
async def test_a_call_carries_messages_both_ways_and_tells_who_calls(
    plant: Plant,
) -> None:
    callers: list[Caller] = []

    async def status(request: RunQuery, caller: Caller) -> RunList:
        callers.append(caller)
        assert request == RunQuery(run="r1")
        return RunList(runs=())

    agent, owner = await plant.agent(), await plant.owner(plant.router.ws_url)
    await agent.serve(RUN_STATUS, status, device=SEVEN)
    reply = await owner.call(RUN_STATUS, RunQuery(run="r1"), device=SEVEN)
    assert reply == RunList(runs=())
    (caller,) = callers
    assert (caller.authid, caller.role) == ("owner", Role.OWNER)


@pytest_twisted.ensureDeferred
async def test_a_request_id_passes_through_every_hop(plant: Plant) -> None:
    seen: list[str | None] = []

    async def status(_request: RunQuery, caller: Caller) -> RunList:
        seen.append(caller.request_id)
        return RunList(runs=())

    async def devices(_request: ListDevices, caller: Caller) -> DeviceList:
        seen.append(caller.request_id)
        await deferLater(reactor, 0)
        await service.call(RUN_STATUS, RunQuery(), device=SEVEN)
        seen.append(request_id.get())
        return DeviceList(devices=())

    agent, owner, service = (
        await plant.agent(),
        await plant.owner(),
        await plant.service(),
    )
    await agent.serve(RUN_STATUS, status, device=SEVEN)
    await service.serve(LIST_DEVICES, devices)
    for _ in range(2):
        seen.clear()
        await owner.call(LIST_DEVICES, ListDevices())
        assert len(seen) == 3
        assert len(set(seen)) == 1
        assert request_id.get() is None


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("asked", ["x" * 65, "a\nb", 7, None, {}])
async def test_a_request_id_unfit_for_a_log_line_is_replaced(
    plant: Plant, asked: object
) -> None:
    seen: list[str] = []

    async def devices(_request: ListDevices, caller: Caller) -> DeviceList:
        seen.append(caller.request_id)
        return DeviceList(devices=())

    await (await plant.service()).serve(LIST_DEVICES, devices)
    raw = await RawWamp.connect(reactor, plant.router.rawsocket_port)
    await raw.join(PLANT, plant.router.owner_key)
    answer = await raw.ask(CALL, 1, {}, LIST_DEVICES.uri, [{}], {"request_id": asked})
    assert answer[0] == RESULT
    assert len(seen[0]) == 32
    assert seen[0].isalnum()
    raw.drop()


@pytest_twisted.ensureDeferred
async def test_a_declared_error_arrives_as_itself_with_its_details(
    plant: Plant,
) -> None:
    async def pause(request: RunRef, _caller: Caller) -> Any:
        raise RunPaused(f"run {request.run} is paused", since_ms=7)

    agent, owner = await plant.agent(), await plant.owner()
    await agent.serve(PAUSE_RUN, pause, device=SEVEN)
    with pytest.raises(RunPaused, match="run r1 is paused") as caught:
        await owner.call(PAUSE_RUN, RunRef(run="r1"), device=SEVEN)
    assert caught.value.details == {"since_ms": 7}


@pytest_twisted.ensureDeferred
async def test_a_defect_leaks_nothing_but_a_reference(plant: Plant) -> None:
    async def broken(_request: GetDevice, _caller: Caller) -> Any:
        raise KeyError("password=secret")

    service, owner = await plant.service(), await plant.owner()
    await service.serve(GET_DEVICE, broken)
    with pytest.raises(InternalError) as caught:
        await owner.call(GET_DEVICE, GetDevice(device="x"))
    assert "secret" not in str(caught.value)
    assert "log reference" in str(caught.value)
    assert caught.value.details == {}


@pytest_twisted.ensureDeferred
async def test_a_reply_that_is_not_the_declared_shape_is_no_reply(
    plant: Plant,
) -> None:
    async def wrong(_request: ListDevices, _caller: Caller) -> Any:
        return {"devices": "none"}

    service, owner = await plant.service(), await plant.owner()
    await service.serve(LIST_DEVICES, wrong)
    with pytest.raises(UnexpectedError, match="not a DeviceList"):
        await owner.call(LIST_DEVICES, ListDevices())


@pytest_twisted.ensureDeferred
async def test_people_are_told_of_a_field_that_does_not_exist(plant: Plant) -> None:
    async def devices(_request: ListDevices, _caller: Caller) -> DeviceList:
        return DeviceList(devices=())

    await (await plant.service()).serve(LIST_DEVICES, devices)
    raw = await RawWamp.connect(reactor, plant.router.rawsocket_port)
    await raw.join(PLANT, plant.router.owner_key)
    for payload, words in (
        ([{"limit": 3}], "has no field 'limit'"),
        (["all"], "ListDevices"),
        ([[1]], "ListDevices"),
    ):
        answer = await raw.ask(CALL, 1, {}, LIST_DEVICES.uri, payload)
        assert (answer[0], answer[4]) == (ERROR, InvalidRequest.uri), payload
        assert words in answer[5][0]
    assert (await raw.ask(CALL, 2, {}, LIST_DEVICES.uri))[0] == RESULT
    raw.drop()


@pytest_twisted.ensureDeferred
async def test_a_newer_agents_additional_field_is_ignored(plant: Plant) -> None:
    async def announce(_request: Any, _caller: Caller) -> Announced:
        return Announced(device=SEVEN)

    async def ingest(request: Ingest, _caller: Caller) -> Receipt:
        return Receipt(stream=request.stream, epoch=request.epoch, next_number=0)

    service = await plant.join(plant.router.service_key("fleetdata"))
    await service.serve(INGEST, ingest)
    raw = await RawWamp.connect(reactor, plant.router.rawsocket_port)
    await raw.join(PLANT, await plant.backend.device("plant", SEVEN))
    payload = {"stream": "samples", "epoch": "e", "first": 0, "zip": "zstd"}
    answer = await raw.ask(CALL, 1, {}, INGEST.uri, [payload])
    assert answer[0] == RESULT
    raw.drop()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("link", ["url", "ws_url"])
async def test_bytes_arrive_as_bytes(plant: Plant, link: str) -> None:
    from heddle.contract.samples import SampleColumns

    got: list[Ingest] = []

    async def ingest(request: Ingest, _caller: Caller) -> Receipt:
        got.append(request)
        return Receipt(stream=request.stream, epoch=request.epoch, next_number=1)

    service = await plant.join(plant.router.service_key("fleetdata"))
    await service.serve(INGEST, ingest)
    agent = await plant.agent(getattr(plant.router, link))
    columns = SampleColumns(
        tags=(), tag=b"\0\1", at=b"\xff" * 8, value=b"", quality=b""
    )
    batch = Ingest(stream=Stream.SAMPLES, epoch="e", first=0, samples=columns)
    await agent.call(INGEST, batch)
    assert got == [batch]


@pytest_twisted.ensureDeferred
async def test_what_nobody_serves_says_so(plant: Plant) -> None:
    owner = await plant.owner()
    with pytest.raises(NotServed, match="press_9"):
        await owner.call(RUN_STATUS, RunQuery(), device="press_9")


@pytest_twisted.ensureDeferred
async def test_what_a_role_may_not_call_says_so(plant: Plant) -> None:
    viewer = await plant.join(plant.backend.ticket("ann", "plant", Role.VIEWER))
    with pytest.raises(NotPermitted, match=r"run\.pause"):
        await viewer.call(PAUSE_RUN, RunRef(run="r"), device=SEVEN)
    with pytest.raises(NotPermitted):
        await viewer.serve(LIST_DEVICES, refuse)
    with pytest.raises(NotPermitted):
        await viewer.published(PRESENCE, Presence(online=True), device=SEVEN)
    agent = await plant.agent()
    with pytest.raises(NotPermitted):
        await agent.hear(TELEMETRY, lambda _event, _ids: None)
    with pytest.raises(NotPermitted):
        await agent.authids()


async def refuse(_request: Any, _caller: Caller) -> Any:
    raise DeviceNotFound("there is none")


@pytest_twisted.ensureDeferred
async def test_a_callee_that_leaves_during_the_call_is_no_longer_serving(
    plant: Plant,
) -> None:
    entered: Deferred[None] = Deferred()

    async def never(_request: RunQuery, _caller: Caller) -> RunList:
        entered.callback(None)
        await Deferred()
        raise AssertionError

    owner = await plant.owner()
    async with plant.router.joined(
        None, await plant.backend.device("plant", "press_8")
    ) as agent:
        await agent.serve(RUN_STATUS, never, device="press_8")
        call = Deferred.fromCoroutine(
            owner.call(RUN_STATUS, RunQuery(), device="press_8")
        )
        await entered
    with pytest.raises(NotServed):
        await call


@pytest_twisted.ensureDeferred
async def test_a_call_that_takes_too_long_is_given_up_but_finished(
    plant: Plant,
) -> None:
    finished: list[str] = []

    async def slow(_request: RunQuery, _caller: Caller) -> RunList:
        await deferLater(reactor, 0.3)
        finished.append("slow")
        return RunList(runs=())

    agent, owner = await plant.agent(), await plant.owner()
    await agent.serve(RUN_STATUS, slow, device=SEVEN)
    with pytest.raises(CallTimedOut, match=r"no answer in 0\.1 s"):
        await owner.call(RUN_STATUS, RunQuery(), timeout_s=0.1, device=SEVEN)
    await becomes(reactor, lambda: finished, ["slow"])
    await owner.call(RUN_STATUS, RunQuery(), device=SEVEN)  # the session goes on


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("link", ["url", "ws_url"])
async def test_a_message_too_large_is_refused_and_the_session_goes_on(
    plant: Plant, link: str
) -> None:
    owner = await plant.owner(getattr(plant.router, link))
    definition = {"elements": "x" * 1_000_001}
    with pytest.raises(MessageTooLarge, match="1000"):
        await owner.call(
            INSTALL_FLOW,
            InstallFlow(flow="f", version=1, definition=definition),
            device=SEVEN,
        )
    with pytest.raises(NotServed):
        await owner.call(RUN_STATUS, RunQuery(), device=SEVEN)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("link", ["url", "ws_url"])
async def test_a_reply_too_large_is_told_to_the_caller(plant: Plant, link: str) -> None:
    async def huge(_request: RunQuery, _caller: Caller) -> Any:
        return {"runs": "x" * 1_000_001}

    agent = await plant.agent(getattr(plant.router, link))
    owner = await plant.owner()
    await agent.serve(RUN_STATUS, huge, device=SEVEN)
    with pytest.raises(MessageTooLarge):
        await owner.call(RUN_STATUS, RunQuery(), device=SEVEN)
    with pytest.raises(MessageTooLarge):  # the agent is still there
        await owner.call(RUN_STATUS, RunQuery(), device=SEVEN)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("link", ["url", "ws_url"])
async def test_a_message_of_just_the_size_allowed_arrives(
    plant: Plant, link: str
) -> None:
    async def install(_request: InstallFlow, _caller: Caller) -> Any:
        raise RunNotFound("it arrived")

    agent = await plant.agent(getattr(plant.router, link))
    owner = await plant.owner(getattr(plant.router, link))
    await agent.serve(INSTALL_FLOW, install, device=SEVEN)
    definition = {"elements": "x" * 999_700}
    with pytest.raises(RunNotFound, match="it arrived"):
        await owner.call(
            INSTALL_FLOW,
            InstallFlow(flow="f", version=1, definition=definition),
            device=SEVEN,
        )


@pytest_twisted.ensureDeferred
async def test_hearing_every_device_tells_which_one_it_was(plant: Plant) -> None:
    heard: list[tuple[Presence, str]] = []
    owner, agent = await plant.owner(), await plant.agent()
    eight = await plant.join(await plant.backend.device("plant", "press_8"))
    await owner.hear(PRESENCE, lambda event, ids: heard.append((event, ids["device"])))
    await agent.published(PRESENCE, Presence(online=True), device=SEVEN)
    await eight.published(PRESENCE, Presence(online=False), device="press_8")
    wanted = [(Presence(online=True), SEVEN), (Presence(online=False), "press_8")]
    await becomes(reactor, lambda: heard, wanted)


@pytest_twisted.ensureDeferred
async def test_hearing_one_device_hears_that_one(plant: Plant) -> None:
    heard: list[tuple[bool, str]] = []
    owner, agent = await plant.owner(), await plant.agent()
    eight = await plant.join(await plant.backend.device("plant", "press_8"))
    await owner.hear(
        PRESENCE,
        lambda event, ids: heard.append((event.online, ids["device"])),
        device=SEVEN,
    )
    await eight.published(PRESENCE, Presence(online=True), device="press_8")
    await agent.published(PRESENCE, Presence(online=False), device=SEVEN)
    await becomes(reactor, lambda: heard, [(False, SEVEN)])


@pytest_twisted.ensureDeferred
async def test_a_malformed_event_is_dropped_and_the_next_is_heard(
    plant: Plant,
) -> None:
    from tests.support.rawwamp import PUBLISH, PUBLISHED

    heard: list[Telemetry] = []
    owner = await plant.owner()
    await owner.hear(TELEMETRY, lambda event, _ids: heard.append(event))
    raw = await RawWamp.connect(reactor, plant.router.rawsocket_port)
    await raw.join(PLANT, await plant.backend.device("plant", SEVEN))
    good = {"at_ms": 1, "tags": ["t"], "values": [2.5], "quality": [0]}
    for number, payload in enumerate(([], ["x"], [{"at_ms": "soon"}], [good]), 1):
        uri = TELEMETRY.at(device=SEVEN)
        answer = await raw.ask(PUBLISH, number, {"acknowledge": True}, uri, payload)
        assert answer[0] == PUBLISHED
    wanted = [Telemetry(at_ms=1, tags=("t",), values=(2.5,), quality=(0,))]
    await becomes(reactor, lambda: heard, wanted)
    raw.drop()


@pytest_twisted.ensureDeferred
async def test_a_testament_is_published_when_the_link_is_cut(plant: Plant) -> None:
    heard: list[bool] = []
    owner, agent = await plant.owner(), await plant.agent()
    await owner.hear(PRESENCE, lambda event, _ids: heard.append(event.online))
    await agent.bequeath(PRESENCE, Presence(online=False), device=SEVEN)
    await plant.backend.revoke("plant", SEVEN)
    await becomes(reactor, lambda: heard, [False])


@pytest_twisted.ensureDeferred
async def test_a_session_whose_link_is_gone_says_so(plant: Plant) -> None:
    agent = await plant.agent()
    await plant.backend.revoke("plant", SEVEN)
    empty = Telemetry(at_ms=1, tags=(), values=(), quality=())

    async def noticed() -> bool:
        try:
            await agent.published(TELEMETRY, empty, device=SEVEN)
        except ConnectionLost:
            return True
        return False

    await until(reactor, noticed)
    agent.publish(TELEMETRY, empty, device=SEVEN)  # lost, as it says
    with pytest.raises(ConnectionLost):
        await agent.published(TELEMETRY, empty, device=SEVEN)
    with pytest.raises(ConnectionLost):
        await agent.call(INGEST, Ingest(stream=Stream.SAMPLES, epoch="e", first=0))
    with pytest.raises(ConnectionLost):
        await agent.serve(RUN_STATUS, refuse, device=SEVEN)


@pytest_twisted.ensureDeferred
async def test_a_pending_call_fails_when_the_link_breaks(plant: Plant) -> None:
    entered: Deferred[None] = Deferred()

    async def never(_request: Ingest, _caller: Caller) -> Receipt:
        entered.callback(None)
        await Deferred()
        raise AssertionError

    service = await plant.join(plant.router.service_key("fleetdata"))
    await service.serve(INGEST, never)
    agent = await plant.agent()
    pending = Deferred.fromCoroutine(
        agent.call(INGEST, Ingest(stream=Stream.SAMPLES, epoch="e", first=0))
    )
    await entered
    await plant.backend.revoke("plant", SEVEN)
    with pytest.raises(ConnectionLost):
        await pending


@pytest_twisted.ensureDeferred
async def test_a_device_takes_its_procedures_from_its_former_self(
    plant: Plant,
) -> None:
    async def former(_request: RunQuery, _caller: Caller) -> RunList:
        raise RunNotFound("the former answers")

    async def newer(_request: RunQuery, _caller: Caller) -> RunList:
        raise RunNotFound("the newer answers")

    key = await plant.backend.device("plant", SEVEN)
    first, second = await plant.join(key), await plant.join(key)
    owner = await plant.owner()
    await first.serve(RUN_STATUS, former, device=SEVEN)
    await second.serve(RUN_STATUS, newer, device=SEVEN)
    with pytest.raises(RunNotFound, match="the newer"):
        await owner.call(RUN_STATUS, RunQuery(), device=SEVEN)


@pytest_twisted.ensureDeferred
async def test_who_gives_up_a_call_as_the_link_breaks_hears_that_it_broke(
    router: InProcRouter,
) -> None:
    async def never(_request: ListDevices, _caller: Caller) -> DeviceList:
        await Deferred[None]()
        raise AssertionError

    async def missing(request: GetDevice, _caller: Caller) -> DeviceDetail:
        raise DeviceNotFound(f"no {request.device}")

    async with (
        router.backend(),
        router.joined(PLANT, router.service_key("backend")) as serving,
        router.joined(PLANT, router.owner_key) as owner,
    ):
        await serving.serve(LIST_DEVICES, never)
        await serving.serve(GET_DEVICE, missing)
        asked = [
            Deferred.fromCoroutine(owner.call(LIST_DEVICES, ListDevices()))
            for _ in range(3)
        ]
        failures: list[object] = []

        def failed(failure: Any) -> None:
            failures.append(failure.type)
            for other in asked:  # as a delivery does, whose session is gone
                other.cancel()

        for one in asked:
            one.addErrback(failed)
        with pytest.raises(DeviceNotFound):  # the others are on their way, too
            await owner.call(GET_DEVICE, GetDevice(device=SEVEN))
        owner._wamp.abort()
        await becomes(reactor, lambda: len(failures), 3)
        assert set(failures) <= {ConnectionLost, CallTimedOut}
