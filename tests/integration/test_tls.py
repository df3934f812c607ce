"""Encrypted links with a real router, gateway and agent: who joins, who does not, and
what a renewed certificate does to links that stand.
"""

import http.client
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_twisted
from nacl.signing import SigningKey
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from heddle.contract.declare import SYSTEM_REALM
from heddle.contract.devices import LIST_DEVICES, DeviceList, ListDevices
from heddle.contract.lifecycle import SAVE_FLOW, FlowVersion, SaveFlow
from heddle.contract.samples import TELEMETRY, Telemetry
from heddle.local.folder import Folder, StackFile
from heddle.tls.trust import BadCertificate, Trust
from heddle.wamp.joining import KeyCredentials, Refused, Unreachable, Uplink
from heddle.wamp.session import Caller, Session
from heddle.web import HSTS
from services.gatekeeper.node import Tls
from tests.support.device import program, running_site
from tests.support.local import Said
from tests.support.ports import free_port
from tests.support.rest import running_gateway
from tests.support.router import InProcRouter, running_router
from tests.support.stack import heddle
from tests.support.tls import Plant
from tests.support.waiting import becomes, until

REALM = "project_plant"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return Plant(tmp_path_factory.mktemp("plant"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return Plant(tmp_path_factory.mktemp("others"))


@asynccontextmanager
async def secured(
    plant: Plant, folder: Path, trust: Trust | None = None, **mutual: Any
) -> AsyncIterator[InProcRouter]:
    """A router with the plant's certificate; ``mutual`` as of ``Tls`` and its files."""
    on_web = mutual.pop("clients_on_web", False)
    tls = Tls(plant.files(**mutual), on_web)
    async with running_router(
        reactor, folder, tls=tls, trust=trust or plant.trust()
    ) as router:
        yield router


async def fetch(
    url: str, plant: Plant | None, path: str = "/", **headers: str
) -> tuple[Said, bytes]:
    """An answer, and the certificate of who gave it."""

    def fetched() -> tuple[Said, bytes]:
        place = urlsplit(url)
        assert place.hostname is not None
        if plant is None:
            link = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        else:
            context = ssl.create_default_context(cafile=plant.ca)
            link = http.client.HTTPSConnection(
                place.hostname, place.port, timeout=60, context=context
            )
        try:
            link.request("GET", path, headers=headers)
            shown = b""
            if isinstance(link.sock, ssl.SSLSocket):
                shown = link.sock.getpeercert(binary_form=True) or b""
            answer = link.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Said(answer.status, named, answer.read()), shown
        finally:
            link.close()

    return await deferToThread(fetched)


async def joins(router: InProcRouter, url: str, trust: Trust) -> str:
    """What becomes of the owner who joins there: the name, or what hindered it."""
    try:
        async with router.joined(SYSTEM_REALM, router.owner_key, url, trust) as session:
            return session.authid
    except (Unreachable, BadCertificate) as flaw:
        return str(flaw)


@pytest_twisted.ensureDeferred
async def test_both_ports_carry_all_that_plain_ones_do(
    plant: Plant, tmp_path: Path
) -> None:
    async with secured(plant, tmp_path) as router, router.backend() as backend:
        assert (router.url[:6], router.ws_url[:6]) == ("rss://", "wss://")
        long = {"text": "x" * 900_000}  # near the most that a message may have

        async def saved(request: SaveFlow, caller: Caller) -> FlowVersion:
            return FlowVersion(
                flow="brew",
                name="brew",
                version=1,
                saved_at_ms=0,
                saved_by=caller.authid,
                definition=request.definition or {},
            )

        centre_key = router.service_key("backend")
        async with router.joined(REALM, centre_key) as centre:
            await centre.serve(SAVE_FLOW, saved)
            for url in (router.url, router.ws_url):
                async with router.joined(REALM, router.owner_key, url) as owner:
                    request = SaveFlow(flow="brew", definition=long)
                    answer = await owner.call(SAVE_FLOW, request)
                    assert (answer.saved_by, answer.definition) == ("owner", long)
        key = await backend.device("plant", "press_7")
        for url in (router.url, router.ws_url):
            async with router.joined(None, key, url) as agent:
                assert (agent.authid, agent.realm) == ("press_7", REALM)


@pytest_twisted.ensureDeferred
async def test_who_is_not_trusted_is_told_and_nothing_is_said_to_him(
    plant: Plant, others: Plant, tmp_path: Path
) -> None:
    async with secured(plant, tmp_path) as router:
        for url in (router.url, router.ws_url):
            assert await joins(router, url, plant.trust()) == "owner"
            told = await joins(router, url, others.trust())
            assert told.startswith(f"{url} shows a certificate that nobody signed")
            assert str(others.ca) in told
            assert "this machine trusts" in await joins(router, url, Trust())
            gone = Trust(plant.folder / "none.crt")
            assert "none.crt: No such file" in await joins(router, url, gone)
        plain = router.ws_url.replace("wss:", "ws:")
        assert "closed the connection" in await joins(router, plain, Trust())


@pytest_twisted.ensureDeferred
async def test_a_router_without_tls_is_told_as_such(
    plant: Plant, router: InProcRouter
) -> None:
    secure = router.url.replace("rs:", "rss:")
    told = await joins(router, secure, plant.trust())
    assert "ended the connection before it showed a certificate" in told


@pytest_twisted.ensureDeferred
async def test_services_show_a_certificate_and_browsers_need_none(
    plant: Plant, others: Plant, tmp_path: Path
) -> None:
    async with secured(plant, tmp_path, client_ca=plant.ca) as router:
        known, stranger = plant.trust("press_7"), plant.trust()
        assert await joins(router, router.url, known) == "owner"
        assert "client certificate" in await joins(router, router.url, stranger)
        another = Trust(plant.ca, *others.pair("press_7"))
        assert "does not take our" in await joins(router, router.url, another)
        assert await joins(router, router.ws_url, stranger) == "owner"
        answer, _ = await fetch(router.web_url, plant)
        assert answer.status == 200


@pytest_twisted.ensureDeferred
async def test_the_web_port_demands_certificates_if_told(
    plant: Plant, tmp_path: Path
) -> None:
    async with secured(
        plant, tmp_path, client_ca=plant.ca, clients_on_web=True
    ) as router:
        assert await joins(router, router.ws_url, plant.trust("press_7")) == "owner"
        told = await joins(router, router.ws_url, plant.trust())
        assert "client certificate" in told
        with pytest.raises(ssl.SSLError):
            await fetch(router.web_url, plant)


@pytest_twisted.ensureDeferred
async def test_a_renewed_certificate_is_taken_and_no_link_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heddle.tls.serving.LOOK_EVERY_S", 0.1)
    own = Plant(tmp_path / "tls")
    async with secured(own, tmp_path) as router:
        ways: list[str] = []

        async def joined(session: Session) -> None:
            ways.append(session.authid)

        link = Uplink(
            reactor,
            router.ws_url,
            SYSTEM_REALM,
            KeyCredentials(router.owner_key),
            on_join=joined,
            on_leave=ways.append,
            trust=own.trust(),
        )
        link.start()
        await becomes(reactor, lambda: ways, ["owner"])
        _, before = await fetch(router.web_url, own)

        (own.folder / "router.crt").write_text("half a certificate")
        own.authority.server("next", ["127.0.0.1"], 30)
        _, still = await fetch(router.web_url, own)
        assert still == before

        for suffix in ("crt", "key"):
            (own.folder / f"next.{suffix}").replace(own.folder / f"router.{suffix}")

        async def taken() -> bool:
            _, shown = await fetch(router.web_url, own)
            return shown != before

        await until(reactor, taken)
        assert await joins(router, router.url, own.trust()) == "owner"
        assert ways == ["owner"]
        assert link.session is not None
        await link.stop()


@pytest_twisted.ensureDeferred
async def test_who_does_not_read_is_cut_behind_tls_too(
    plant: Plant, tmp_path: Path
) -> None:
    """What waits is counted below TLS: no wall hides it."""
    event = Telemetry(at_ms=0, tags=("t",), values=("x" * 200_000,), quality=(0,))
    async with secured(plant, tmp_path) as router, router.backend() as backend:
        key = await backend.device("plant", "press_7")
        for url in (router.url, router.ws_url):
            stalled = router.joined(REALM, router.owner_key, url)
            session = await stalled.__aenter__()
            await session.hear(TELEMETRY, lambda *_: None, device="press_7")
            assert stalled._client is not None
            stalled._client._protocol.transport.pauseProducing()
            async with router.joined(None, key) as agent:
                for _ in range(100):  # 20 MB; 8 may wait
                    await agent.published(TELEMETRY, event, device="press_7")

            def is_cut() -> bool:
                return "owner" not in [one._authid for one in router.sessions()]

            await becomes(reactor, is_cut)
            stalled._client.abort()


@pytest_twisted.ensureDeferred
async def test_the_page_comes_by_tls_and_says_so(plant: Plant, tmp_path: Path) -> None:
    async with secured(plant, tmp_path) as router:
        answer, _ = await fetch(router.web_url, plant)
        assert (answer.status, answer.body) == (200, b"<title>heddle</title>")
        assert answer.headers["strict-transport-security"] == HSTS
        told, _ = await fetch(router.web_url.replace("https", "http"), None)
        assert told.status == 400
        assert b"use https://" in told.body


@pytest_twisted.ensureDeferred
async def test_a_plain_page_does_not_demand_tls(router: InProcRouter) -> None:
    answer, _ = await fetch(router.web_url, None)
    assert "strict-transport-security" not in answer.headers


@pytest_twisted.ensureDeferred
async def test_the_gateway_speaks_tls_to_both_sides(
    plant: Plant, tmp_path: Path
) -> None:
    certificate, key = plant.pair("router")
    shown, own_key = plant.pair("press_7")
    async with (
        secured(plant, tmp_path, plant.trust("press_7"), client_ca=plant.ca) as router,
        running_gateway(
            reactor,
            router.url,
            router_ca=plant.ca,
            router_client_certificate=shown,
            router_client_key=own_key,
            tls_certificate=certificate,
            tls_key=key,
        ) as rest,
    ):
        url = rest.url.replace("http:", "https:")

        async def ready() -> bool:
            answer, _ = await fetch(url, plant, "/ready")
            return answer.status == 200

        await until(reactor, ready)
        answer, _ = await fetch(url, plant, "/health")
        assert answer.headers["strict-transport-security"] == HSTS
        told, _ = await fetch(rest.url, None, "/health")
        assert told.status == 400
        assert b"use https://" in told.body


@pytest_twisted.ensureDeferred
async def test_a_device_joins_by_tls_and_its_own_page_speaks_it(
    plant: Plant, tmp_path: Path
) -> None:
    certificate, key = plant.pair("router")
    shown, own_key = plant.pair("press_7")
    async with (
        secured(
            plant,
            tmp_path,
            plant.trust("press_7"),
            client_ca=plant.ca,
            clients_on_web=True,
        ) as router,
        running_site(router, tmp_path) as site,
    ):
        port = free_port()
        async with program(
            reactor,
            router,
            site.data,
            router_url=router.ws_url,
            router_ca=plant.ca,
            router_client_certificate=shown,
            router_client_key=own_key,
            local=f"127.0.0.1:{port}",
            local_tls_certificate=certificate,
            local_tls_key=key,
        ) as agent:
            await site.until_online()
            url = f"https://127.0.0.1:{port}/"

            async def listens() -> bool:
                with suppress(ConnectionRefusedError):
                    await fetch(url, plant, "/health")
                    return True
                return False

            await until(reactor, listens)
            answer, _ = await fetch(url, plant, "/health")
            assert answer.status == 200
            assert json.loads(answer.body)
            assert answer.headers["strict-transport-security"] == HSTS
            told, _ = await fetch(url.replace("https", "http"), None)
            assert told.status == 400
            assert await agent.stop() == 0
            assert "Traceback" not in agent.said


@pytest_twisted.ensureDeferred
async def test_the_command_line_trusts_whom_it_is_told_to(
    plant: Plant, tmp_path: Path
) -> None:
    async with secured(plant, tmp_path) as router, router.backend() as backend:
        await backend.open("default")
        realm = "project_default"
        async with router.joined(realm, router.service_key("backend")) as centre:

            async def listed(_: ListDevices, __: Caller) -> DeviceList:
                return DeviceList(devices=())

            await centre.serve(LIST_DEVICES, listed)
            folder = Folder(tmp_path / "stack")
            folder.prepare()
            folder.key("admin").write_text(router.owner_key.encode().hex())
            folder.write_stack(
                StackFile(pid=0, page="", router=router.ws_url, project="default")
            )
            asks = partial(heddle, "device", "list", "--data", str(folder.root))
            trusted = await deferToThread(asks, env={"HEDDLE_CA": str(plant.ca)})
            assert (trusted.code, trusted.err) == (0, "")
            refused = await deferToThread(asks)
            assert refused.code == 3
            assert "this machine trusts" in refused.err


@pytest_twisted.ensureDeferred
async def test_a_key_that_is_refused_is_refused_by_tls_too(
    plant: Plant, tmp_path: Path
) -> None:
    async with secured(plant, tmp_path) as router:
        with pytest.raises(Refused):
            async with router.joined(REALM, SigningKey.generate()):
                pass
