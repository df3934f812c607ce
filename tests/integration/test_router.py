"""The router's known traps, each closed: named for the rule that holds instead.

The first eight are those of Crossbar 26.10 that were known when we began; the others
we found in its source. A hostile peer speaks WAMP by hand (``tests/support/rawwamp``).
"""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.request import urlopen

import cbor2
import pytest
import pytest_twisted
from autobahn.wamp.exception import ApplicationError
from cbor2 import CBORTag
from nacl.signing import SigningKey
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from heddle.contract.declare import InternalError, InvalidId, Role
from heddle.contract.devices import (
    ANNOUNCE,
    PRESENCE,
    REDEEM_CODE,
    CodeUnknown,
    DeviceList,
    Enrolled,
    Presence,
    RedeemCode,
)
from heddle.contract.people import CHECK_PASSWORD, CheckPassword, PasswordChecked
from heddle.contract.runs import RUN_STATUS, RunList, RunQuery
from heddle.contract.samples import TELEMETRY, Telemetry
from heddle.wamp.joining import Refused, TicketCredentials
from heddle.wamp.session import Caller, NotPermitted, Session
from services.gatekeeper.admission import Admission
from services.gatekeeper.component import answering
from tests.support.rawwamp import (
    AUTHENTICATE,
    CALL,
    CBOR,
    ERROR,
    EVENT,
    GOODBYE,
    INVOCATION,
    PUBLISH,
    PUBLISHED,
    REGISTER,
    REGISTERED,
    RESULT,
    SUBSCRIBE,
    SUBSCRIBED,
    YIELD,
    RawWamp,
)
from tests.support.router import InProcRouter, running_router
from tests.support.waiting import becomes

PLANT = "project_plant"
READING = Telemetry(at_ms=1, tags=("t",), values=(20.5,), quality=(0,))


async def raw_device(router: InProcRouter, key: SigningKey) -> RawWamp:
    raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
    await raw.join(PLANT, key)
    return raw


def refusal(answer: list[Any]) -> str | None:
    return answer[4] if answer[0] == ERROR else None


class Heard:
    """What a session hears of every device's presence and telemetry."""

    def __init__(self) -> None:
        self.presence: list[tuple[str, bool]] = []
        self.telemetry: list[str] = []

    async def by(self, session: Session) -> "Heard":
        await session.hear(
            PRESENCE, lambda e, ids: self.presence.append((ids["device"], e.online))
        )
        await session.hear(
            TELEMETRY, lambda _, ids: self.telemetry.append(ids["device"])
        )
        return self


# 1: the cache of authorisations forgets who asked


@pytest_twisted.ensureDeferred
async def test_leave_for_one_device_is_no_leave_for_another(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        seven = await backend.device("plant", "press_7")
        eight = await backend.device("plant", "press_8")
        async with (
            router.joined(None, seven) as own,
            router.joined(None, eight) as other,
        ):
            for _ in range(2):  # the refusal locks the owner out no more than the leave
                await own.published(TELEMETRY, READING, device="press_7")
                with pytest.raises(NotPermitted):
                    await other.published(TELEMETRY, READING, device="press_7")
            with pytest.raises(NotPermitted):
                await other.serve(RUN_STATUS, no_runs, device="press_7")
            await own.serve(RUN_STATUS, no_runs, device="press_7")


async def no_runs(_request: RunQuery, _caller: Caller) -> RunList:
    return RunList(runs=())


# 2: an authorizer called by WAMP costs four times a role in the router


@pytest_twisted.ensureDeferred
async def test_every_role_is_the_contracts_and_runs_inside_the_router(
    router: InProcRouter,
) -> None:
    async with router.backend():
        for realm in router.worker.realms.values():
            roles = dict(realm.router._roles)
            del roles["trusted"]  # crossbar's own, for its meta API
            assert {type(role).__name__ for role in roles.values()} == {"ContractRole"}
            assert "anonymous" not in roles
            assert realm.router._authorization_cache == {}


# 3: static wildcard rules overwrite each other


@pytest_twisted.ensureDeferred
async def test_wildcards_with_a_common_beginning_work_beside_each_other(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
        async with (
            router.joined(PLANT, backend.ticket("ann", "plant", Role.VIEWER)) as viewer,
            router.joined(None, key) as agent,
        ):
            heard = await Heard().by(viewer)
            await agent.published(TELEMETRY, READING, device="press_7")
            await agent.published(PRESENCE, Presence(online=True), device="press_7")
            await becomes(
                reactor,
                lambda: (heard.telemetry, heard.presence),
                (["press_7"], [("press_7", True)]),
            )


# 4: a leave for an exact topic is one for every pattern of it


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("uri", "match"),
    [
        ("heddle.device.press_7.telemetry", "prefix"),
        ("heddle.device.", "prefix"),
        ("heddle", "prefix"),
        ("heddle.device..telemetry", "prefix"),
        ("....", "wildcard"),
        ("heddle.device..", "wildcard"),
        ("heddle...telemetry", "wildcard"),
        ("heddle.device.press_7.", "wildcard"),
    ],
)
async def test_no_pattern_reaches_further_than_the_contract(
    router: InProcRouter, uri: str, match: str
) -> None:
    async with router.backend():
        raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
        await raw.join(PLANT, router.owner_key)
        answer = await raw.ask(SUBSCRIBE, 1, {"match": match}, uri)
        assert refusal(answer) in (
            "wamp.error.not_authorized",
            "wamp.error.invalid_uri",
        )
        raw.drop()


@pytest_twisted.ensureDeferred
async def test_a_device_hears_and_serves_no_pattern(router: InProcRouter) -> None:
    async with router.backend() as backend:
        raw = await raw_device(router, await backend.device("plant", "press_7"))
        for match in ("prefix", "wildcard"):
            uri = "heddle.device.press_7.run.status"
            answer = await raw.ask(REGISTER, 1, {"match": match}, uri)
            assert refusal(answer) == "wamp.error.not_authorized"
            uri = "heddle.device..telemetry"
            answer = await raw.ask(SUBSCRIBE, 2, {"match": match}, uri)
            assert refusal(answer) is not None
        raw.drop()


# 5: a kill is a request


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("link", ["url", "ws_url"])
async def test_a_revoked_device_is_cut_whatever_it_does(
    router: InProcRouter, link: str
) -> None:
    async with (
        router.backend() as backend,
        router.joined(PLANT, router.owner_key) as owner,
    ):
        heard = await Heard().by(owner)
        key = await backend.device("plant", "press_7")
        async with router.joined(PLANT, key, getattr(router, link)) as agent:
            await agent.bequeath(PRESENCE, Presence(online=False), device="press_7")
            before = len(router.sessions())
            await backend.revoke("plant", "press_7")
            await becomes(
                reactor,
                lambda: (len(router.sessions()), heard.presence),
                (before - 1, [("press_7", False)]),
            )


@pytest_twisted.ensureDeferred
async def test_a_key_revoked_between_challenge_and_answer_does_not_get_in(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
        raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
        answer = await raw.challenge(PLANT, key)
        await backend.revoke("plant", "press_7")
        raw.say(AUTHENTICATE, answer, {})
        await raw.ended()


# 6: an exception's text travels to the caller


@pytest_twisted.ensureDeferred
async def test_a_defect_at_the_gate_is_told_by_a_reference_alone(
    router: InProcRouter,
) -> None:
    async def broken(_request: CheckPassword, _caller: Caller) -> PasswordChecked:
        raise RuntimeError("select * from secrets")

    async with router.backend() as backend:
        await backend.session.serve(CHECK_PASSWORD, broken)
        with pytest.raises(Refused) as caught:
            async with router.joined("system", TicketCredentials("ann", "x")):
                pass
        assert caught.value.reason == InternalError.uri
        assert re.fullmatch(r"internal error, log reference \w{8}", str(caught.value))


@pytest_twisted.ensureDeferred
async def test_a_defect_of_the_gatekeeper_itself_is_told_by_a_reference_alone() -> None:
    async def broken(*_: object) -> Admission:
        raise RuntimeError("select * from secrets")

    with pytest.raises(ApplicationError) as caught:
        await answering(broken)("system", "ann", {"ticket": "x"})
    assert caught.value.error == InternalError.uri
    assert "secrets" not in str(caught.value)


# 7: one invalid URI ends the connection


@pytest_twisted.ensureDeferred
async def test_an_id_that_would_spoil_a_uri_is_refused_before_it_is_sent(
    router: InProcRouter,
) -> None:
    async with router.backend(), router.joined(PLANT, router.owner_key) as owner:
        for device in ("", "a.b", "Ü", "a b", "a" * 65, "x\n", "#"):
            with pytest.raises(InvalidId):
                await owner.call(RUN_STATUS, RunQuery(), device=device)
        heard = await Heard().by(owner)
        assert heard.presence == []  # the session is still there


@pytest_twisted.ensureDeferred
async def test_an_invalid_uri_ends_only_the_senders_connection(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        raw = await raw_device(router, await backend.device("plant", "press_7"))
        async with router.joined(PLANT, router.owner_key) as owner:
            raw.say(PUBLISH, 1, {}, "heddle device#press_7", [])
            await raw.ended()
            await Heard().by(owner)


# 8: a socket that never says HELLO stays open


@pytest_twisted.ensureDeferred
async def test_who_does_not_join_in_time_is_cut(tmp_path: Any) -> None:
    async with running_router(reactor, tmp_path, patience_s=3) as router:
        port = router.rawsocket_port
        silent = {
            "socket": await RawWamp.connect(reactor, port, greet=False),
            "handshake": await RawWamp.connect(reactor, port),
            "challenge": await RawWamp.connect(reactor, port),
            "goodbye": await RawWamp.connect(reactor, port),
        }
        await silent["challenge"].challenge("system", SigningKey.generate())
        await silent["goodbye"].join("system", SigningKey.generate())
        silent["goodbye"].say(GOODBYE, {}, "wamp.close.normal")
        assert (await silent["goodbye"].receive())[0] == GOODBYE

        def still_there() -> list[str]:
            return [after for after, raw in silent.items() if not raw.closed.called]

        await becomes(reactor, still_there, [])


@pytest_twisted.ensureDeferred
async def test_who_joined_in_time_stays(tmp_path: Any) -> None:
    async with (
        running_router(reactor, tmp_path, patience_s=3) as router,
        router.joined("system", router.owner_key, router.url),
        router.joined("system", router.owner_key, router.ws_url),
    ):
        later = await RawWamp.connect(reactor, router.rawsocket_port, greet=False)
        await later.ended()  # so the patience with the others would be over too
        assert len(router.sessions()) == 2


@pytest_twisted.ensureDeferred
async def test_a_silent_websocket_is_cut(tmp_path: Any) -> None:
    from autobahn.twisted.websocket import (
        WebSocketClientFactory,
        WebSocketClientProtocol,
    )
    from twisted.internet.endpoints import TCP4ClientEndpoint

    async with running_router(reactor, tmp_path, patience_s=0.3) as router:
        factory = WebSocketClientFactory(router.ws_url, protocols=["wamp.2.json"])
        factory.protocol, factory.noisy = WebSocketClientProtocol, False
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", router.port)
        protocol = await endpoint.connect(factory)
        await protocol.is_closed.addTimeout(60, reactor)


@pytest_twisted.ensureDeferred
async def test_a_silent_http_connection_is_cut(tmp_path: Any) -> None:
    """Before the WebSocket handshake it is HTTP's patience that counts."""
    router = InProcRouter(reactor, tmp_path)
    router.config_of_worker["transports"][0]["options"]["client_timeout"] = 3
    await router.start()
    async with router.joined("system", router.owner_key, router.ws_url):
        later = await RawWamp.connect(reactor, router.port, greet=False)
        await later.ended()
        assert len(router.sessions()) == 1
    await router.stop()


# Beyond the eight


@pytest_twisted.ensureDeferred
async def test_nobody_speaks_for_another_session(router: InProcRouter) -> None:
    """``forward_for`` is for links between routers; Crossbar believes it of all."""
    callers: list[str] = []

    async def note(_request: object, caller: Caller) -> object:
        callers.append(caller.authid)
        return DeviceList(devices=())

    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
        async with router.joined(PLANT, router.service_key("backend")) as service:
            await service.serve(ANNOUNCE, note)  # type: ignore[arg-type]
            forged = [{"session": 1, "authid": "press_8", "authrole": "agent"}]
            for message in (
                (CALL, 1, {"forward_for": forged}, ANNOUNCE.uri, [{}]),
                (
                    PUBLISH,
                    1,
                    {"forward_for": forged},
                    "heddle.device.press_7.presence",
                    [{"online": True}],
                ),
            ):
                raw = await raw_device(router, key)
                raw.say(*message)
                await raw.ended()
            assert callers == []


@pytest_twisted.ensureDeferred
async def test_nobody_answers_a_call_made_to_somebody_else(
    router: InProcRouter,
) -> None:
    """Crossbar takes an invocation's ERROR from any session that guesses its number."""
    async with router.backend() as backend:
        seven = await raw_device(router, await backend.device("plant", "press_7"))
        thief = await raw_device(router, await backend.device("plant", "press_8"))
        uri = RUN_STATUS.at(device="press_7")
        assert (await seven.ask(REGISTER, 1, {}, uri))[0] == REGISTERED
        owner = await RawWamp.connect(router.reactor, router.rawsocket_port)
        await owner.join(PLANT, router.owner_key)
        owner.say(CALL, 1, {}, uri, [{}])
        kind, number, *_ = await seven.receive()
        assert kind == INVOCATION
        thief.say(ERROR, INVOCATION, number, {}, "heddle.error.run_not_found")
        await thief.ended()
        seven.say(YIELD, number, {}, [{"runs": []}])
        assert (await owner.receive())[0] == RESULT
        owner.drop()
        seven.drop()


@pytest_twisted.ensureDeferred
async def test_a_testament_on_another_devices_topic_is_not_delivered(
    router: InProcRouter,
) -> None:
    async with (
        router.backend() as backend,
        router.joined(PLANT, router.owner_key) as owner,
    ):
        heard = await Heard().by(owner)
        key = await backend.device("plant", "press_8")
        for how in ("goodbye", "drop"):
            raw = await raw_device(router, key)
            for number, device in enumerate(("press_7", "press_8"), 1):
                will = [PRESENCE.at(device=device), [{"online": False}], {}]
                answer = await raw.ask(
                    CALL, number, {}, "wamp.session.add_testament", will
                )
                assert answer[0] == RESULT
            if how == "goodbye":
                await raw.ask(GOODBYE, {}, "wamp.close.normal")
            raw.drop()
            await becomes(reactor, lambda: heard.presence, [("press_8", False)])
            heard.presence.clear()


@pytest_twisted.ensureDeferred
async def test_a_testament_does_not_speak_for_another_session(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        listener = await RawWamp.connect(router.reactor, router.rawsocket_port)
        await listener.join(PLANT, router.owner_key)
        topic = PRESENCE.at(device="press_8")
        assert (await listener.ask(SUBSCRIBE, 1, {}, topic))[0] == SUBSCRIBED
        raw = await raw_device(router, await backend.device("plant", "press_8"))
        forged = [{"session": 1, "authid": "press_7", "authrole": "backend"}]
        will = [topic, [{"online": False}], {}, {"forward_for": forged}]
        await raw.ask(CALL, 1, {}, "wamp.session.add_testament", will)
        raw.drop()
        kind, _, _, details, *_ = await listener.receive()
        assert kind == EVENT
        assert details["publisher_authid"] == "press_8"
        listener.drop()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    "payload",
    [
        {1: 2},
        {"deep": [{b"a": 1}]},
        datetime(2026, 1, 1, tzinfo=UTC),
        1 << 70,
        {1},
        CBORTag(4711, 1),
    ],
)
async def test_a_payload_that_others_cannot_read_harms_only_its_sender(
    router: InProcRouter, payload: object
) -> None:
    """Anyone may call this procedure, and CBOR says what MessagePack cannot."""
    async with router.backend() as backend:
        await backend.session.serve(REDEEM_CODE, no_code)
        raw = await RawWamp.connect(
            router.reactor, router.rawsocket_port, serializer=CBOR
        )
        await raw.join("system", SigningKey.generate())
        raw.say(CALL, 1, {}, REDEEM_CODE.uri, [payload])
        await raw.ended()
        await backend.open("other")  # the backend is still there


async def no_code(_request: RedeemCode, _caller: Caller) -> Enrolled:
    raise CodeUnknown("no such code")


@pytest_twisted.ensureDeferred
async def test_a_payload_that_grows_when_written_out_is_refused(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        await backend.session.serve(REDEEM_CODE, no_code)
        raw = await RawWamp.connect(
            router.reactor, router.rawsocket_port, serializer=CBOR
        )
        await raw.join("system", SigningKey.generate())
        laughs: list[object] = [0]
        for _ in range(60):
            laughs = [laughs, laughs]
        call = [CALL, 1, {}, REDEEM_CODE.uri, laughs]
        raw.sendString(cbor2.dumps(call, value_sharing=True))
        await raw.ended()
        await backend.open("other")


@pytest_twisted.ensureDeferred
async def test_a_second_hello_on_one_connection_ends_it(router: InProcRouter) -> None:
    raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
    await raw.challenge("system", SigningKey.generate())
    raw.hello("system", authmethods=["ticket"], authid="ann")
    await raw.ended()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    "uri",
    [
        "wamp.session.kill",
        "wamp.session.kill_all",
        "wamp.session.list",
        "wamp.session.get",
        "wamp.registration.list",
        "wamp.subscription.list_subscribers",
        "heddle.gatekeeper.authenticate.key",
        "heddle.gatekeeper.realm.open",
    ],
)
async def test_the_routers_own_procedures_are_not_for_everybody(
    router: InProcRouter, uri: str
) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
        for realm, who in ((PLANT, key), (PLANT, router.owner_key), ("system", key)):
            raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
            await raw.join(realm, who)
            answer = await raw.ask(CALL, 1, {}, uri, [])
            assert refusal(answer) == "wamp.error.not_authorized"
            raw.drop()


@pytest_twisted.ensureDeferred
async def test_nobody_publishes_what_the_router_tells(router: InProcRouter) -> None:
    async with router.backend() as backend:
        raw = await raw_device(router, await backend.device("plant", "press_7"))
        options = {"acknowledge": True}
        answer = await raw.ask(PUBLISH, 1, options, "wamp.session.on_leave", [1])
        assert refusal(answer) == "wamp.error.invalid_uri"
        options["retain"] = True
        topic = PRESENCE.at(device="press_7")
        answer = await raw.ask(PUBLISH, 2, options, topic, [{"online": True}])
        assert refusal(answer) == "wamp.error.not_authorized"
        del options["retain"]
        answer = await raw.ask(PUBLISH, 3, options, topic, [{"online": True}])
        assert answer[0] == PUBLISHED
        raw.drop()


@pytest_twisted.ensureDeferred
async def test_a_message_over_a_megabyte_ends_the_connection(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        raw = await raw_device(router, await backend.device("plant", "press_7"))
        raw.say(PUBLISH, 1, {}, PRESENCE.at(device="press_7"), [b"x" * (1 << 20)])
        await raw.ended()


def read(url: str) -> bytes:
    with urlopen(url, timeout=60) as response:  # noqa: S310 -- our own http URL
        content: bytes = response.read()
        return content


@pytest_twisted.ensureDeferred
async def test_the_page_is_served_beside_the_websocket(router: InProcRouter) -> None:
    page = await deferToThread(lambda: read(router.web_url))
    assert b"heddle" in page


@pytest_twisted.ensureDeferred
async def test_the_backend_sees_who_is_in_a_realm(router: InProcRouter) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
        async with (
            router.joined(PLANT, router.service_key("backend")) as service,
            router.joined(PLANT, router.owner_key),
            router.joined(PLANT, key),
        ):
            assert await service.authids(Role.AGENT) == {"press_7"}
            assert {"press_7", "owner"} < await service.authids()
