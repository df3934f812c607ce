"""REST with a real router and the real backend on PostgreSQL."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet import reactor

from heddle.contract.runs import RUN_EVENT, RunEvents, WorkflowEvent
from heddle.wamp.session import Session
from services.gateway import examples
from tests.support.fleet import ADMIN_PASSWORD, Fleet, running_fleet
from tests.support.ports import free_port
from tests.support.rest import Rest, running_gateway
from tests.support.waiting import until

WORKFLOW = json.loads(
    (Path(__file__).parents[2] / "examples/flows/bioreactor.json").read_text()
)
PASSWORD = "a good password"
DEVICES = ("dev_001", "dev_002", "dev_003")


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


@pytest_twisted.async_yield_fixture
async def rest(fleet: Fleet):
    async with running_gateway(reactor, fleet.router.url) as asking:
        signed_in = await asking.log_in("admin", ADMIN_PASSWORD, project="plant")
        assert signed_in.status == 200, signed_in.body
        yield asking


def ticket(fleet: Fleet, key: Ed25519PrivateKey | None = None, **claims: object) -> str:
    """A ticket as the backend signs them, or another."""
    seed = fleet.router.service_key("backend").encode()
    told = {
        "aud": "heddle",
        "sub": "admin",
        "project": "plant",
        "role": "owner",
        "exp": time.time() + 600,
        "sid": "s1",
        **claims,
    }
    signer = key or Ed25519PrivateKey.from_private_bytes(seed)
    return jwt.encode(told, signer, algorithm="EdDSA")


@pytest_twisted.ensureDeferred
async def test_the_seeds_flow_examples_run_verbatim(rest: Rest) -> None:
    made = await rest.ask("POST", "/api/v1/flows", examples.NEW_FLOW)
    flow = made.json
    place = f"/api/v1/flows/{flow['id']}"
    assert (made.status, made.headers["location"]) == (201, place)
    assert flow["id"].startswith("flow_")
    for field in ("name", "description", "tags", "definition"):
        assert flow[field] == examples.NEW_FLOW[field]
    assert (flow["status"], flow["version"]) == ("draft", 1)
    assert flow["findings"]  # nodes and connections are no workflow of ours

    refused = await rest.ask("POST", f"{place}/publish")
    assert (refused.status, refused.json["type"]) == (
        422,
        "urn:heddle:error:flow_invalid",
    )
    assert refused.json["details"]["findings"]
    listed = await rest.ask("GET", "/api/v1/flows")
    assert [one["id"] for one in listed.json["flows"]] == [flow["id"]]
    await changed_by_two(rest, place, flow)
    published = await rest.ask("POST", f"{place}/publish")
    assert (published.status, published.json["flow_id"]) == (200, flow["id"])
    assert (await rest.ask("GET", place)).json["status"] == "published"
    await copied_and_deleted(rest, place, flow["id"])


async def changed_by_two(rest: Rest, place: str, flow: Any) -> None:
    """Who changes a flow says which state of it they saw."""
    got = await rest.ask("GET", place)
    etag = got.headers["etag"]
    again = await rest.ask("GET", place, if_none_match=etag)
    assert (again.status, again.body) == (304, b"")

    change = {"name": "Alert", "definition": WORKFLOW}
    assert (await rest.ask("PUT", place, change)).status == 428
    stale = await rest.ask("PUT", place, change, if_match='"77"')
    assert (stale.status, stale.json["type"]) == (412, "urn:heddle:error:flow_changed")
    changed = await rest.ask("PUT", place, change, if_match=etag)
    assert (changed.status, changed.json["name"]) == (200, "Alert")
    assert changed.json["tags"] == flow["tags"]  # what is left out stays
    assert (changed.json["version"], changed.json["findings"]) == (2, [])
    assert (await rest.ask("PUT", place, {"name": "x"}, if_match=etag)).status == 412
    assert (await rest.ask("PUT", place, {"name": "x"}, if_match="*")).status == 200


async def copied_and_deleted(rest: Rest, place: str, flow: str) -> None:
    """What is published stays; what is not can go."""
    kept = await rest.ask("DELETE", place)
    assert (kept.status, kept.json["type"]) == (409, "urn:heddle:error:flow_in_use")
    copied = await rest.ask("POST", f"{place}/clone", {"id": "copy"})
    assert (copied.status, copied.headers["location"]) == (201, "/api/v1/flows/copy")
    taken = await rest.ask("POST", "/api/v1/flows", {"id": "copy", "definition": {}})
    assert (taken.status, taken.json["type"]) == (409, "urn:heddle:error:flow_exists")
    first = await rest.ask("GET", "/api/v1/flows?limit=1")
    assert first.headers["link"] == '</api/v1/flows?limit=1&after=copy>; rel="next"'
    second = await rest.ask("GET", "/api/v1/flows?limit=1&after=copy")
    assert [one["id"] for one in second.json["flows"]] == [flow]
    assert (await rest.ask("DELETE", "/api/v1/flows/copy")).status == 200


@pytest_twisted.ensureDeferred
async def test_the_seeds_deployment_examples_run_verbatim(
    rest: Rest, fleet: Fleet
) -> None:
    keys = [await fleet.enrol(device) for device in DEVICES]
    place = await deployment_made_once(rest)

    assert (await rest.ask("POST", f"{place}/start")).status == 200
    got = (await rest.ask("GET", place)).json
    told = {**examples.DEPLOYMENT, "id": place.rpartition("/")[2]}
    for field in ("id", "flow_id", "strategy", "status", "total_targets"):
        assert got[field] == told[field]
    assert got.keys() >= told.keys()
    assert [one["device_id"] for one in got["targets"]] == list(DEVICES)
    assert got["created_at"].endswith("Z")

    paused = await rest.ask("POST", f"{place}/pause")
    assert (paused.status, paused.json["status"]) == (200, "paused")
    wrong = await rest.ask("POST", f"{place}/pause")
    assert (wrong.status, wrong.json["type"]) == (
        409,
        "urn:heddle:error:wrong_deployment_state",
    )
    back = await rest.ask("POST", f"{place}/rollback", {"reason": "test"})
    assert back.json["status"] in ("rolling_back", "rolled_back"), back.body
    listed = await rest.ask("GET", "/api/v1/deployments")
    assert [one["id"] for one in listed.json["deployments"]] == [got["id"]]
    await followed(rest, place)
    async with fleet.agent(keys[0]) as agent:
        await runs_followed(rest, agent)


async def deployment_made_once(rest: Rest) -> str:
    """The seed's deployment, asked for twice under one key; its path."""
    wanted = examples.NEW_DEPLOYMENT
    flow = {"id": wanted["flow_id"], "definition": WORKFLOW}
    assert (await rest.ask("POST", "/api/v1/flows", flow)).status == 201
    early = await rest.ask("POST", "/api/v1/deployments", wanted)
    assert early.status in (404, 409), early.body  # it is not published yet
    await rest.ask("POST", f"/api/v1/flows/{wanted['flow_id']}/publish")

    key = {"Idempotency_Key": "rollout-1"}
    made = await rest.ask("POST", "/api/v1/deployments", wanted, **key)
    assert made.status == 201, made.body
    assert made.json["status"] == "pending"
    assert made.json["config"]["batch_size"] == 5
    repeated = await rest.ask("POST", "/api/v1/deployments", wanted, **key)
    assert (repeated.status, repeated.json) == (201, made.json)
    assert repeated.headers["idempotency-replayed"] == "true"
    another = {**wanted, "note": "x"}
    other = await rest.ask("POST", "/api/v1/deployments", another, **key)
    assert (other.status, other.json["type"]) == (422, "urn:heddle:rest:KeyReused")
    place = made.headers["location"]
    assert place == f"/api/v1/deployments/{made.json['id']}"
    return place


async def followed(rest: Rest, place: str) -> None:
    """What happened is told, and told on from where a reader left off."""
    stream = rest.stream(f"{place}/events")
    await until(reactor, stream.has(b"event: history\n"))
    stream.close()
    numbers = stream.ids()
    assert numbers == list(range(len(numbers)))
    resumed = rest.stream(f"{place}/events", last_event_id="0")
    await until(reactor, resumed.has(b"event: deployment\n"))
    await until(reactor, resumed.has(f"id: {numbers[-1]}\n".encode()))
    resumed.close()
    assert resumed.ids()[0] == 1
    missing = await rest.ask("GET", "/api/v1/deployments/none/events")
    assert (missing.status, missing.json["status"]) == (404, 404)
    head = await rest.ask("HEAD", f"{place}/events")
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")
    odd = await rest.ask("GET", f"{place}/events", last_event_id="x")
    assert odd.status == 400


async def runs_followed(rest: Rest, agent: Session) -> None:
    """What happens in a device's runs is told as it happens."""
    stream = rest.stream(f"/api/v1/devices/{DEVICES[0]}/events")
    event = WorkflowEvent(id="e", type="X", createdAt=1, number=3, data={})
    told = RunEvents(run="r1", flow="f", version=1, events=(event,))

    async def is_heard() -> bool:
        agent.publish(RUN_EVENT, told, device=DEVICES[0])
        return b"id: r1.3\nevent: run\n" in stream.text

    await until(reactor, is_heard)
    stream.close()


async def status(
    rest: Rest, bearer: str, method: str = "GET", path: str = "/me"
) -> int:
    """What a bearer is answered with; a POST makes a flow."""
    body = {"definition": WORKFLOW} if method == "POST" else None
    header = f"Bearer {bearer}"
    return (await rest.ask(method, f"/api/v1{path}", body, authorization=header)).status


@pytest_twisted.ensureDeferred
async def test_the_router_judges_whoever_asks(rest: Rest, fleet: Fleet) -> None:
    good = rest.bearer
    assert await status(rest, good) == 200
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = ticket(fleet, Ed25519PrivateKey.generate(), **claims)
    assert await status(rest, forged) == 401  # while the true one's session is open
    assert await status(rest, ticket(fleet, exp=time.time() - 1)) == 401
    assert await status(rest, ticket(fleet, project="other")) == 401
    assert await status(rest, good[:-4] + "AAAA") == 401
    assert await status(rest, good) == 200

    vera = {"user": "vera", "role": "viewer", "password": PASSWORD}
    assert (await rest.ask("POST", "/api/v1/users", vera)).status == 201
    rest.bearer = ""
    assert (await rest.ask("GET", "/api/v1/flows")).status == 401
    assert (await rest.log_in("vera", PASSWORD)).status == 200
    assert (await rest.ask("GET", "/api/v1/flows")).status == 200
    flow = {"definition": WORKFLOW}
    refused = await rest.ask("POST", "/api/v1/flows", flow)
    assert (refused.status, refused.json["type"]) == (
        403,
        "urn:heddle:error:not_permitted",
    )
    assert (await rest.ask("GET", "/api/v1/me")).json["role"] == "viewer"
    assert (await rest.log_in("vera", "wrong password")).status == 401
    await session_ended(rest)
    assert await status(rest, good) == 200


async def session_ended(rest: Rest) -> None:
    """A session that is ended opens nothing from then on."""
    open_ = (await rest.ask("GET", "/api/v1/sessions")).json["sessions"]
    (own,) = [one["session"] for one in open_ if one["is_this"]]
    assert (await rest.ask("DELETE", f"/api/v1/sessions/{own}")).status in (200, 502)

    async def is_ended() -> bool:
        return await status(rest, rest.bearer) == 401

    await until(reactor, is_ended)


@pytest_twisted.ensureDeferred
async def test_a_key_may_what_its_role_may_until_it_is_revoked(rest: Rest) -> None:
    wanted = {"name": "ci", "role": "operator"}
    key = await rest.ask("POST", "/api/v1/keys", wanted, idempotency_key="k")
    assert (key.status, key.json["role"]) == (201, "operator")
    twice = await rest.ask("POST", "/api/v1/keys", wanted, idempotency_key="k")
    assert (twice.status, twice.json["type"]) == (
        409,
        "urn:heddle:rest:AnsweredAlready",
    )
    token = key.json["token"]
    assert await status(rest, token, "POST", "/flows") == 201
    assert await status(rest, token, "GET", "/users") == 403
    assert await status(rest, token + "x") == 401
    gone = await rest.ask("DELETE", f"/api/v1/keys/{key.json['key']}")
    assert gone.status == 200

    async def is_void() -> bool:
        return await status(rest, token) == 401

    await until(reactor, is_void)


@pytest_twisted.ensureDeferred
async def test_every_error_is_a_problem(rest: Rest) -> None:
    too_large = b'{"definition": "' + b"x" * 1_000_000 + b'"}'
    text = {"content_type": "text/plain"}
    cases = [
        (404, await rest.ask("GET", "/nowhere")),
        (404, await rest.ask("GET", "/api/v1/flows/")),
        (404, await rest.ask("GET", "/api/v1/flows/%ff")),
        (404, await rest.ask("GET", "/api/v1/flows/none")),
        (400, await rest.ask("GET", "/api/v1/flows/None")),
        (400, await rest.ask("GET", "/api/v1/flows?tga=x")),
        (405, await rest.ask("PATCH", "/api/v1/flows", {})),
        (400, await rest.ask("POST", "/api/v1/flows", raw=b"{")),
        (415, await rest.ask("POST", "/api/v1/flows", raw=b"{}", **text)),
        (413, await rest.ask("POST", "/api/v1/flows", raw=too_large)),
        (409, await rest.ask("GET", "/api/v1/devices/none/info")),
        (401, await rest.ask("GET", "/api/v1/projects")),  # not with a ticket
        (422, await rest.ask("GET", "/api/v1/devices?labels=%28")),
    ]

    for status, reply in cases:
        assert (reply.status, reply.headers["content-type"]) == (
            status,
            "application/problem+json",
        ), reply.body
        assert reply.json["status"] == status
        assert reply.json["request_id"] == reply.headers["x-request-id"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in reply.headers
    assert cases[6][1].headers["allow"] == "GET, HEAD, POST"
    assert cases[11][1].headers["www-authenticate"] == 'Bearer realm="heddle"'
    draft = {"definition": {}}
    made = await rest.ask("POST", "/api/v1/flows", draft, x_request_id="my-request_1")
    assert made.headers["x-request-id"] == "my-request_1"
    trail = (await rest.ask("GET", "/api/v1/audit")).json["entries"]
    assert "my-request_1" in [entry["request_id"] for entry in trail]
    odd = await rest.ask("GET", "/api/v1/me", x_request_id="a b")
    assert odd.headers["x-request-id"] != "a b"


@pytest_twisted.ensureDeferred
async def test_sessions_make_room_for_each_other_and_are_counted(fleet: Fleet) -> None:
    metrics = f"127.0.0.1:{free_port()}"
    settings = {"sessions": 1, "metrics": metrics, "strangers_per_minute": 1000}
    async with running_gateway(reactor, fleet.router.url, **settings) as rest:
        bearers = []
        for _ in range(2):
            assert (await rest.log_in("admin", ADMIN_PASSWORD)).status == 200
            bearers.append(rest.bearer)
        for bearer in bearers * 3:
            assert await status(rest, bearer) == 200
        head = await rest.ask("HEAD", "/api/v1/me")
        assert (head.status, head.body) == (200, b"")
        assert int(head.headers["content-length"]) > 0
        figures = (await Rest(reactor, f"http://{metrics}").ask("GET", "/metrics")).body
        assert b"heddle_gateway_sessions 1.0" in figures
        assert b"heddle_gateway_router_up 1.0" in figures
        answers = b'answers_total{method="GET",route="get_me",status="200"} 6.0'
        assert answers in figures


@pytest_twisted.ensureDeferred
async def test_a_credential_has_a_rate_and_the_router_must_be_there(
    fleet: Fleet,
) -> None:
    settings = {"rate_per_minute": 1, "rate_burst": 3, "strangers_per_minute": 5}
    async with running_gateway(reactor, fleet.router.url, **settings) as rest:

        async def is_ready() -> bool:
            return (await rest.ask("GET", "/ready")).status == 200

        await until(reactor, is_ready)
        await rest.log_in("admin", ADMIN_PASSWORD)
        statuses = [(await rest.ask("GET", "/api/v1/me")).status for _ in range(4)]
        assert statuses == [200, 200, 200, 200]  # the first is still a stranger's
        refused = await rest.ask("GET", "/api/v1/me")
        assert (refused.status, refused.headers["ratelimit-remaining"]) == (429, "0")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        rest.bearer = "hdl_abc_0123456789"
        for _ in range(3):
            assert (await rest.ask("GET", "/api/v1/me")).status == 401
        assert (await rest.ask("GET", "/api/v1/me")).status == 429

        await fleet.stop_backend()
        await fleet.router.stop()
        try:

            async def is_not_ready() -> bool:
                return (await rest.ask("GET", "/ready")).status == 503

            await until(reactor, is_not_ready)
            assert (await rest.ask("GET", "/health")).status == 200
        finally:
            await fleet.router.start()
