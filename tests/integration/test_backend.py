"""The backend with a real router and a real PostgreSQL: people, projects, flows."""

import json
from pathlib import Path

import jwt
import psycopg
import pytest
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from heddle.contract.declare import (
    SYSTEM_REALM,
    InvalidId,
    InvalidRequest,
    NotPermitted,
    Role,
)
from heddle.contract.devices import LIST_DEVICES, ListDevices
from heddle.contract.flows import FlowInvalid, FlowNotFound
from heddle.contract.lifecycle import (
    GET_FLOW,
    LIST_FLOWS,
    SAVE_FLOW,
    GetFlow,
    ListFlows,
    SaveFlow,
)
from heddle.contract.people import (
    CREATE_PROJECT,
    CREATE_USER,
    LIST_PROJECTS,
    LIST_USERS,
    OPEN_SESSION,
    PROJECT_CREATED,
    RENEW_SESSION,
    CreateProject,
    CreateUser,
    ListProjects,
    ListUsers,
    OpenSession,
    Project,
    ProjectExists,
    ProjectNotFound,
    RenewSession,
    User,
    UserExists,
)
from heddle.wamp.joining import Refused
from heddle.wamp.keys import public_hex
from tests.support.fleet import Fleet, running_fleet
from tests.support.waiting import until

EXAMPLE = json.loads(
    (Path(__file__).parents[2] / "examples/flows/bioreactor.json").read_text()
)
PASSWORD = "a good password"


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


@pytest_twisted.ensureDeferred
async def test_login_gives_a_ticket_for_the_only_project(fleet: Fleet) -> None:
    ticket = await fleet.ticket()
    assert (ticket.user, ticket.project, ticket.realm, ticket.role) == (
        "admin",
        "plant",
        "project_plant",
        Role.OWNER,
    )
    key = Ed25519PublicKey.from_public_bytes(
        bytes.fromhex(public_hex(fleet.router.service_key("backend")))
    )
    claims = jwt.decode(ticket.ticket, key, algorithms=["EdDSA"], audience="heddle")
    assert claims["exp"] * 1000 == ticket.expires_at_ms
    assert 800 < claims["exp"] - reactor.seconds() <= 900
    async with fleet.inside(ticket) as session:
        renewed = await session.call(RENEW_SESSION, RenewSession())
    assert (renewed.user, renewed.project, renewed.role) == (
        "admin",
        "plant",
        Role.OWNER,
    )


@pytest.mark.parametrize("user", ["admin", "nobody", "No such id", "a\x00b"])
@pytest_twisted.ensureDeferred
async def test_a_wrong_login_does_not_tell_what_is_wrong(user, fleet: Fleet) -> None:
    with pytest.raises(Refused, match=r"^user or password is wrong$"):
        async with fleet.person(user, "wrong password"):
            pass


@pytest_twisted.ensureDeferred
async def test_a_project_is_made_at_run_time(fleet: Fleet) -> None:
    heard: list[Project] = []
    fleetdata_key = fleet.router.service_key("fleetdata")
    async with (
        fleet.router.joined(SYSTEM_REALM, fleetdata_key) as fleetdata,
        fleet.person() as admin,
    ):
        await fleetdata.hear(PROJECT_CREATED, lambda event, _ids: heard.append(event))
        made = await admin.call(
            CREATE_PROJECT, CreateProject(project="brewery", name="The brewery")
        )
        assert made == Project(project="brewery", name="The brewery")
        async with fleet.owner("brewery") as owner:
            assert not (await owner.call(LIST_DEVICES, ListDevices())).devices
        with pytest.raises(ProjectExists, match="a project brewery already"):
            await admin.call(CREATE_PROJECT, CreateProject(project="brewery"))
        with pytest.raises(InvalidId):
            await admin.call(CREATE_PROJECT, CreateProject(project="The brewery"))
        with pytest.raises(InvalidRequest, match="printable"):
            await admin.call(CREATE_PROJECT, CreateProject(project="x", name="\x00"))
        with pytest.raises(InvalidRequest, match="name one: brewery, plant"):
            await admin.call(OPEN_SESSION, OpenSession())
        found = await fleetdata.call(LIST_PROJECTS, ListProjects())
        assert [p.project for p in found.projects] == ["brewery", "plant"]
    await until(reactor, _true_when(lambda: heard == [made]))
    key = await fleet.enrol("kettle", "brewery")
    async with fleet.agent(key, "brewery") as agent:
        assert agent.realm == "project_brewery"


def _true_when(look):
    async def ask() -> bool:
        return bool(look())

    return ask


VERA = CreateUser(user="vera", role=Role.VIEWER, password=PASSWORD)


@pytest_twisted.ensureDeferred
async def test_people_are_added_and_may_what_their_role_may(fleet: Fleet) -> None:
    async with fleet.owner() as owner:
        added = await owner.call(CREATE_USER, VERA)
        assert added == User(user="vera", role=Role.VIEWER)
        with pytest.raises(UserExists, match="vera is in project plant already"):
            await owner.call(CREATE_USER, VERA)
        users = (await owner.call(LIST_USERS, ListUsers())).users
        assert [user.user for user in users] == ["admin", "vera"]
    async with fleet.person("vera", PASSWORD) as session:
        with pytest.raises(NotPermitted, match="vera is no administrator"):
            await session.call(CREATE_PROJECT, CreateProject(project="brewery"))
    async with fleet.inside(await fleet.ticket("plant", "vera", PASSWORD)) as viewer:
        with pytest.raises(NotPermitted):
            await viewer.call(CREATE_USER, VERA)


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (
            CreateUser(user="x", role=Role.VIEWER, password="short"),
            "8 to 1024 characters",
        ),
        (CreateUser(user="x", role=Role.VIEWER), "no user x yet: give a password"),
        (
            CreateUser(user="x", role=Role.AGENT, password=PASSWORD),
            "cannot be agent: use owner",
        ),
    ],
)
@pytest_twisted.ensureDeferred
async def test_who_cannot_be_added_is_refused(request_, sentence, fleet: Fleet) -> None:
    async with fleet.owner() as owner:
        with pytest.raises(InvalidRequest, match=sentence):
            await owner.call(CREATE_USER, request_)


@pytest_twisted.ensureDeferred
async def test_people_stay_in_their_projects(fleet: Fleet) -> None:
    async with fleet.owner() as owner:
        await owner.call(CREATE_USER, VERA)
    async with fleet.person() as admin:
        await admin.call(CREATE_PROJECT, CreateProject(project="brewery"))
    with pytest.raises(ProjectNotFound, match="vera is not in it"):
        await fleet.ticket("brewery", "vera", PASSWORD)
    async with fleet.owner("brewery") as owner:
        with pytest.raises(InvalidRequest, match="leave the password out"):
            await owner.call(CREATE_USER, VERA)
        await owner.call(CREATE_USER, CreateUser(user="vera", role=Role.OPERATOR))
    assert (await fleet.ticket("brewery", "vera", PASSWORD)).role is Role.OPERATOR
    assert (await fleet.ticket("plant", "vera", PASSWORD)).role is Role.VIEWER


@pytest_twisted.ensureDeferred
async def test_flows_are_kept_in_versions_as_their_author_wrote_them(
    fleet: Fleet,
) -> None:
    turned = dict(reversed(EXAMPLE.items()))
    changed = {**EXAMPLE, "version": "2"}
    async with fleet.owner() as owner:
        first = await owner.call(
            SAVE_FLOW, SaveFlow(flow="bio", name="Bioreactor", definition=EXAMPLE)
        )
        assert (first.version, first.saved_by, first.name) == (1, "admin", "Bioreactor")
        again = await owner.call(SAVE_FLOW, SaveFlow(flow="bio", definition=turned))
        assert again == first
        second = await owner.call(SAVE_FLOW, SaveFlow(flow="bio", definition=changed))
        assert (second.version, second.name) == (2, "Bioreactor")
        newest = await owner.call(GET_FLOW, GetFlow(flow="bio"))
        assert newest == second
        former = await owner.call(GET_FLOW, GetFlow(flow="bio", version=1))
        assert json.dumps(former.definition) == json.dumps(EXAMPLE)
        (listed,) = (await owner.call(LIST_FLOWS, ListFlows())).flows
        assert (listed.flow, listed.version) == ("bio", 2)
        with pytest.raises(FlowNotFound, match="no flow bio version 3"):
            await owner.call(GET_FLOW, GetFlow(flow="bio", version=3))
        with pytest.raises(FlowNotFound, match="no flow other"):
            await owner.call(GET_FLOW, GetFlow(flow="other"))


@pytest_twisted.ensureDeferred
async def test_a_broken_workflow_is_refused_with_every_finding(fleet: Fleet) -> None:
    broken = {"id": "x", "elements": []}
    async with fleet.owner() as owner:
        with pytest.raises(FlowInvalid) as refused:
            await owner.call(SAVE_FLOW, SaveFlow(flow="bio", definition=broken))
        findings = refused.value.details["findings"]
        assert isinstance(findings, list)
        assert {"NO_PHASES", "NO_END_EVENT_DISPATCHER"} <= {f["rule"] for f in findings}
        with pytest.raises(InvalidRequest, match="not JSON"):
            await owner.call(
                SAVE_FLOW, SaveFlow(flow="bio", definition={"id": float("nan")})
            )
        assert not (await owner.call(LIST_FLOWS, ListFlows())).flows


@pytest_twisted.ensureDeferred
async def test_a_restart_keeps_everything(fleet: Fleet, plain_database: str) -> None:
    key = await fleet.enrol("press_7")
    async with fleet.person() as admin:
        await admin.call(CREATE_PROJECT, CreateProject(project="brewery"))
    async with fleet.owner() as owner:
        await owner.call(SAVE_FLOW, SaveFlow(flow="bio", definition=EXAMPLE))
    with psycopg.connect(plain_database) as connection:
        hashes = connection.execute("select password_hash from app_user").fetchall()
    await fleet.stop_backend()
    (fleet.folder / "gatekeeper.json").unlink()
    await fleet.router.restart()
    await fleet.start_backend()
    async with fleet.owner() as owner:
        assert (await owner.call(GET_FLOW, GetFlow(flow="bio"))).version == 1
    async with fleet.agent(key) as agent:
        assert agent.authid == "press_7"
    assert (await fleet.ticket("brewery")).project == "brewery"
    with psycopg.connect(plain_database) as connection:
        assert (
            hashes
            == connection.execute("select password_hash from app_user").fetchall()
        )


@pytest_twisted.ensureDeferred
async def test_a_restarted_router_is_served_again(fleet: Fleet) -> None:
    await fleet.router.restart()
    await fleet.served()
    key = await fleet.enrol("press_7")
    async with fleet.agent(key):
        pass


@pytest_twisted.ensureDeferred
async def test_expired_tickets_end_but_may_be_renewed_before(fleet: Fleet) -> None:
    await fleet.stop_backend()
    await fleet.start_backend(ticket_valid_s=2)
    ticket = await fleet.ticket()
    await deferLater(reactor, 2.5)
    with pytest.raises(Refused, match="expired: sign in again"):
        async with fleet.inside(ticket):
            pass


@pytest_twisted.ensureDeferred
async def test_calls_at_once_are_all_answered(fleet: Fleet) -> None:
    from twisted.internet.defer import gatherResults

    async with fleet.owner() as owner:
        saved = await gatherResults(
            [
                Deferred.fromCoroutine(
                    owner.call(
                        SAVE_FLOW,
                        SaveFlow(flow="bio", definition={**EXAMPLE, "version": str(n)}),
                    )
                )
                for n in range(12)
            ]
        )
    assert sorted(one.version for one in saved) == list(range(1, 13))
