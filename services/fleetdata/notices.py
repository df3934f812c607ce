"""Tells alarms to the outside: webhooks (HTTP POST of JSON) and e-mail (SMTP).

At least once: a notice leaves the queue when the other side has said that it has it. A
receiver knows a repeat by its id. While one target does not answer, others are served:
attempts are short, and go side by side.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import msgspec
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred, gatherResults, succeed
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.mail.smtp import SMTPClientError, sendmail
from twisted.web.client import Agent, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from typing_extensions import override
from zope.interface import implementer

from heddle.contract.alarm_notices import (
    LIST_NOTICE_TARGETS,
    REMOVE_NOTICE_TARGETS,
    SET_NOTICE_TARGETS,
    ListNoticeTargets,
    NoticeTarget,
    NoticeTargetList,
    RemoveNoticeTargets,
    SetNoticeTargets,
)
from heddle.contract.declare import (
    InvalidRequest,
    StorageUnavailable,
    check_id,
)
from heddle.wamp.session import Caller, Session
from heddle.wamp.spawn import spawn
from services.fleetdata.database import Database
from services.fleetdata.store import notices as store
from services.fleetdata.store.notices import Notice
from services.fleetdata.words import check_word

log = Logger()

AT_ONCE = 10
ATTEMPT_S = 20.0
RETRY_S = 1.0
LONGEST_REST_S = 120.0  # should another process have left something behind
MOST_ADDRESSES = 20
MAX_URL = 2_000


_FAILED = (
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    ResponseFailed,
    defer.TimeoutError,
)


class NotTold(Exception):
    """The other side did not take it; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Who takes our e-mail."""

    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = None
    tls: bool = True


class Notices:
    """The notices of one project."""

    def __init__(
        self, reactor: Any, database: Database, mail_server: MailServer | None
    ) -> None:
        self._reactor = reactor
        self._database = database
        self._mail_server = mail_server
        self._agent = Agent(reactor, connectTimeout=ATTEMPT_S / 2)  # type: ignore[no-untyped-call]
        self._rest: Deferred[None] | None = None
        self._woken = False
        self._stopped = False

    async def settle(self, session: Session) -> None:
        """Serve what the contract says about notices."""
        await session.serve(SET_NOTICE_TARGETS, self._set)
        await session.serve(REMOVE_NOTICE_TARGETS, self._remove)
        await session.serve(LIST_NOTICE_TARGETS, self._list)

    def start(self) -> None:
        """Begin to tell."""
        spawn(self._keep_telling(), "telling of alarms")

    def stop(self) -> None:
        """Leave it to another process; what is under way is told again by it."""
        self._stopped = True
        self.wake()

    def wake(self) -> None:
        """There may be something new to tell."""
        self._woken = True
        if self._rest is not None:
            self._rest.cancel()

    async def _keep_telling(self) -> None:
        while not self._stopped:
            rest_s, self._woken = RETRY_S, False
            with suppress(StorageUnavailable):
                found = await self._database.write(store.claim, AT_ONCE)
                await gatherResults(
                    [Deferred.fromCoroutine(self._tell(each)) for each in found]
                )
                due_s = await self._database.read(store.next_in_s)
                rest_s = LONGEST_REST_S if due_s is None else max(due_s, 0.0)
            if rest_s > 0 and not (self._woken or self._stopped):
                self._rest = deferLater(self._reactor, min(rest_s, LONGEST_REST_S))
                with suppress(CancelledError):
                    await self._rest
                self._rest = None

    async def _tell(self, notice: Notice) -> None:
        name = notice.target.target
        try:
            if notice.target.url is not None:
                await self._post(notice, notice.target.url)
            else:
                await self._mail(notice)
        except NotTold as why:
            log.warn("{target} was not told: {why}", target=name, why=str(why))
            if await self._database.write(store.not_told, notice.id, str(why)):
                log.warn("gave up telling {target} of {id}", target=name, id=notice.id)
        else:
            await self._database.write(store.told, notice.id)

    async def _post(self, notice: Notice, url: str) -> None:
        headers = Headers({"Content-Type": ["application/json"]})
        headers.addRawHeader("Idempotency-Key", str(notice.entry.id))
        if notice.target.secret:
            headers.addRawHeader("Authorization", f"Bearer {notice.target.secret}")
        body = json.dumps(_document(notice)).encode()
        asked = self._agent.request(b"POST", url.encode(), headers, _Body(body))
        try:
            response = await asked.addTimeout(ATTEMPT_S, self._reactor)
            response.deliverBody(_Ignored())  # type: ignore[no-untyped-call]
        except _FAILED as error:
            raise NotTold(f"{url}: {type(error).__name__} {error}") from None
        if not 200 <= response.code < 300:  # noqa: PLR2004 -- what HTTP calls success
            raise NotTold(f"{url} answered {response.code}")

    async def _mail(self, notice: Notice) -> None:
        server = self._mail_server
        if server is None:
            raise NotTold("no mail server is set: see FLEETDATA_MAIL_SERVER")
        mail = _mail_of(notice, server.sender)
        sent = sendmail(  # type: ignore[no-untyped-call]
            server.host,
            server.sender.encode(),
            [address.encode() for address in notice.target.mail],
            mail.as_bytes(),
            port=server.port,
            reactor=self._reactor,
            username=server.user and server.user.encode(),
            password=server.password and server.password.encode(),
            requireAuthentication=server.user is not None,
            requireTransportSecurity=server.tls,
        )
        try:
            await sent.addTimeout(ATTEMPT_S, self._reactor)
        except (*_FAILED, SMTPClientError) as error:
            raise NotTold(f"{server.host}: {type(error).__name__} {error}") from None

    # --- targets ---

    async def _set(self, request: SetNoticeTargets, _: Caller) -> NoticeTargetList:
        for target in request.targets:
            _check(target, self._mail_server is not None)
        await self._database.write(store.put_targets, request.targets)
        return await self._listed()

    async def _remove(
        self, request: RemoveNoticeTargets, _: Caller
    ) -> NoticeTargetList:
        await self._database.write(store.remove_targets, request.targets)
        return await self._listed()

    async def _list(self, _: ListNoticeTargets, __: Caller) -> NoticeTargetList:
        return await self._listed()

    async def _listed(self) -> NoticeTargetList:
        found = await self._database.read(store.list_targets)
        return NoticeTargetList(targets=tuple(found))


class _Ignored(Protocol):
    """An answer's body, of which nobody wants to know."""

    @override
    def connectionMade(self) -> None:
        """Close: there is one request on a connection."""
        assert self.transport is not None  # noqa: S101
        self.transport.loseConnection()


@implementer(IBodyProducer)
class _Body:
    """The body of a request, all at once."""

    def __init__(self, body: bytes) -> None:
        self.length = len(body)
        self._body = body

    def startProducing(self, consumer: Any) -> Deferred[None]:  # noqa: N802 -- Twisted's
        """Called once."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802 -- Twisted's
        """There is nothing to pause."""

    def stopProducing(self) -> None:  # noqa: N802 -- Twisted's
        """There is nothing to stop."""

    def resumeProducing(self) -> None:  # noqa: N802 -- Twisted's
        """There is nothing to resume."""


def _document(notice: Notice) -> dict[str, Any]:
    return {
        "target": notice.target.target,
        "text": notice.text,
        **msgspec.to_builtins(notice.entry),
    }


def _mail_of(notice: Notice, sender: str) -> EmailMessage:
    entry, one = notice.entry, notice.entry.transition
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(notice.target.mail)
    mail["Date"] = formatdate(one.at_us / 1e6)
    mail["Message-ID"] = f"<alarm-{entry.id}-{notice.target.target}@heddle.invalid>"
    mail["Subject"] = f"{entry.device}: {one.alarm} {one.cause}"
    lines = (
        f"Alarm {one.alarm} of {entry.device}: {one.cause}, now {one.after}.",
        notice.text,
        f"tag {one.tag}, value {one.value}, severity {one.severity}",
        f"at {formatdate(one.at_us / 1e6)}",
    )
    mail.set_content("\n".join(line for line in lines if line))
    return mail


def _check(target: NoticeTarget, can_mail: bool) -> None:
    check_id("target", target.target)
    if target.device is not None:
        check_id("device", target.device)
    if (target.url is None) is not bool(target.mail):
        raise InvalidRequest(f"{target.target}: give either url or mail")
    if target.secret is not None:
        check_word("secret", target.secret, 500)
    if target.url is not None:
        _check_url(target.target, target.url)
    elif not can_mail:
        raise InvalidRequest(
            f"{target.target}: no mail server is set, see FLEETDATA_MAIL_SERVER"
        )
    _check_addresses(target)


def _check_url(name: str, url: str) -> None:
    check_word("url", url, MAX_URL)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isascii():
        raise InvalidRequest(f"{name}: url {url!r} is no http or https address")


def _check_addresses(target: NoticeTarget) -> None:
    if len(target.mail) > MOST_ADDRESSES:
        raise InvalidRequest(f"{target.target}: at most {MOST_ADDRESSES} addresses")
    for address in target.mail:
        check_word("mail", address, 200)
        at = address.partition("@")
        if not (at[0] and at[2] and address.isascii()) or set(address) & set(" <>,;"):
            raise InvalidRequest(f"{target.target}: {address!r} is no mail address")
