"""The local API of a real agent over HTTP, with the router unplugged, real engines."""

import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.config import RuntimeChoice
from edge_agent.local.access import TOKEN_NAME
from heddle.web import MAX_BODY_BYTES
from tests.support.device import (
    Site,
    example,
    running_agent,
    running_site,
    settings,
)
from tests.support.local import Hand, beside
from tests.support.neighbours import need
from tests.support.ports import free_port
from tests.support.router import InProcRouter
from tests.support.waiting import until

LOOPBACK = "127.0.0.1:0"


@pytest_twisted.async_yield_fixture
async def site(router: InProcRouter, tmp_path: Path) -> AsyncIterator[Site]:
    """An admitted device whose router was unplugged afterwards."""
    async with running_site(router, tmp_path) as found:
        yield found


def unplugged(site: Site, **changes: Any) -> Any:
    """An agent's settings with a router address where nobody answers."""
    nowhere = f"rs://127.0.0.1:{free_port()}"
    return settings(
        site.router, site.data, router_url=nowhere, local=LOOPBACK, **changes
    )


async def until_phase(hand: Hand, flow: str, phase: str) -> None:
    async def there() -> bool:
        status = await hand.get(f"/flows/status/{flow}")
        return phase in [each["phase"] for each in status["current"]]

    await until(reactor, there)


@pytest.mark.parametrize("runtime", ["process", "container"])
@pytest_twisted.ensureDeferred
async def test_a_flow_is_added_run_and_watched_with_the_router_unplugged(  # noqa: PLR0915
    runtime: str, site: Site
) -> None:
    if runtime == "container":
        need("docker")
    choice = RuntimeChoice(runtime)
    there = unplugged(site, runtime=choice, keep_engines=False)
    async with running_agent(reactor, there) as agent:
        hand = beside(agent, site.data)
        added = await hand.ask(
            "POST", "/flows", {"flow": "brew", "definition": example()}
        )
        assert (added.status, added.headers["location"]) == (201, "/flows/brew")
        assert added.headers["etag"] == added.json["etag"]
        assert (added.json["version"], added.json["state"]) == (1, "ready")
        assert (await hand.get("/flows/brew"))["definition"] == example()
        (brief,) = (await hand.get("/flows"))["flows"]
        assert (brief["flow"], brief["change"]["state"]) == ("brew", "waiting")

        started = await hand.command("start", "brew")
        assert started.status == 200
        (result,) = started.json["results"]
        assert result["is_done"]
        run = result["run"]["run"]
        paused = await hand.command("pause", "brew")
        assert paused.json["results"][0]["run"]["status"] == "paused"
        resumed = await hand.command("resume", "brew")
        assert resumed.json["results"][0]["run"]["status"] == "running"
        await until_phase(hand, "brew", "phase_2")
        status = await hand.get("/flows/status/brew")
        (current,) = status["current"]
        assert (current["phase"], current["name"]) == ("phase_2", "phase_2")
        if runtime == "process":  # an engine's image may be older than this
            assert abs(status["asked_at_ms"] - current["since_ms"]) < 60_000
        assert status["is_current"]

        refused = await hand.ask("DELETE", "/flows/brew")
        assert refused.status == 409
        assert run in refused.json["detail"]
        approved = await hand.ask("POST", "/flows/brew/approval", {"comment": "well"})
        assert approved.status in (200, 409)  # 409: it was warm enough meanwhile

        async def finished() -> bool:
            (found,) = (await hand.get("/flows/status"))["flows"]
            return found["run"]["status"] == "finished"

        await until(reactor, finished)
        node = await hand.get("/node")
        assert node["uplink"]["is_up"] is False
        assert node["outbox"]["items"]["run_events"] > 20
        assert node["outbox"]["oldest_at_ms"] <= node["at_ms"]
        assert (node["device"], node["changes"]["waiting"]) == ("press_7", 1)
        removed = await hand.ask("DELETE", "/flows/brew")
        assert (removed.status, removed.json) == (200, {"flow": "brew"})
        assert (await hand.get("/flows"))["flows"] == []
    assert not (site.data / "flows" / "brew").exists()


@pytest_twisted.ensureDeferred
async def test_what_is_wrong_is_told_with_the_way_out(site: Site) -> None:
    async with running_agent(reactor, unplugged(site)) as agent:
        hand = beside(agent, site.data)
        stranger, liar = Hand(hand.url, None), Hand(hand.url, "x" * 43)
        new = {"flow": "brew", "definition": example()}
        broken = {**example(), "elements": example()["elements"][1:]}
        huge = b'{"flow": "x", "definition": {"a": "' + b"x" * MAX_BODY_BYTES + b'"}}'
        vast = {"flow": "x", "definition": {**example(), "n": 10**30}}
        deep = b'{"flow": "x", "definition": ' + b'{"a":' * 99_999
        assert (await hand.ask("POST", "/flows", new)).status == 201

        async def told(
            who: Hand, method: str, path: str, body: Any = None, **headers: str
        ) -> tuple[int, str]:
            said = await who.ask(method, path, body, **headers)
            assert said.headers["content-type"] == "application/problem+json"
            assert said.json["status"] == said.status
            return said.status, said.json["detail"]

        for who, method, path, body, headers, status, words in (
            (stranger, "GET", "/flows", None, {}, 401, "Authorization: Bearer"),
            (liar, "GET", "/flows", None, {}, 401, "not this device's"),
            (liar, "GET", "/nothing", None, {}, 401, "not this device's"),
            (hand, "GET", "/flows", None, {"host": "evil.example"}, 421, "no name of"),
            (hand, "GET", "/flowers", None, {}, 404, "/openapi.json"),
            (hand, "POST", "/node", {}, {}, 405, "takes GET, not POST"),
            (hand, "GET", "/flows/stew", None, {}, 404, "installed: brew"),
            (hand, "DELETE", "/flows/stew", None, {}, 404, "not installed"),
            (hand, "GET", "/flows/status/stew", None, {}, 404, "not installed"),
            (hand, "POST", "/flows", b"{", {}, 400, "no JSON"),
            (hand, "POST", "/flows", b"\xff", {}, 400, "no JSON"),
            (hand, "POST", "/flows", deep, {}, 400, "JSON"),
            (hand, "POST", "/flows", {"flow": "x"}, {}, 400, "`definition`"),
            (hand, "POST", "/flows", {**new, "flow": "B!"}, {}, 400, "$.flow"),
            (hand, "POST", "/flows", {**new, "more": 1}, {}, 400, "`more`"),
            (hand, "POST", "/flows", {**new, "flow": "status"}, {}, 400, "a path"),
            (hand, "POST", "/flows", new, {}, 409, "PUT /flows/brew"),
            (hand, "POST", "/flows", vast, {}, 400, "64 bits"),
            (hand, "POST", "/flows", new, {"content_type": "text/plain"}, 415, "json"),
            (hand, "POST", "/flows", huge, {}, 413, str(MAX_BODY_BYTES)),
            (hand, "PUT", "/flows/brew", {"definition": {}}, {}, 428, "If-Match"),
            (
                hand,
                "PUT",
                "/flows/brew",
                {"definition": {}},
                {"if_match": '"old"'},
                412,
                "read it again",
            ),
            (
                hand,
                "PUT",
                "/flows/stew",
                {"definition": {}},
                {"if_match": "*"},
                412,
                "not on this device",
            ),
            (
                hand,
                "PUT",
                "/flows/brew",
                {"definition": broken},
                {"if_match": "*"},
                422,
                "cannot be installed",
            ),
            (hand, "PUT", "/flows/Stew", {"definition": {}}, {}, 400, "not an id"),
            (
                hand,
                "PATCH",
                "/flows/commands",
                {"command": "fly", "flow_ids": ["brew"]},
                {},
                400,
                "'fly'",
            ),
            (
                hand,
                "PATCH",
                "/flows/commands",
                {"command": "start", "flow_ids": []},
                {},
                400,
                "$.flow_ids",
            ),
            (
                hand,
                "PATCH",
                "/flows/commands",
                {"command": "stop", "flow_ids": ["brew"], "type": 2},
                {},
                400,
                "$.type",
            ),
            (
                hand,
                "PATCH",
                "/flows/commands",
                {"command": "pause", "flow_ids": ["brew"]},
                {},
                409,
                "no active run to pause",
            ),
        ):
            code, detail = await told(who, method, path, body, **headers)
            assert (code, words in detail) == (status, True), (method, path, detail)
        invalid = await hand.ask(
            "PUT", "/flows/brew", {"definition": broken}, if_match="*"
        )
        assert invalid.json["findings"][0]["rule"]
        assert invalid.json["type"] == "urn:heddle:error:flow_invalid"
        # The flow is as it was, and nothing waits for the centre but its coming.
        assert (await hand.get("/flows/brew"))["version"] == 1
        assert (await hand.get("/node"))["changes"]["waiting"] == 1


@pytest_twisted.ensureDeferred
async def test_several_flows_take_one_command_and_tell_each(site: Site) -> None:
    async with running_agent(reactor, unplugged(site, time_scale=1)) as agent:
        hand = beside(agent, site.data)
        for flow in ("one", "two"):
            await hand.ask("POST", "/flows", {"flow": flow, "definition": example()})
        assert (await hand.command("start", "one")).status == 200
        some = await hand.command("start", "one", "two", "three", "two")
        assert some.status == 207
        told = {each["flow"]: each for each in some.json["results"]}
        assert list(told) == ["one", "two", "three"]
        assert [each["is_done"] for each in told.values()] == [False, True, False]
        assert "is active" in told["one"]["problem"]["detail"]
        assert told["three"]["problem"]["status"] == 404
        runs = {f["flow"]: f["run"] for f in (await hand.get("/flows/status"))["flows"]}
        assert runs["two"]["run"] == told["two"]["run"]["run"] != runs["one"]["run"]
        # Soft: the phase that is active may end first. Hard: now.
        await until_phase(hand, "one", "phase_1")
        soft = await hand.command("stop", "one", type=0)
        assert soft.json["results"][0]["run"]["status"] == "stopping"
        hard = await hand.command("stop", "one", "two", type=1)
        ended = [each["run"]["status"] for each in hard.json["results"]]
        assert ended == ["terminated", "terminated"]


@pytest_twisted.ensureDeferred
async def test_an_engine_that_hangs_is_shown_so_and_can_be_stopped_for_good(
    site: Site,
) -> None:
    async with running_agent(reactor, unplugged(site, time_scale=1)) as agent:
        hand = beside(agent, site.data)
        new = {"flow": "brew", "definition": example()}
        added = await hand.ask("POST", "/flows", new)
        await hand.command("start", "brew")
        await until_phase(hand, "brew", "phase_1")
        pid = int(added.json["engine"].removeprefix("pid "))
        os.kill(pid, signal.SIGSTOP)
        stale = await hand.get("/flows/status/brew")
        assert (stale["is_current"], stale["current"][0]["phase"]) == (False, "phase_1")
        assert "gave no answer" in stale["detail"]
        ended = await hand.command("stop", "brew", type=1)
        assert ended.json["results"][0]["run"]["status"] == "terminated"
        await hand.until_ready("brew")
        assert (await hand.get("/flows/brew"))["engine"] != f"pid {pid}"


@pytest_twisted.ensureDeferred
async def test_two_editors_do_not_overwrite_each_other(site: Site) -> None:
    async with running_agent(reactor, unplugged(site)) as agent:
        hand = beside(agent, site.data)
        first = await hand.ask("PUT", "/flows/brew", {"definition": example()})
        assert (first.status, first.json["version"]) == (201, 1)
        seen = first.headers["etag"]
        mine, yours = ({**example(), "version": v} for v in ("mine", "yours"))
        won = await hand.ask("PUT", "/flows/brew", {"definition": mine}, if_match=seen)
        assert (won.status, won.json["version"]) == (200, 2)
        lost = await hand.ask(
            "PUT", "/flows/brew", {"definition": yours}, if_match=seen
        )
        assert (lost.status, lost.json["title"]) == (412, "Precondition Failed")
        same = await hand.ask(
            "PUT", "/flows/brew", {"definition": mine}, if_match=won.headers["etag"]
        )
        assert same.headers["etag"] == won.headers["etag"]
        assert (await hand.get("/node"))["changes"]["waiting"] == 2


@pytest_twisted.ensureDeferred
async def test_the_page_and_its_document_are_open_and_safe(site: Site) -> None:
    async with running_agent(reactor, unplugged(site)) as agent:
        hand = beside(agent, site.data)
        token_file = site.data / TOKEN_NAME
        assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
        anyone = Hand(hand.url, None)
        for path, kind in (
            ("/", "text/html"),
            ("/page.js", "text/javascript"),
            ("/page.css", "text/css"),
            ("/icon.svg", "image/svg+xml"),
            ("/openapi.json", "application/json"),
            ("/health", "application/json"),
        ):
            said = await anyone.ask("GET", path)
            assert (said.status, said.headers["content-type"].split(";")[0]) == (
                200,
                kind,
            )
            assert "default-src 'none'" in said.headers["content-security-policy"]
            assert said.headers["x-content-type-options"] == "nosniff"
            assert hand.token is not None
            assert hand.token.encode() not in said.body
        assert (await anyone.get("/health"))["status"] == "ok"
        head = await anyone.ask("HEAD", "/health")
        assert (head.status, head.body) == (200, b"")
        for host in ("localhost:7070", "[::1]", "192.168.1.4", socket.gethostname()):
            assert (await hand.ask("GET", "/flows", host=host)).status == 200
        page = (await anyone.ask("GET", "/")).body.decode()
        assert "<style" not in page
        assert "http://" not in page
        assert "https://" not in page
        # Answers are what the document says they are.
        document = await anyone.get("/openapi.json")
        for path in ("/flows", "/node", "/flows/status"):
            schema = document["paths"][path]["get"]["responses"]["200"]["content"]
            jsonschema.validate(
                await hand.get(path),
                {**schema["application/json"]["schema"], **document},
            )
        port = int(hand.url.rsplit(":", 1)[1].strip("/"))
    with pytest.raises(OSError, match="refused"), socket.socket() as gone:
        gone.connect(("127.0.0.1", port))


@pytest_twisted.ensureDeferred
async def test_local_flows_outlive_the_agent(site: Site) -> None:
    async with running_agent(reactor, unplugged(site)) as agent:
        hand = beside(agent, site.data)
        await hand.ask("POST", "/flows", {"flow": "brew", "definition": example()})
        token = hand.token
    kept = list((site.data / "changes").iterdir())
    assert [msgspec.json.decode(each.read_bytes())["flow"] for each in kept] == ["brew"]
    (site.data / "wanted" / "stew.json").write_text('{"flow": "st')
    async with running_agent(reactor, unplugged(site)) as agent:
        hand = beside(agent, site.data)
        assert hand.token == token
        unread = (await hand.get("/flows/status"))["flows"][1]
        assert (unread["flow"], unread["state"]) == ("stew", "failed")
        assert "install the flow again, or remove it" in unread["detail"]
        assert (await hand.ask("DELETE", "/flows/stew")).status == 200

        async def ready() -> bool:
            (found,) = (await hand.get("/flows"))["flows"]
            return (found["state"], found["change"]["state"]) == ("ready", "waiting")

        await until(reactor, ready)
