"""Flows' life at the centre: drafts, signed releases, the archive; who did what."""

import json
from typing import Any

import psycopg
import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from heddle.contract.audit import AuditOutcome
from heddle.contract.declare import InternalError, InvalidRequest, NotPermitted, Role
from heddle.contract.devices import (
    ANNOUNCE,
    CREATE_CODE,
    Announce,
    CreateCode,
    DeviceKind,
    HostFacts,
)
from heddle.contract.flows import FlowInvalid, FlowNotFound, Runtime
from heddle.contract.lifecycle import (
    ARCHIVE_FLOW,
    CLONE_FLOW,
    DELETE_FLOW,
    DIFF_FLOW,
    GET_FLOW,
    GET_RELEASE,
    LIST_FLOWS,
    LIST_RELEASES,
    LIST_VERSIONS,
    PUBLISH_FLOW,
    RESTORE_FLOW,
    SAVE_FLOW,
    CloneFlow,
    DiffFlow,
    FlowArchived,
    FlowChanged,
    FlowExists,
    FlowInUse,
    FlowPublished,
    FlowRef,
    FlowStage,
    GetFlow,
    GetRelease,
    ListFlows,
    ListReleases,
    ListVersions,
    PublishFlow,
    Release,
    ReleaseNotFound,
    SaveFlow,
)
from heddle.contract.local_changes import (
    OFFER_CHANGE,
    ChangeKind,
    ChangeOutcome,
    OfferChange,
)
from heddle.contract.people import (
    CREATE_PROJECT,
    CREATE_USER,
    CreateProject,
    CreateUser,
)
from heddle.releases import opened
from services.backend.flows.releases import release_of
from services.backend.store.database import MIGRATIONS
from tests.support.fleet import Fleet, running_fleet
from tests.unit.workflow.drawing import (
    Json,
    approval,
    document,
    end,
    flows,
    phase,
    start,
    timer,
)

PASSWORD = "a good password"
THRESHOLD = {"name": "wait", "type": "integer", "value": "10"}
SOUND = {
    **document(
        start(),
        phase("heat", ("heater", 37)),
        timer("late", "heat", ms="${wait}"),  # type: ignore[arg-type]
        end(),
        flows("start > heat", "late > end"),
    ),
    "variables": [THRESHOLD],
}
# it runs, but waits for ever in phase q
UNSOUND = document(
    start(),
    phase("p"),
    approval("a", "p"),
    phase("q"),
    approval("b", "p"),
    end(),
    flows("start > p", "a > q", "b > end"),
)


FACTS = HostFacts(
    hostname="press",
    os="Debian",
    arch="x86_64",
    cpus=2,
    memory_bytes=1 << 30,
    python="3.11",
    docker=None,
)
HERE = Announce(kind=DeviceKind.EDGE, version="1", runtime=Runtime.PROCESS, facts=FACTS)


def version(number: int) -> Json:
    return {**SOUND, "version": str(number)}


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


def trail(dsn: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            """
            select actor, role, action, subject, outcome from audit
             where action like 'flow.%' order by number
            """
        ).fetchall()


async def save(session: Any, flow: str = "bio", **fields: Any) -> Any:
    return await session.call(SAVE_FLOW, SaveFlow(flow=flow, **fields))


@pytest_twisted.ensureDeferred
async def test_a_flow_goes_from_draft_to_release_and_into_the_archive(
    fleet: Fleet, plain_database: str
) -> None:
    async with fleet.owner() as owner:
        await _drafted(owner)
        first = await _published(owner)
        await _revised(owner)
        await _archived(owner)
        kept = await owner.call(GET_RELEASE, GetRelease(flow="bio"))
        assert kept.release == first
        _not_deployed(plain_database)
        restored = await owner.call(RESTORE_FLOW, FlowRef(flow="bio", if_revision=4))
        assert (restored.stage, restored.revision) == (FlowStage.DRAFT, 5)
        with pytest.raises(FlowInUse, match="archive it instead"):
            await owner.call(DELETE_FLOW, FlowRef(flow="bio"))
        second = await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio"))
        listed = await owner.call(LIST_RELEASES, ListReleases(flow="bio"))
        assert listed.releases == (second, first)
        numbers = await owner.call(LIST_VERSIONS, ListVersions(flow="bio"))
        assert [(v.version, v.published) for v in numbers.versions] == [
            (2, True),
            (1, True),
        ]
    _deployed(plain_database, second)
    done = ["save", "publish", "save", "archive", "restore", "publish"]
    assert trail(plain_database) == [
        ("admin", "owner", f"flow.{action}", "bio", "done") for action in done
    ]


async def _drafted(owner: Any) -> None:
    draft = await save(
        owner,
        name="Bioreactor",
        description="Heats.\nWaits.",
        labels=("hot", "graz", "hot"),
        definition=version(1),
    )
    assert (draft.version, draft.stage, draft.revision) == (1, FlowStage.DRAFT, 1)
    assert (draft.labels, draft.description) == (("hot", "graz"), "Heats.\nWaits.")
    assert (draft.created_by, draft.created_at_ms) == ("admin", draft.saved_at_ms)


async def _published(owner: Any) -> Release:
    release: Release = await owner.call(
        PUBLISH_FLOW, PublishFlow(flow="bio", note="first", engine_memory_mb=64)
    )
    assert (release.version, release.note, release.warnings) == (1, "first", ())
    again = await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio", if_revision=1))
    assert again == release
    with pytest.raises(InvalidRequest, match="another engine, and never changes"):
        await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio", engine_image="x"))
    flow = await owner.call(GET_FLOW, GetFlow(flow="bio"))
    assert (flow.stage, flow.published) == (FlowStage.PUBLISHED, True)
    assert flow.revision == 2
    return release


async def _revised(owner: Any) -> None:
    with pytest.raises(FlowPublished, match="heddle flow edit bio"):
        await save(owner, definition=version(2))
    assert (await save(owner, definition=version(1))).revision == 2
    revised = await save(owner, definition=version(2), revise=True, if_revision=2)
    assert (revised.version, revised.stage) == (2, FlowStage.DRAFT)
    (listed,) = (await owner.call(LIST_FLOWS, ListFlows())).flows
    assert (listed.version, listed.published_version) == (2, 1)


async def _archived(owner: Any) -> None:
    archived = await owner.call(ARCHIVE_FLOW, FlowRef(flow="bio"))
    assert (archived.stage, archived.revision) == (FlowStage.ARCHIVED, 4)
    assert await owner.call(ARCHIVE_FLOW, FlowRef(flow="bio")) == archived
    assert (await owner.call(LIST_FLOWS, ListFlows())).flows == ()
    for attempt in (
        save(owner, definition=version(3), revise=True),
        owner.call(PUBLISH_FLOW, PublishFlow(flow="bio")),
    ):
        with pytest.raises(FlowArchived, match="heddle flow restore bio"):
            await attempt


def _not_deployed(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        with pytest.raises(FlowArchived, match="cannot be deployed"):
            release_of(connection, "plant", "bio", 1)
        with pytest.raises(FlowNotFound):
            release_of(connection, "other", "bio")


def _deployed(dsn: str, release: Release) -> None:
    with psycopg.connect(dsn) as connection:
        found = release_of(connection, "plant", "bio")
        assert found.signed.content_hash == release.content_hash
        assert release_of(connection, "plant", "bio", 1).version == 1
        with pytest.raises(ReleaseNotFound, match="version 3 of bio is not published"):
            release_of(connection, "plant", "bio", 3)


@pytest_twisted.ensureDeferred
async def test_releases_are_signed_with_a_key_every_device_is_given(
    fleet: Fleet, plain_database: str
) -> None:
    key = SigningKey.generate()
    async with fleet.owner() as owner:
        code = await owner.call(CREATE_CODE, CreateCode(device="press_7"))
        enrolled = await fleet.redeem(key, code.code)
        await save(owner, definition=SOUND)
        await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio", engine_image="mine:1"))
        found = await owner.call(GET_RELEASE, GetRelease(flow="bio", version=1))
    async with fleet.agent(key) as agent:
        announced = await agent.call(ANNOUNCE, HERE)
    assert enrolled.release_key == announced.release_key == found.signed.key
    release = opened(found.signed, key=enrolled.release_key, project="plant")
    assert (release.flow, release.version, release.published_by) == ("bio", 1, "admin")
    assert (release.definition, release.engine_image) == (SOUND, "mine:1")
    assert release.content_hash == found.release.content_hash
    _frozen(plain_database, enrolled.release_key)
    await _sealed_for_one_project(fleet, plain_database)


def _frozen(dsn: str, key: str) -> None:
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select public_key from release_key").fetchall() == [
            (key,)
        ]
        for statement in (
            "update release set note = 'x'",
            "update flow_version set saved_by = 'x'",
        ):
            with pytest.raises(psycopg.Error, match="never changed"):
                connection.execute(statement)
            connection.rollback()


async def _sealed_for_one_project(fleet: Fleet, dsn: str) -> None:
    async with fleet.person() as admin:
        await admin.call(CREATE_PROJECT, CreateProject(project="brewery"))
    with psycopg.connect(dsn) as connection:
        connection.execute(
            """
            insert into release_key select 'brewery', public_key, sealed
              from release_key where project = 'plant'
            """
        )
    async with fleet.owner("brewery") as owner:
        await save(owner, definition=SOUND)
        with pytest.raises(InternalError, match="log reference"):
            await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio"))
        numbers = await owner.call(LIST_VERSIONS, ListVersions(flow="bio"))
        assert not numbers.versions[0].published


@pytest_twisted.ensureDeferred
async def test_publishing_is_strict_and_drafts_may_be_unfinished(fleet: Fleet) -> None:
    seed = {"nodes": [{"id": "n1", "type": "dht"}], "variables": [THRESHOLD]}
    async with fleet.owner() as owner:
        with pytest.raises(FlowInvalid):
            await save(owner, definition=seed)
        draft = await save(owner, definition=seed, unfinished=True)
        assert "workflow: unknown field 'nodes'" in [x.message for x in draft.findings]
        assert draft.definition == seed
        with pytest.raises(FlowInvalid, match="version 1 of bio cannot be published"):
            await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio"))
        finished = await save(owner, definition=UNSOUND)
        assert (finished.version, finished.findings) == (2, ())
        with pytest.raises(FlowInvalid, match="nothing can end this phase") as refused:
            await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio"))
        (found,) = refused.value.details["findings"]  # type: ignore[misc]
        assert (found["rule"], found["element"]) == ("DEAD_END", "q")
        wrong = {**SOUND, "variables": [{**THRESHOLD, "value": "soon"}]}
        with pytest.raises(FlowInvalid, match="wait must be a whole number"):
            await save(owner, definition=wrong)
        await _published_with_a_warning(owner)
        for engine in ({"engine_image": "a b"}, {"engine_memory_mb": 1}):
            with pytest.raises(InvalidRequest, match="engine_"):
                await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio", **engine))


async def _published_with_a_warning(owner: Any) -> None:
    idle = {"name": "idle", "type": "text", "value": "x"}
    await save(owner, definition={**SOUND, "variables": [THRESHOLD, idle]})
    release = await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio"))
    assert [(x.rule, x.element) for x in release.warnings] == [
        ("UNUSED_VARIABLE", "idle")
    ]
    stored = await owner.call(GET_RELEASE, GetRelease(flow="bio"))
    assert stored.release == release
    with pytest.raises(ReleaseNotFound, match="version 2 of bio is not published"):
        await owner.call(GET_RELEASE, GetRelease(flow="bio", version=2))
    with pytest.raises(FlowNotFound):
        await owner.call(GET_RELEASE, GetRelease(flow="other"))


@pytest_twisted.ensureDeferred
async def test_nobody_overwrites_what_somebody_else_changed(
    fleet: Fleet, plain_database: str
) -> None:
    async with fleet.owner() as owner:
        with pytest.raises(FlowNotFound):
            await save(owner, description="of nothing")
        with pytest.raises(FlowNotFound):
            await save(owner, definition=version(1), if_revision=1)
        await save(owner, definition=version(1), if_revision=0)
        with pytest.raises(FlowChanged, match="at revision 1, not 0") as refused:
            await save(owner, definition=version(2), if_revision=0)
        assert refused.value.details == {"revision": 1}
        named = await save(owner, name="New", if_revision=1)
        assert (named.version, named.revision, named.name) == (1, 2, "New")
        for attempt in (
            save(owner, labels=("x",), if_revision=1),
            owner.call(PUBLISH_FLOW, PublishFlow(flow="bio", if_revision=1)),
            owner.call(ARCHIVE_FLOW, FlowRef(flow="bio", if_revision=1)),
            owner.call(DELETE_FLOW, FlowRef(flow="bio", if_revision=1)),
        ):
            with pytest.raises(FlowChanged):
                await attempt
        attempts = [
            Deferred.fromCoroutine(
                save(owner, definition=version(number), if_revision=2)
            ).addErrback(lambda failure: failure.trap(FlowChanged))
            for number in range(2, 8)
        ]
        told = await gatherResults(attempts)
        assert len([one for one in told if one is not FlowChanged]) == 1
        publishes = [
            Deferred.fromCoroutine(owner.call(PUBLISH_FLOW, PublishFlow(flow="bio")))
            for _ in range(4)
        ]
        assert len(set(await gatherResults(publishes))) == 1
    actions = [action for _, _, action, _, _ in trail(plain_database)]
    assert actions == ["flow.save"] * 3 + ["flow.publish"]


@pytest_twisted.ensureDeferred
async def test_flows_are_found_by_what_is_told_about_them(fleet: Fleet) -> None:
    async with fleet.owner() as owner:
        for number in range(5):
            await save(owner, f"flow_{number}", definition=SOUND, labels=("all",))
        await save(
            owner, "zeta", definition=SOUND, name="Grüße 100 %", labels=("all", "rare")
        )
        await save(owner, "flow_1", description="It cleans IN PLACE")
        await owner.call(PUBLISH_FLOW, PublishFlow(flow="flow_2"))
        await owner.call(ARCHIVE_FLOW, FlowRef(flow="flow_3"))
        await owner.call(CREATE_USER, _user("olaf", Role.OPERATOR))
        await owner.call(CREATE_USER, _user("vera", Role.VIEWER))
        await _all_found(owner)
        page = await owner.call(LIST_FLOWS, ListFlows(most=2))
        assert ([one.flow for one in page.flows], page.more) == (
            ["flow_0", "flow_1"],
            True,
        )
        with pytest.raises(InvalidRequest, match="most must be"):
            await owner.call(LIST_FLOWS, ListFlows(most=0))
    operator = await fleet.ticket("plant", "olaf", PASSWORD)
    async with fleet.inside(operator) as session:
        await save(session, "omega", definition=SOUND)
        found = await session.call(LIST_FLOWS, ListFlows(created_by="olaf"))
        assert [one.flow for one in found.flows] == ["omega"]
    viewer = await fleet.ticket("plant", "vera", PASSWORD)
    async with fleet.inside(viewer) as session:
        assert (await session.call(LIST_FLOWS, ListFlows())).flows
        assert (
            await session.call(LIST_RELEASES, ListReleases(flow="zeta"))
        ) is not None
        for procedure, request in [
            (PUBLISH_FLOW, PublishFlow(flow="zeta")),
            (ARCHIVE_FLOW, FlowRef(flow="zeta")),
            (DELETE_FLOW, FlowRef(flow="zeta")),
            (CLONE_FLOW, CloneFlow(flow="zeta", to="eta")),
        ]:
            with pytest.raises(NotPermitted):
                await session.call(procedure, request)


FOUND: list[tuple[dict[str, Any], str]] = [
    ({}, "flow_0 flow_1 flow_2 flow_4 zeta"),
    ({"search": "clean"}, "flow_1"),
    ({"search": "in place"}, "flow_1"),
    ({"search": "GRÜSSE"}, "zeta"),
    ({"search": "%"}, "zeta"),
    ({"search": "_4"}, "flow_4"),
    ({"label": "rare"}, "zeta"),
    ({"label": "rar"}, ""),
    ({"stage": FlowStage.PUBLISHED}, "flow_2"),
    ({"stage": FlowStage.ARCHIVED}, "flow_3"),
    ({"stage": FlowStage.DRAFT, "label": "all"}, "flow_0 flow_1 flow_4 zeta"),
    ({"created_by": "olaf"}, ""),
    ({"after": "flow_2"}, "flow_4 zeta"),
]


async def _all_found(owner: Any) -> None:
    for asked, wanted in FOUND:
        found = await owner.call(LIST_FLOWS, ListFlows(**asked))
        assert [one.flow for one in found.flows] == wanted.split(), asked
        assert not found.more


def _user(name: str, role: Role) -> CreateUser:
    return CreateUser(user=name, role=role, password=PASSWORD)


@pytest_twisted.ensureDeferred
async def test_versions_are_compared_copied_and_deleted(
    fleet: Fleet, plain_database: str
) -> None:
    hotter = json.loads(json.dumps(SOUND).replace("37", "38"))
    async with fleet.owner() as owner:
        await save(owner, name="Bio", labels=("a",), definition=SOUND)
        await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio"))
        await save(owner, definition=version(2), revise=True)
        await save(owner, definition=hotter)
        found = await owner.call(DIFF_FLOW, DiffFlow(flow="bio"))
        (change,) = found.changes
        assert (found.before, found.after) == (1, 3)
        assert (change.what, change.kind, change.id, change.fields) == (
            "changed",
            "phase",
            "heat",
            ("commands.0.data.targets.0.target",),
        )
        found = await owner.call(DIFF_FLOW, DiffFlow(flow="bio", before=3, after=2))
        assert [(one.kind, one.id) for one in found.changes] == [
            ("field", "version"),
            ("phase", "heat"),
        ]
        first = await owner.call(DIFF_FLOW, DiffFlow(flow="bio", after=1))
        assert (first.before, {one.what.value for one in first.changes}) == (
            0,
            {"added"},
        )
        with pytest.raises(FlowNotFound, match="bio version 9"):
            await owner.call(DIFF_FLOW, DiffFlow(flow="bio", before=9))

        await _copied(owner, hotter)
    copies = [
        action for _, _, action, flow, _ in trail(plain_database) if flow == "copy"
    ]
    assert copies == ["flow.clone", "flow.save", "flow.delete", "flow.clone"]


async def _copied(owner: Any, newest: Json) -> None:
    copied = await owner.call(CLONE_FLOW, CloneFlow(flow="bio", to="copy"))
    assert (copied.version, copied.name, copied.labels) == (1, "Bio", ("a",))
    assert (copied.definition, copied.stage) == (newest, FlowStage.DRAFT)
    with pytest.raises(FlowExists, match="a flow copy already"):
        await owner.call(CLONE_FLOW, CloneFlow(flow="bio", to="copy"))
    await save(owner, "copy", definition=version(5))
    await owner.call(DELETE_FLOW, FlowRef(flow="copy"))
    with pytest.raises(FlowNotFound):
        await owner.call(GET_FLOW, GetFlow(flow="copy"))
    again = await owner.call(
        CLONE_FLOW, CloneFlow(flow="bio", to="copy", version=1, name="Anew")
    )
    assert (again.version, again.name) == (3, "Anew")  # no number is used twice
    assert again.definition == SOUND


@pytest_twisted.ensureDeferred
async def test_a_change_made_on_a_device_becomes_the_next_draft_of_a_release(
    fleet: Fleet, plain_database: str
) -> None:
    key = await fleet.enrol("press_7")
    async with fleet.owner() as owner, fleet.agent(key) as agent:
        await save(owner, definition=version(1))
        await owner.call(PUBLISH_FLOW, PublishFlow(flow="bio"))
        for change, base, number, outcome in [
            ("one", 1, 2, ChangeOutcome.TAKEN),
            ("two", 1, 3, ChangeOutcome.CONFLICT),
        ]:
            offered = OfferChange(
                change=change,
                flow="bio",
                kind=ChangeKind.SAVED,
                base=base,
                changed_at_ms=1,
                definition=version(number),
            )
            for _ in range(2):
                decided = await agent.call(OFFER_CHANGE, offered)
                assert (decided.outcome, decided.version) == (outcome, 2)
        draft = await owner.call(GET_FLOW, GetFlow(flow="bio"))
        assert (draft.stage, draft.saved_by, draft.revision) == (
            FlowStage.DRAFT,
            "press_7",
            3,
        )
    assert trail(plain_database)[2:] == [
        ("press_7", "agent", "flow.local_change", "bio", AuditOutcome.DONE.value),
        ("press_7", "agent", "flow.local_change", "bio", AuditOutcome.REFUSED.value),
    ]


def test_flows_of_before_get_a_life_of_their_own(plain_database: str) -> None:
    with psycopg.connect(plain_database) as connection:
        for name in ("0001.foundation", "0004.audit"):
            connection.execute((MIGRATIONS / f"{name}.sql").read_text())  # type: ignore[arg-type]
        connection.execute("insert into project values ('plant', '')")
        connection.execute("insert into flow values ('plant', 'bio', 'Bio Reactor')")
        for user in ("ada", "bob"):
            connection.execute(
                """
                insert into flow_version (project, flow, version, definition, saved_by)
                select 'plant', 'bio', count(*) + 1, '{}', %s from flow_version
                """,
                [user],
            )
        life = (MIGRATIONS / "0005.lifecycle.sql").read_text()
        connection.execute(life)  # type: ignore[arg-type]
        found = connection.execute(
            """
            select revision, created_by, searched, description, labels, archived_at,
                   created_at = (select min(saved_at) from flow_version)
              from flow
            """
        ).fetchall()
        assert found == [(2, "ada", "bio\nbio reactor\n", "", [], None, True)]
        connection.rollback()
