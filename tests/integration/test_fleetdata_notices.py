"""Notices of alarms, to a real web server and a real mail server of this test."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, succeed
from twisted.mail.smtp import IMessage, IMessageDelivery, SMTPFactory, User
from twisted.web.resource import Resource
from twisted.web.server import Site
from zope.interface import implementer

from heddle.contract.alarm_notices import (
    LIST_NOTICE_TARGETS,
    REMOVE_NOTICE_TARGETS,
    SEND_TEST_NOTICE,
    SET_NOTICE_TARGETS,
    ListNoticeTargets,
    NoticeNotTaken,
    NoticeTarget,
    NoticeTargetNotFound,
    RemoveNoticeTargets,
    SendTestNotice,
    SetNoticeTargets,
)
from heddle.contract.alarm_procedures import SET_ALARM_RULES
from heddle.contract.alarms import AlarmKind, AlarmRule, AlarmSeverity, SetAlarmRules
from heddle.contract.declare import InvalidRequest
from heddle.contract.samples import INGEST
from tests.integration.test_fleetdata import Setting, setting
from tests.support.batches import now_s, samples
from tests.support.databases import Server
from tests.support.router import InProcRouter
from tests.support.storage import storage_on
from tests.support.waiting import until

HOT = AlarmRule(
    device="press_7",
    alarm="hot",
    tag="temp",
    kind=AlarmKind.HI,
    limit=80.0,
    severity=AlarmSeverity.HIGH,
    text="Open the valve.",
)


@dataclass
class Outside:
    """A web server that refuses the first request, and a mail server."""

    posts: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    mails: list[Any] = field(default_factory=list)
    ports: list[Any] = field(default_factory=list)
    refuse: int = 1

    def listen(self, reactor: Any) -> None:
        web = Site(Hook(self), reactor=reactor)
        mail = SMTPFactory()
        mail.protocol = lambda: smtp_of(self)
        for factory in (web, mail):
            self.ports.append(reactor.listenTCP(0, factory, interface="127.0.0.1"))

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.ports[0].getHost().port}/hook"

    @property
    def mail(self) -> str:
        return f"127.0.0.1:{self.ports[1].getHost().port}"

    async def close(self) -> None:
        for port in self.ports:
            await port.stopListening()


class Hook(Resource):
    isLeaf = True  # noqa: N815 -- Twisted's

    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self.outside = outside

    def render_POST(self, request: Any) -> bytes:  # noqa: N802 -- Twisted's
        if self.outside.refuse:
            self.outside.refuse -= 1
            request.setResponseCode(503)
            return b"busy"
        names = ("Authorization", "Idempotency-Key", "Content-Type")
        headers = {x: request.getHeader(x) for x in names}
        self.outside.posts.append((headers, json.load(request.content)))
        return b"thanks"


def smtp_of(outside: Outside) -> Any:
    from twisted.mail.smtp import ESMTP

    protocol = ESMTP()
    protocol.delivery = Delivery(outside)
    return protocol


@implementer(IMessageDelivery)
class Delivery:
    def __init__(self, outside: Outside) -> None:
        self.outside = outside

    def receivedHeader(self, *_: Any) -> bytes:  # noqa: N802 -- Twisted's
        return b"Received: by a test"

    def validateFrom(self, _: Any, origin: Any) -> Any:  # noqa: N802 -- Twisted's
        return origin

    def validateTo(self, _: User) -> Any:  # noqa: N802 -- Twisted's
        return lambda: Mail(self.outside)


@implementer(IMessage)
class Mail:
    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.lines: list[bytes] = []

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 -- Twisted's
        self.lines.append(line)

    def eomReceived(self) -> Deferred[None]:  # noqa: N802 -- Twisted's
        self.outside.mails.append(message_from_bytes(b"\n".join(self.lines)))
        return succeed(None)

    def connectionLost(self) -> None:  # noqa: N802 -- Twisted's
        self.lines.clear()


@pytest_twisted.async_yield_fixture
async def plant(
    router: InProcRouter, embedded_server: Server
) -> AsyncIterator[tuple[Setting, Outside]]:
    outside = Outside()
    outside.listen(router.reactor)
    with storage_on(embedded_server) as storage:
        settings = {"mail_server": outside.mail, "mail_tls": False}
        dsn = storage.running.dsn()
        async with setting(router, storage.project(), dsn, **settings) as found:
            await found.served()
            yield found, outside
    await outside.close()


async def alarm(plant: Setting, owner: Any) -> None:
    """HI at 80 is crossed and left again."""
    await owner.call(SET_ALARM_RULES, SetAlarmRules(rules=(HOT,)))
    key = await plant.backend.device(plant.project, "press_7")
    rows = [("temp", now_s() - 9, 85.0, 0), ("temp", now_s() - 8, 20.0, 0)]
    async with plant.device(key) as device:
        await device.call(INGEST, samples(0, rows))


@pytest_twisted.ensureDeferred
async def test_notices_go_out_until_they_are_taken(plant: Any) -> None:
    setting_, outside = plant
    async with setting_.owner() as owner:
        targets = (
            NoticeTarget(target="hook", url=outside.web, secret="s3", cleared=True),
            NoticeTarget(target="post", mail=("ann@plant.example",)),
            NoticeTarget(
                target="boss", url=outside.web, min_severity=AlarmSeverity.CRITICAL
            ),
            NoticeTarget(target="other", url=outside.web, device="mill"),
        )
        await owner.call(SET_NOTICE_TARGETS, SetNoticeTargets(targets=targets))
        await alarm(setting_, owner)

        async def all_told() -> bool:
            return len(outside.posts) == 2 and len(outside.mails) == 1

        await until(setting_.reactor, all_told)
        posts = {x["transition"]["cause"]: (head, x) for head, x in outside.posts}
        head, body = posts["raised"]
        assert head["Authorization"] == "Bearer s3"
        assert head["Idempotency-Key"] == str(body["id"])
        assert (body["device"], body["text"]) == ("press_7", "Open the valve.")
        assert body["test"] is False
        assert body["transition"]["value"] == 85.0
        assert set(posts) == {"raised", "cleared"}
        (mail,) = outside.mails
        assert mail["Subject"] == "press_7: hot raised"
        assert "Open the valve." in mail.get_payload()

        async def none_waits() -> bool:
            listed = await owner.call(LIST_NOTICE_TARGETS, ListNoticeTargets())
            return not any(x.waiting for x in listed.targets)

        await until(setting_.reactor, none_waits)


@pytest_twisted.ensureDeferred
async def test_a_failure_is_told_and_a_secret_is_not(plant: Any) -> None:
    setting_, outside = plant
    outside.refuse = 1_000
    async with setting_.owner() as owner:
        target = NoticeTarget(target="hook", url=outside.web, secret="s3")
        await owner.call(SET_NOTICE_TARGETS, SetNoticeTargets(targets=(target,)))
        await alarm(setting_, owner)

        async def failed() -> bool:
            listed = await owner.call(LIST_NOTICE_TARGETS, ListNoticeTargets())
            (report,) = listed.targets
            assert (report.has_secret, report.target.secret) == (True, None)
            assert report.waiting == 1
            port = outside.ports[0].getHost().port  # not what follows: it may be secret
            return report.error == f"http://127.0.0.1:{port} answered 503"

        await until(setting_.reactor, failed)
        gone = RemoveNoticeTargets(targets=("hook",))
        assert (await owner.call(REMOVE_NOTICE_TARGETS, gone)).targets == ()


@pytest_twisted.ensureDeferred
async def test_a_target_is_tried_and_the_outcome_told(plant: Any) -> None:
    setting_, outside = plant
    async with setting_.owner() as owner:
        targets = (
            NoticeTarget(target="hook", url=outside.web, secret="s3"),
            NoticeTarget(target="post", mail=("ann@plant.example",)),
        )
        await owner.call(SET_NOTICE_TARGETS, SetNoticeTargets(targets=targets))
        with pytest.raises(NoticeNotTaken, match="hook was not told: http"):
            await owner.call(SEND_TEST_NOTICE, SendTestNotice(target="hook"))
        for name in ("hook", "post"):
            taken = await owner.call(SEND_TEST_NOTICE, SendTestNotice(target=name))
            assert taken.target == name
        ((head, body),) = outside.posts
        assert head["Authorization"] == "Bearer s3"
        assert head["Idempotency-Key"].startswith("test-")
        assert (body["test"], body["transition"]["who"]) == (True, owner.authid)
        (mail,) = outside.mails
        assert "This is a test" in mail.get_payload()
        listed = await owner.call(LIST_NOTICE_TARGETS, ListNoticeTargets())
        assert [x.waiting for x in listed.targets] == [0, 0]
        with pytest.raises(NoticeTargetNotFound, match="no target 'boss'"):
            await owner.call(SEND_TEST_NOTICE, SendTestNotice(target="boss"))


@pytest.mark.parametrize(
    "target",
    [
        NoticeTarget(target="x"),
        NoticeTarget(target="x", url="http://a", mail=("a@b",)),
        NoticeTarget(target="x", url="file:///etc/passwd"),
        NoticeTarget(target="x", mail=("no address",)),
        NoticeTarget(target="x", mail=("a@b\r\nBcc: c@d",)),
        NoticeTarget(target="x", url="http://a", secret="a\r\nb"),
        NoticeTarget(target="x", mail=("a@b",), secret="s3"),
    ],
)
def test_a_target_that_cannot_be_told_is_refused(target: NoticeTarget) -> None:
    from services.fleetdata.alarms.targets import check_target

    with pytest.raises(InvalidRequest):
        check_target(target, can_mail=True)
