"""The local side of an agent, put together: changes and their sync, and the page.

The sync is always there, for changes may wait from when the page was on; the page only
where ``AGENT_LOCAL`` says where.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from edge_agent.config import Config
from edge_agent.drivers.driver import Driver
from edge_agent.flows import Flows
from edge_agent.local.changes import Changes
from edge_agent.local.desk import Desk
from edge_agent.local.sync import ChangeSync
from edge_agent.outbox import Outbox
from edge_agent.runs import Runs
from edge_agent.runtime.runtime import Runtime
from edge_agent.tags import TagTable
from heddle.contract.devices import Enrolled
from heddle.tls.trust import server_files
from heddle.wamp.session import Session


class Page(Protocol):
    """The page, as far as its owner minds."""

    @property
    def url(self) -> str | None:
        """Where it is, if it is."""
        ...

    def start(self) -> None:
        """Listen."""
        ...

    async def stop(self) -> None:
        """Hang up."""
        ...


class LocalSide:
    """What a device is to those who stand beside it."""

    def __init__(
        self,
        reactor: Any,
        config: Config,
        enrolled: Enrolled,
        *,
        flows: Flows,
        runs: Runs,
        outbox: Outbox,
        driver: Driver,
        tags: TagTable,
        runtime: Runtime,
        make_anew: Callable[[str], Awaitable[None]],
    ) -> None:
        self._reactor = reactor
        self._config = config
        self._enrolled = enrolled
        self._flows = flows
        self._runs = runs
        self._outbox = outbox
        self._driver = driver
        self._tags = tags
        self._runtime = runtime
        self._make_anew = make_anew
        self._changes = Changes(config.data / "changes", time.time)
        self._desk = Desk(flows, self._changes, self._changed)
        self._sync = ChangeSync(reactor, self._changes, self._desk)
        self._is_up, self._moved_at_ms = False, int(time.time() * 1000)
        self._page: Page | None = None

    def prepare(self) -> None:
        """Raises ``ConfigError`` for an unusable address or token, ``BadCertificate``
        for a certificate without its key.
        """
        if self._config.local is not None:
            self._page = self._make_page(self._config.local)

    def start(self) -> None:
        """The flows are up: go on where a former life ended, and listen."""
        self._changes.load(self._desk.is_done)
        self._sync.start()
        if self._page is not None:
            self._page.start()

    async def stop(self) -> None:
        """Serve and offer no more."""
        self._sync.stop()
        if self._page is not None:
            await self._page.stop()

    @property
    def url(self) -> str | None:
        """Where the page is, if it is."""
        return None if self._page is None else self._page.url

    def joined(self, session: Session) -> None:
        """There is a link."""
        self._move(is_up=True)
        self._sync.joined(session)

    def left(self) -> None:
        """There is none."""
        self._move(is_up=False)
        self._sync.left()

    @property
    def uplink(self) -> tuple[bool, int]:
        """Whether there is a link, and since when that is so."""
        return self._is_up, self._moved_at_ms

    def _move(self, *, is_up: bool) -> None:
        if is_up is not self._is_up:
            self._is_up, self._moved_at_ms = is_up, int(time.time() * 1000)

    def _changed(self) -> None:
        self._sync.nudge()

    def _make_page(self, address: str) -> Page:
        # Loaded where it is asked for: who does not want the page stays lean.
        from edge_agent.local.access import load_or_make_token  # noqa: PLC0415
        from edge_agent.local.commands import Commands  # noqa: PLC0415
        from edge_agent.local.node import Figures, Place  # noqa: PLC0415
        from edge_agent.local.routes import Api  # noqa: PLC0415
        from edge_agent.local.server import LocalServer  # noqa: PLC0415
        from edge_agent.local.standing import Standing  # noqa: PLC0415

        place = Place(
            enrolled=self._enrolled,
            kind=self._config.kind,
            data=self._config.data,
            router_url=self._config.router_url,
            runtime=self._runtime.kind,
            docker=self._runtime.docker,
        )
        figures = Figures(
            place,
            lambda: self.uplink,
            self._outbox,
            self._driver,
            self._tags,
            self._changes,
            time.time,
        )
        commands = Commands(self._reactor, self._flows, self._runs, self._make_anew)
        standing = Standing(
            self._reactor, self._flows, self._desk.etag, self._desk.change, time.time
        )
        api = Api(self._desk, commands, standing, figures)
        token = load_or_make_token(self._config.data)
        files = server_files(
            self._config.local_tls_certificate, self._config.local_tls_key
        )
        return LocalServer(self._reactor, address, api, token, files)
