"""A real Crossbar router inside the test's process, with the real configuration.

    async with running_router(reactor, tmp_path) as router:
        async with router.backend(projects=("plant",)) as backend:
            key = await backend.device("plant", "press_7")
            async with router.joined("project_plant", key) as agent: ...

Realms, permissions, authentication and transports are those of ``crossbar/config.json``
with the gatekeeper in it; only the node controller's own session is left out. A start
takes about 0.1 s after an import of 2 to 3 s.
"""

import json
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.signing import SigningKey
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater

from heddle.contract.declare import SYSTEM_REALM, Role
from heddle.contract.gate import (
    ADMIT_DEVICE,
    OPEN_REALM,
    REVOKE_DEVICE,
    SET_DIRECTORY,
    DeviceKey,
    Directory,
    OpenRealm,
    RevokeDevice,
)
from heddle.contract.people import (
    CHECK_PASSWORD,
    CheckPassword,
    LoginRefused,
    PasswordChecked,
)
from heddle.tls.trust import SYSTEM_TRUST, Trust
from heddle.wamp.joining import Credentials, Joined, KeyCredentials, TicketCredentials
from heddle.wamp.keys import public_hex
from heddle.wamp.session import Caller, Session
from services.gatekeeper.node import Tls, node_config
from tests.support.neighbours import need
from tests.support.ports import free_port


def _worker(reactor: Any, cbdir: Path) -> Any:
    """Crossbar's router worker without a node controller to report to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what crossbar imports is not ours to mend
        import jinja2
        from autobahn.wamp.types import ComponentConfig
        from crossbar.personality import Personality
        from crossbar.worker.router import RouterController
        from jinja2.sandbox import SandboxedEnvironment

    class Worker(RouterController):  # type: ignore[misc]
        def publish(self, *_args: Any, **_kwargs: Any) -> Deferred[None]:
            return succeed(None)

        def templates(self) -> SandboxedEnvironment:
            folders = [str(files(p) / d) for p, d in self.personality.TEMPLATE_DIRS]
            return SandboxedEnvironment(
                loader=jinja2.FileSystemLoader(folders), autoescape=True
            )

    extra = SimpleNamespace(
        node="test",
        worker="router",
        cbdir=str(cbdir),
        expose_controller=False,
        expose_shared=False,
    )
    worker = Worker(ComponentConfig("crossbar", extra), reactor, Personality)
    worker._uri_prefix = "crossbar.worker.router"
    worker._worker_id, worker._realm = "router", "crossbar"
    return worker


class InProcRouter:
    """A router on random ports of loopback, and the keys it trusts."""

    def __init__(
        self,
        reactor: Any,
        folder: Path,
        patience_s: float = 10,
        tls: Tls | None = None,
        trust: Trust = SYSTEM_TRUST,
    ) -> None:
        self.reactor = reactor
        self.trust = trust  # of those whom it lets join
        self.folder = folder
        self.keys = {
            name: SigningKey.generate() for name in ("backend", "fleetdata", "owner")
        }
        self.principals_file = folder / "principals.json"
        self.principals_file.write_text(json.dumps(self._principals()))
        (folder / "web").mkdir(exist_ok=True)
        (folder / "web" / "index.html").write_text("<title>heddle</title>")
        self.config = node_config(
            port=free_port(),
            rawsocket_port=free_port(),
            web_dir=folder / "web",
            principals_file=self.principals_file,
            tls=tls,
        )
        (worker,) = self.config["workers"]
        worker["components"][0]["extra"]["patience_s"] = patience_s
        self.config_of_worker = worker
        self.port, self.rawsocket_port = (
            transport["endpoint"]["port"] for transport in worker["transports"]
        )
        s = "" if tls is None else "s"
        self.web_url = f"http{s}://127.0.0.1:{self.port}/"
        self.ws_url = f"ws{s}://127.0.0.1:{self.port}/ws"
        self.url = f"r{s}s://127.0.0.1:{self.rawsocket_port}"
        self.worker: Any = None

    def _principals(self) -> dict[str, Any]:
        return {
            "principals": [
                {"name": name, "role": name, "public_key": public_hex(key)}
                for name, key in self.keys.items()
            ]
        }

    @property
    def owner_key(self) -> SigningKey:
        """The local owner's key: ``person`` in system, ``owner`` in every project."""
        return self.keys["owner"]

    def service_key(self, name: str) -> SigningKey:
        """The key of ``backend`` or ``fleetdata``."""
        return self.keys[name]

    async def start(self) -> None:
        """Start realms, components and transports, in the order of a real node."""
        self.worker = worker = _worker(self.reactor, self.folder)
        for realm in self.config_of_worker["realms"]:
            await worker.start_router_realm(realm["name"], realm)
        for component in self.config_of_worker["components"]:
            await worker.start_router_component(component["id"], dict(component))
        for transport in self.config_of_worker["transports"]:
            await worker.start_router_transport(transport["id"], transport)
            for path, service in transport.get("paths", {}).items():
                if path != "/":
                    await worker.start_web_transport_service(
                        transport["id"], path, service
                    )

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        for transport in self.worker.transports.values():
            await transport.port.stopListening()
        for session in self.sessions():
            drop = getattr(session._transport, "dropConnection", None)
            if drop is not None:
                drop(abort=True)
            else:
                session._transport.abort()
        while self.sessions():
            await deferLater(self.reactor, 0.01)

    def sessions(self) -> list[Any]:
        """The router's end of every session that came over the network."""
        return [
            session
            for realm in self.worker.realms.values()
            for session in realm.router._session_id_to_session.values()
            if hasattr(session, "onOpen") and hasattr(session._transport, "peer")
        ]

    async def restart(self) -> None:
        """As after a crash and a fresh start on the same ports and folder."""
        await self.stop()
        await self.start()

    def joined(
        self,
        realm: str | None,
        who: SigningKey | Credentials,
        url: str | None = None,
        trust: Trust | None = None,
    ) -> Joined:
        """``async with router.joined(realm, key) as session``."""
        credentials = KeyCredentials(who) if isinstance(who, SigningKey) else who
        trust = self.trust if trust is None else trust
        return Joined(self.reactor, url or self.url, realm, credentials, trust)

    @asynccontextmanager
    async def backend(
        self,
        projects: tuple[str, ...] = ("plant",),
        passwords: dict[str, str] | None = None,
    ) -> "AsyncIterator[MiniBackend]":
        """A minimal backend: it sets the directory and checks passwords."""
        async with self.joined(SYSTEM_REALM, self.service_key("backend")) as session:
            backend = MiniBackend(self, session, projects, passwords or {})
            await backend.start()
            yield backend


@dataclass
class MiniBackend:
    """What a test needs of the backend, over the real contract."""

    router: InProcRouter
    session: Session
    projects: tuple[str, ...]
    passwords: dict[str, str]
    devices: dict[tuple[str, str], str] = field(default_factory=dict)
    ticket_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    async def start(self) -> None:
        """Serve, and tell the gatekeeper everything."""
        await self.session.serve(CHECK_PASSWORD, self._check)
        await self.tell()

    async def tell(self) -> None:
        """Tell the gatekeeper the whole directory."""
        devices = tuple(
            DeviceKey(project=project, device=device, public_key=key)
            for (project, device), key in self.devices.items()
        )
        await self.session.call(
            SET_DIRECTORY,
            Directory(
                projects=self.projects,
                devices=devices,
                ticket_key=self.ticket_key.public_key().public_bytes_raw().hex(),
            ),
        )

    async def device(
        self, project: str, device: str, key: SigningKey | None = None
    ) -> SigningKey:
        """Enrol a device; its key."""
        key = key or SigningKey.generate()
        self.devices[project, device] = public_hex(key)
        await self.session.call(
            ADMIT_DEVICE,
            DeviceKey(project=project, device=device, public_key=public_hex(key)),
        )
        return key

    async def revoke(self, project: str, device: str) -> None:
        """Forget a device."""
        self.devices.pop((project, device), None)
        await self.session.call(
            REVOKE_DEVICE, RevokeDevice(project=project, device=device)
        )

    async def open(self, project: str) -> None:
        """Open one more project's realm."""
        self.projects += (project,)
        await self.session.call(OPEN_REALM, OpenRealm(project=project))

    def ticket(
        self, user: str, project: str, role: Role, valid_s: float = 60, **claims: Any
    ) -> TicketCredentials:
        """Credentials of a person for a project's realm."""
        import time

        claims = {
            "sub": user,
            "project": project,
            "role": role.value,
            "aud": "heddle",
            "exp": time.time() + valid_s,
            **claims,
        }
        return TicketCredentials(
            user, jwt.encode(claims, self.ticket_key, algorithm="EdDSA")
        )

    async def _check(self, request: CheckPassword, _caller: Caller) -> PasswordChecked:
        if self.passwords.get(request.user) != request.password:
            raise LoginRefused("user or password is wrong")
        return PasswordChecked(user=request.user)


@asynccontextmanager
async def running_router(
    reactor: Any,
    folder: Path,
    patience_s: float = 10,
    tls: Tls | None = None,
    trust: Trust = SYSTEM_TRUST,
) -> AsyncIterator[InProcRouter]:
    """A router for the length of a ``with``; skips the test without crossbar."""
    need("crossbar")
    router = InProcRouter(reactor, folder, patience_s, tls, trust)
    await router.start()
    try:
        yield router
    finally:
        await router.stop()


@pytest_twisted.async_yield_fixture
async def router(tmp_path: Path) -> AsyncIterator[InProcRouter]:
    """A router for one test."""
    from twisted.internet import reactor

    async with running_router(reactor, tmp_path) as running:
        yield running
