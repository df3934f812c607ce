"""Tells one notice, once: by webhook (HTTP POST of JSON) or e-mail (SMTP).

Within ``ATTEMPT_S`` it is taken or ``NotTold`` says why not. A receiver knows a repeat
by its key: ``Idempotency-Key``, ``Message-ID``.
"""

import json
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import msgspec
from twisted.internet import defer
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.protocol import Protocol
from twisted.mail.smtp import SMTPClientError, sendmail
from twisted.web.client import Agent, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from typing_extensions import override
from zope.interface import implementer

from services.fleetdata.store.notices import Notice

ATTEMPT_S = 20.0

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


class Teller:
    """Tells notices; one does not wait for another."""

    def __init__(self, reactor: Any, mail_server: MailServer | None) -> None:
        self._reactor = reactor
        self._mail_server = mail_server
        self._agent = Agent(reactor, connectTimeout=ATTEMPT_S / 2)  # type: ignore[no-untyped-call]

    @property
    def can_mail(self) -> bool:
        """Whether there is a mail server."""
        return self._mail_server is not None

    async def tell(self, notice: Notice) -> None:
        """Raises ``NotTold``."""
        if notice.target.url is not None:
            await self._post(notice, notice.target.url)
        else:
            await self._mail(notice)

    async def _post(self, notice: Notice, url: str) -> None:
        headers = Headers({"Content-Type": ["application/json"]})
        headers.addRawHeader("Idempotency-Key", notice.key)
        if notice.target.secret:
            headers.addRawHeader("Authorization", f"Bearer {notice.target.secret}")
        body = json.dumps(_document(notice)).encode()
        asked = self._agent.request(b"POST", url.encode(), headers, _Body(body))
        try:
            response = await asked.addTimeout(ATTEMPT_S, self._reactor)
            response.deliverBody(_Ignored())  # type: ignore[no-untyped-call]
        except _FAILED as error:
            raise NotTold(f"{_host(url)}: {type(error).__name__} {error}") from None
        if not 200 <= response.code < 300:  # noqa: PLR2004 -- what HTTP calls success
            raise NotTold(f"{_host(url)} answered {response.code}")

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


def _host(url: str) -> str:
    """Where an address leads; what follows may be all the secret that the place has."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


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
        "test": notice.test,
        **msgspec.to_builtins(notice.entry),
    }


def _mail_of(notice: Notice, sender: str) -> EmailMessage:
    entry, one = notice.entry, notice.entry.transition
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(notice.target.mail)
    mail["Date"] = formatdate(one.at_us / 1e6)
    mail["Message-ID"] = f"<alarm-{notice.key}-{notice.target.target}@heddle.invalid>"
    mail["Subject"] = f"{entry.device}: {one.alarm} {one.cause}"
    lines = (
        f"Alarm {one.alarm} of {entry.device}: {one.cause}, now {one.after}.",
        notice.text,
        f"tag {one.tag}, value {one.value}, severity {one.severity}",
        f"at {formatdate(one.at_us / 1e6)}",
    )
    mail.set_content("\n".join(line for line in lines if line))
    return mail
