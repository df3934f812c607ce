"""Who gets in, as whom, and who is refused with which words."""

from pathlib import Path

import jwt
import pytest
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.signing import SigningKey

from heddle.contract.declare import FleetError, InvalidId, InvalidRequest, Role
from heddle.contract.devices import LIST_DEVICES, REDEEM_CODE, ListDevices, RedeemCode
from heddle.contract.gate import (
    OPEN_REALM,
    SET_DIRECTORY,
    DeviceKey,
    Directory,
    KeyOfAnotherProject,
    KeyUnknown,
    LoginUnavailable,
    OpenRealm,
    RealmUnknown,
    TicketInvalid,
    TooManyAttempts,
)
from heddle.contract.people import LoginRefused, ProjectNotFound
from heddle.wamp.joining import Joined, Refused, TicketCredentials
from heddle.wamp.keys import public_hex
from heddle.wamp.session import NotPermitted, NotServed
from tests.support.rawwamp import ABORT, AUTHENTICATE, CHALLENGE, WELCOME, RawWamp
from tests.support.router import InProcRouter
from tests.support.waiting import until

PLANT = "project_plant"


async def refused(joining: Joined) -> Refused:
    with pytest.raises(Refused) as caught:
        async with joining:
            pass
    return caught.value


def because(error: type[FleetError], refusal: Refused) -> bool:
    return refusal.reason == error.uri


# Keys


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("link", ["url", "ws_url"])
async def test_a_device_key_is_its_device_in_its_own_project(
    router: InProcRouter, link: str
) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
        for realm in (PLANT, None):
            async with router.joined(realm, key, getattr(router, link)) as agent:
                assert (agent.authid, agent.realm) == ("press_7", PLANT)


@pytest_twisted.ensureDeferred
async def test_an_unknown_key_may_only_redeem_a_code(router: InProcRouter) -> None:
    key = SigningKey.generate()
    async with router.joined("system", key) as newcomer:
        assert newcomer.authid == public_hex(key)
        with pytest.raises(NotServed):  # allowed; no backend is here
            await newcomer.call(REDEEM_CODE, RedeemCode(code="x"))
        with pytest.raises(NotPermitted):
            await newcomer.call(OPEN_REALM, OpenRealm(project="mine"))


@pytest_twisted.ensureDeferred
async def test_an_unknown_key_is_not_enrolled_in_any_project(
    router: InProcRouter,
) -> None:
    async with router.backend():
        for realm in (PLANT, None):
            refusal = await refused(router.joined(realm, SigningKey.generate()))
            assert because(KeyUnknown, refusal)
            assert "is not enrolled" in str(refusal)


@pytest_twisted.ensureDeferred
async def test_a_device_key_does_not_open_another_project(
    router: InProcRouter,
) -> None:
    async with router.backend(projects=("plant", "other")) as backend:
        key = await backend.device("plant", "press_7")
        refusal = await refused(router.joined("project_other", key))
        assert because(KeyOfAnotherProject, refusal)
        assert "press_7" in str(refusal)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("who", ["backend", "owner", "device"])
async def test_a_realm_that_is_not_there_is_refused(
    router: InProcRouter, who: str
) -> None:
    async with router.backend() as backend:
        keys = {**router.keys, "device": await backend.device("plant", "press_7")}
        refusal = await refused(router.joined("project_nowhere", keys[who]))
        assert because(ProjectNotFound, refusal)
        assert "there is no project 'nowhere'" in str(refusal)
        refusal = await refused(router.joined("realm1", keys[who]))
        assert because(RealmUnknown, refusal)


@pytest_twisted.ensureDeferred
async def test_the_owners_key_is_a_person_in_system_and_owner_in_every_project(
    router: InProcRouter,
) -> None:
    async with router.backend(projects=("plant", "other")):
        raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
        roles = []
        for realm in ("system", PLANT, "project_other"):
            raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
            welcome = await raw.join(realm, router.owner_key)
            roles.append((welcome["authrole"], welcome["authid"]))
            raw.drop()
        assert roles == [("person", "owner"), ("owner", "owner"), ("owner", "owner")]


@pytest_twisted.ensureDeferred
async def test_role_and_name_are_never_taken_from_the_client(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
        raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
        raw.hello(
            PLANT,
            authmethods=["cryptosign"],
            authid="press_8",
            authrole="backend",
            authextra={"pubkey": public_hex(key), "role": "owner"},
        )
        _, _, details = await raw.receive()
        kind, _, welcome = await raw.ask(
            AUTHENTICATE, key.sign(bytes.fromhex(details["challenge"])).hex(), {}
        )
        assert kind == WELCOME
        assert (welcome["authid"], welcome["authrole"]) == ("press_7", "agent")
        raw.drop()


@pytest_twisted.ensureDeferred
async def test_a_key_must_be_proved(router: InProcRouter) -> None:
    raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
    extra = {"pubkey": public_hex(router.service_key("backend"))}
    raw.hello("system", authmethods=["cryptosign"], authextra=extra)
    _, _, details = await raw.receive()
    forged = SigningKey.generate().sign(bytes.fromhex(details["challenge"])).hex()
    kind, details, _reason = await raw.ask(AUTHENTICATE, forged, {})
    assert kind == ABORT
    assert "signature" in details["message"]
    raw.drop()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("key", [None, 7, "", "abc", "z" * 64, ["a"], {}, "é" * 64])
async def test_a_key_that_is_none_is_refused_not_left_waiting(
    router: InProcRouter, key: object
) -> None:
    raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
    raw.hello("system", authmethods=["cryptosign"], authextra={"pubkey": key})
    kind, details, reason = await raw.receive()
    assert (kind, reason) == (ABORT, InvalidRequest.uri)
    assert "64 hex digits" in details["message"]
    raw.drop()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("realm", ["system", "project_plant", None])
async def test_nobody_is_anonymous(router: InProcRouter, realm: str | None) -> None:
    async with router.backend():
        for methods in (["anonymous"], [], ["cookie"], ["cryptosign-proxy"]):
            raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
            raw.hello(realm, authmethods=methods)
            assert (await raw.receive())[0] == ABORT
            raw.drop()


# Passwords


@pytest_twisted.ensureDeferred
async def test_a_right_password_makes_a_person(router: InProcRouter) -> None:
    async with (
        router.backend(passwords={"ann": "secret"}),
        router.joined("system", TicketCredentials("ann", "secret")) as person,
    ):
        assert person.authid == "ann"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("bob", "secret")])
async def test_a_wrong_user_and_a_wrong_password_are_told_alike(
    router: InProcRouter, user: str, password: str
) -> None:
    async with router.backend(passwords={"ann": "secret"}):
        refusal = await refused(
            router.joined("system", TicketCredentials(user, password))
        )
        assert because(LoginRefused, refusal)
        assert str(refusal) == "user or password is wrong"


@pytest_twisted.ensureDeferred
async def test_who_guesses_passwords_has_to_wait(router: InProcRouter) -> None:
    async with router.backend(passwords={"ann": "secret", "bob": "other"}):
        guess = TicketCredentials("ann", "wrong")
        right = TicketCredentials("ann", "secret")
        refusals: list[Refused] = []

        async def has_to_wait() -> bool:
            for _ in range(5):
                refusal = await refused(router.joined("system", guess))
                assert because(LoginRefused, refusal)
            try:
                async with router.joined("system", right):
                    return False  # we took so long that the second was over
            except Refused as refusal:
                refusals.append(refusal)
                return True

        await until(router.reactor, has_to_wait)
        assert because(TooManyAttempts, refusals[0])
        assert "try again in" in str(refusals[0])
        async with router.joined("system", TicketCredentials("bob", "other")) as bob:
            assert bob.authid == "bob"


@pytest_twisted.ensureDeferred
async def test_without_a_backend_nobody_can_sign_in_and_is_told_so(
    router: InProcRouter,
) -> None:
    for _ in range(8):  # these are no wrong passwords: nobody has to wait for them
        refusal = await refused(
            router.joined("system", TicketCredentials("ann", "secret"))
        )
        assert because(LoginUnavailable, refusal)
    assert "try again" in str(refusal)


# Tickets


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("role", [Role.OWNER, Role.OPERATOR, Role.VIEWER])
async def test_a_ticket_gives_its_role_in_its_project(
    router: InProcRouter, role: Role
) -> None:
    async with router.backend() as backend:
        raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
        credentials = backend.ticket("ann", "plant", role)
        raw.hello(PLANT, authmethods=["ticket"], authid="ann")
        assert (await raw.receive())[0] == CHALLENGE
        kind, _, welcome = await raw.ask(AUTHENTICATE, credentials.ticket, {})
        assert (kind, welcome["authrole"], welcome["authid"]) == (WELCOME, role, "ann")
        raw.drop()


@pytest_twisted.ensureDeferred
async def test_a_ticket_is_good_while_the_backend_is_away(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        ticket = backend.ticket("ann", "plant", Role.VIEWER)
    async with router.joined(PLANT, ticket) as viewer:
        assert viewer.authid == "ann"


@pytest_twisted.ensureDeferred
async def test_a_ticket_that_is_not_right_is_refused(router: InProcRouter) -> None:
    async with router.backend(projects=("plant", "other")) as backend:
        good = backend.ticket("ann", "plant", Role.VIEWER)
        expired = backend.ticket("ann", "plant", Role.VIEWER, valid_s=-1)
        forged = jwt.encode(
            jwt.decode(good.ticket, options={"verify_signature": False}),
            Ed25519PrivateKey.generate(),
            algorithm="EdDSA",
        )
        unsigned = jwt.encode(
            jwt.decode(good.ticket, options={"verify_signature": False}),
            None,
            algorithm="none",
        )
        wrong = {
            "expired": (PLANT, expired),
            "not one of the backend's": (PLANT, TicketCredentials("ann", forged)),
            "not one": (PLANT, TicketCredentials("ann", unsigned)),
            "not": (PLANT, TicketCredentials("ann", "nonsense")),
            "not for user bob": (PLANT, TicketCredentials("bob", good.ticket)),
            "in project other": ("project_other", good),
            "backend's": (
                PLANT,
                backend.ticket("ann", "plant", Role.VIEWER, aud="else"),
            ),
            "no person has": (PLANT, backend.ticket("ann", "plant", Role.BACKEND)),
        }
        for words, (realm, credentials) in wrong.items():
            refusal = await refused(router.joined(realm, credentials))
            assert because(TicketInvalid, refusal), words
            assert words in str(refusal)


@pytest_twisted.ensureDeferred
async def test_before_a_backend_was_ever_here_no_ticket_is_good(
    router: InProcRouter,
) -> None:
    refusal = await refused(router.joined(PLANT, TicketCredentials("ann", "x.y.z")))
    assert because(ProjectNotFound, refusal)


# What the backend tells


@pytest_twisted.ensureDeferred
async def test_realms_and_keys_are_there_again_after_a_restart_without_backend(
    router: InProcRouter,
) -> None:
    async with router.backend(projects=("plant",)) as backend:
        key = await backend.device("plant", "press_7")
        await backend.open("other")
        ticket = backend.ticket("ann", "other", Role.VIEWER)
    await router.restart()
    async with router.joined(None, key) as agent:
        assert agent.realm == PLANT
    async with router.joined("project_other", ticket) as viewer:
        assert viewer.authid == "ann"
    async with router.joined("project_other", router.owner_key) as owner:
        with pytest.raises(NotServed):
            await owner.call(LIST_DEVICES, ListDevices())


@pytest_twisted.ensureDeferred
async def test_a_damaged_copy_is_forgotten_not_fatal(router: InProcRouter) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
    (router.folder / "gatekeeper.json").write_text('{"projects": 7')
    await router.restart()
    assert because(KeyUnknown, await refused(router.joined(None, key)))
    async with router.backend() as backend:
        await backend.device("plant", "press_7", key)
        async with router.joined(None, key) as agent:
            assert agent.authid == "press_7"


@pytest_twisted.ensureDeferred
async def test_a_project_that_is_gone_is_refused_and_its_people_are_cut(
    router: InProcRouter,
) -> None:
    async with router.backend(projects=("plant", "other")) as backend:
        key = await backend.device("other", "press_7")
        raws = [
            await RawWamp.connect(router.reactor, router.rawsocket_port)
            for _ in range(2)
        ]
        await raws[0].join("project_other", router.owner_key)
        await raws[1].join("project_other", key)
        backend.projects, backend.devices = ("plant",), {}
        await backend.tell()
        for raw in raws:
            await raw.ended()
        refusal = await refused(router.joined("project_other", router.owner_key))
        assert because(ProjectNotFound, refusal)


@pytest_twisted.ensureDeferred
async def test_a_device_with_a_new_key_is_cut_from_the_old(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        old = await backend.device("plant", "press_7")
        raw = await RawWamp.connect(router.reactor, router.rawsocket_port)
        await raw.join(PLANT, old)
        new = await backend.device("plant", "press_7")
        await raw.ended()
        assert because(KeyUnknown, await refused(router.joined(PLANT, old)))
        async with router.joined(PLANT, new) as agent:
            assert agent.authid == "press_7"


@pytest_twisted.ensureDeferred
async def test_a_directory_that_makes_no_sense_changes_nothing(
    router: InProcRouter,
) -> None:
    async with router.backend() as backend:
        key = await backend.device("plant", "press_7")
        good_key, ticket_key = public_hex(key), "0" * 64
        for flaw, projects, device in (
            (InvalidId, ("Plant",), ("plant", "press_7", good_key)),
            (InvalidId, ("plant",), ("plant", "press.7", good_key)),
            (InvalidRequest, ("plant",), ("plant", "press_7", "key")),
        ):
            project, name, public_key = device
            devices = (DeviceKey(project=project, device=name, public_key=public_key),)
            with pytest.raises(flaw):
                await backend.session.call(
                    SET_DIRECTORY,
                    Directory(
                        projects=projects, devices=devices, ticket_key=ticket_key
                    ),
                )
        async with router.joined(None, key) as agent:
            assert agent.authid == "press_7"


@pytest_twisted.ensureDeferred
async def test_the_copy_on_disk_is_whole_and_holds_no_secret(
    router: InProcRouter, tmp_path: Path
) -> None:
    async with router.backend(passwords={"ann": "secret"}) as backend:
        key = await backend.device("plant", "press_7")
        async with router.joined("system", TicketCredentials("ann", "secret")):
            kept = (tmp_path / "gatekeeper.json").read_text()
    assert public_hex(key) in kept
    assert "secret" not in kept
    assert not (tmp_path / "gatekeeper.json.new").exists()
