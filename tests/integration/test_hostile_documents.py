"""Workflows that nobody would draw, by every way in: refused in a sentence, or kept as
an unfinished draft that cannot be published. Nobody else has to wait for long.
"""

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from heddle.contract.declare import FleetError, InvalidRequest
from heddle.contract.flows import FlowInvalid
from heddle.contract.lifecycle import PUBLISH_FLOW, SAVE_FLOW, PublishFlow, SaveFlow
from heddle.wamp.session import ConnectionLost, MessageTooLarge
from tests.integration.test_local_api import unplugged
from tests.support.device import Site, running_agent, running_site
from tests.support.fleet import ADMIN_PASSWORD, Fleet, running_fleet
from tests.support.local import beside
from tests.support.rest import Rest, running_gateway
from tests.support.router import InProcRouter

MANY = {"id": "many", "elements": [{"id": f"e{n}"} for n in range(20_000)]}
PHASES = [{"id": f"p{n}", "elementType": "PHASE", "commands": []} for n in range(9_000)]
WIDE = {"id": "wide", "elements": PHASES}


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


DEFINITIONS = {
    "deep lists": f'{{"elements": {nested(100_000)}}}',
    "deep objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "deeper than is kept": f'{{"elements": [], "x": {nested(100)}}}',
    "a number of 100,000 digits": f'{{"elements": [], "x": {"9" * 100_000}}}',
    "a number beyond all": '{"elements": [], "x": 1e999}',
    "20,000 elements": json.dumps(MANY),
    "9,000 phases": json.dumps(WIDE),
    "a long name": json.dumps({"id": "x" * 800_000, "elements": []}),
    "U+0000": '{"elements": [], "x": "\\u0000"}',
    "half a pair": '{"elements": [], "x": "\\ud800"}',
    "no JSON": '{"elements": [}',
    "a list": "[]",
    "a million levels, not closed": '{"elements":' + "[" * 800_000,
}


def bodies(**fields: str) -> Iterator[tuple[str, bytes]]:
    """Requests with such definitions."""
    others = "".join(f"{json.dumps(n)}: {json.dumps(v)}, " for n, v in fields.items())
    for name, text in DEFINITIONS.items():
        yield name, f'{{{others}"definition": {text}}}'.encode()


def check(name: str, status: int, body: bytes) -> None:
    """A draft or a refusal, and not a long one."""
    assert 200 <= status < 500, (name, status, body[:300])
    if status >= 300:
        assert json.loads(body)["detail"], name
        assert len(body) < 100_000, (name, len(body))


@pytest_twisted.async_yield_fixture
async def fleet(plain_database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


@pytest_twisted.async_yield_fixture
async def rest(fleet: Fleet) -> AsyncIterator[Rest]:
    async with running_gateway(reactor, fleet.router.url) as asking:
        signed_in = await asking.log_in("admin", ADMIN_PASSWORD, project="plant")
        assert signed_in.status == 200, signed_in.body
        yield asking


@pytest_twisted.ensureDeferred
async def test_over_rest(rest: Rest) -> None:
    for name, body in bodies():
        made = await rest.ask("POST", "/api/v1/flows", raw=body)
        check(name, made.status, made.body)
        if made.status == 201:
            place = f"{made.headers['location']}/publish"
            published = await rest.ask("POST", place)
            assert published.status == 422, (name, published.body[:300])
            check(name, published.status, published.body)
    alive = await rest.ask("GET", "/api/v1/flows")
    assert alive.status == 200


@pytest_twisted.ensureDeferred
async def test_nothing_is_decompressed_on_the_way_in(rest: Rest) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    for encoding in ("gzip", "deflate", "br", "zstd"):
        said = await rest.ask(
            "POST", "/api/v1/flows", raw=bomb, content_encoding=encoding
        )
        assert said.status == 400, (encoding, said.body[:300])
        assert len(said.body) < 2_000


@pytest_twisted.ensureDeferred
async def test_over_wamp(fleet: Fleet) -> None:
    for name, definition in (("many", MANY), ("wide", WIDE)):
        async with fleet.owner() as owner:
            with pytest.raises((FlowInvalid, InvalidRequest)) as refused:
                await owner.call(SAVE_FLOW, SaveFlow(flow=name, definition=definition))
            assert len(str(refused.value)) < 5_000
            draft = SaveFlow(flow=name, definition=definition, unfinished=True)
            try:
                await owner.call(SAVE_FLOW, draft)
            except InvalidRequest:
                continue
            with pytest.raises(FleetError):
                await owner.call(PUBLISH_FLOW, PublishFlow(flow=name))
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    for definition, refusal in (
        ({"elements": deep}, ConnectionLost),  # no payload that all can read
        ({"elements": ["x" * 1_100_000]}, MessageTooLarge),
    ):
        async with fleet.owner() as owner:
            with pytest.raises(refusal):
                await owner.call(SAVE_FLOW, SaveFlow(flow="bad", definition=definition))
    async with fleet.owner() as owner:
        for image in ("a b", "../containers/x", "x@sha256:12", "-v/:/x", "x;reboot"):
            asked = PublishFlow(flow="many", engine_image=image)
            with pytest.raises(FleetError):
                await owner.call(PUBLISH_FLOW, asked)


@pytest_twisted.ensureDeferred
async def test_beside_a_device(router: InProcRouter, tmp_path: Path) -> None:
    async with (
        running_site(router, tmp_path) as site,
        running_agent(reactor, unplugged(site)) as agent,
    ):
        await _beside(agent, site)


async def _beside(agent: Any, site: Site) -> None:
    hand = beside(agent, site.data)
    for name, body in bodies(flow="brew"):
        said = await hand.ask("POST", "/flows", body)
        check(name, said.status, said.body)
        assert said.status >= 300, name
    for name, body in bodies():
        said = await hand.ask("PUT", "/flows/brew", body, if_match="*")
        check(name, said.status, said.body)
        assert said.status >= 300, name
    bomb = gzip.compress(bytes(50_000_000))
    said = await hand.ask("POST", "/flows", bomb, content_encoding="gzip")
    assert said.status == 400, said
    assert (await hand.get("/flows"))["flows"] == []
