"""Carries out what is asked: opens the session, calls the procedure, tells the reply.

What HTTP adds to a call is here: preconditions, keys that keep a request from being
done twice, pages, and a place where to find what was made.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IReactorTime

from heddle.contract.declare import FleetError, Procedure
from heddle.wamp.session import CallTimedOut, ConnectionLost, NotServed, Session
from services.gateway import credentials
from services.gateway.credentials import Credential, Password
from services.gateway.idempotency import Answers, Said, check_key, fingerprint
from services.gateway.preconditions import expected
from services.gateway.problems import (
    AnsweredAlready,
    DeviceSilent,
    Unauthenticated,
)
from services.gateway.route import (
    PREFIX,
    Asked,
    Entry,
    Route,
    body_type,
    decoded,
    read,
)
from services.gateway.said import json_said, next_page
from services.gateway.sessions import Person, Sessions

MARGIN_S, LONGEST_S = 5.0, 600.0  # where who asks says how long others may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it came."""

    method: str
    path: str
    ids: Mapping[str, str]
    query: Mapping[str, list[str]]
    raw_query: str
    body: bytes
    authorization: str | None
    if_match: str | None
    if_none_match: str | None
    idempotency_key: str | None

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.raw_query}"


class Desk:
    """Answers requests by calls in the name of who sent them."""

    def __init__(
        self, clock: IReactorTime, sessions: Sessions, call_timeout_s: float
    ) -> None:
        self._clock = clock
        self._sessions = sessions
        self._timeout_s = call_timeout_s
        self._answers = Answers()

    async def serve(self, route: Route, sent: Sent) -> tuple[Said, str]:
        """The answer, and who was answered. Raises ``FleetError``."""
        if route.entry is Entry.LOGIN:
            return await self._log_in(route, sent)
        credential = credentials.read(sent.authorization)
        if route.entry is Entry.SYSTEM:
            asked = read(route, sent.ids, sent.query, sent.body, {})
            async with self._sessions.system(credential) as session:
                return await self._told(route, sent, session, asked), credential.user
        if isinstance(credential, Password):
            raise Unauthenticated(
                "this needs `Authorization: Bearer`: POST /api/v1/login gives a ticket"
            )
        read(route, sent.ids, sent.query, sent.body, {})  # before anybody is troubled
        try:
            return await self._in_project(route, sent, credential)
        except ConnectionLost:
            if sent.method not in ("GET", "HEAD"):
                raise
            return await self._in_project(route, sent, credential)

    async def _log_in(self, route: Route, sent: Sent) -> tuple[Said, str]:
        login: Any = decoded(sent.body, body_type(route))
        asked = read(route, sent.ids, sent.query, sent.body, {})
        who = Password(login.user, login.password)
        async with self._sessions.system(who) as session:
            return await self._told(route, sent, session, asked), login.user

    async def _in_project(
        self, route: Route, sent: Sent, credential: Credential
    ) -> tuple[Said, str]:
        assert not isinstance(credential, Password)  # noqa: S101 -- refused above
        async with self._sessions.of(credential) as (session, person):
            if sent.method != "POST" or sent.idempotency_key is None:
                given = await expected(route, sent.ids, sent.if_match, session)
                asked = read(route, sent.ids, sent.query, sent.body, given)
                said = await self._told(route, sent, session, asked)
            else:
                said = await self._once(route, sent, session, person)
            return said, person.mark

    async def _once(
        self, route: Route, sent: Sent, session: Session, person: Person
    ) -> Said:
        """Do it, or tell what came of it the first time."""
        key = check_key(sent.idempotency_key or "")
        print_ = fingerprint(sent.method, sent.target, sent.body)
        known = self._answers.begin(person.mark, key, print_, self._clock.seconds())
        if known is not None and route.is_secret:
            raise AnsweredAlready(
                f"the request with the idempotency key {key!r} is done; its answer "
                "holds a secret and is told once: use a new key to do it again"
            )
        if known is not None:
            return replace(
                known, headers={**known.headers, "idempotency-replayed": "true"}
            )
        said = await self._first(route, sent, session, person.mark, key)
        kept = replace(said, body=b"") if route.is_secret else said
        self._answers.keep(person.mark, key, kept)
        return said

    async def _first(
        self, route: Route, sent: Sent, session: Session, who: str, key: str
    ) -> Said:
        """Do it; where who serves it heeds keys, too, it may be asked for again."""
        is_heeded = "key" in route.procedure.request.__dataclass_fields__
        try:
            given = await expected(route, sent.ids, sent.if_match, session)
            if is_heeded:
                given["key"] = _key_of(who, key)
            asked = read(route, sent.ids, sent.query, sent.body, given)
            return await self._told(route, sent, session, asked)
        except (ConnectionLost, CallTimedOut):
            if is_heeded:
                self._answers.give_up(who, key)
            else:
                self._answers.doubt(who, key)
            raise
        except BaseException:
            self._answers.give_up(who, key)
            raise

    async def _told(
        self, route: Route, sent: Sent, session: Session, asked: Asked
    ) -> Said:
        try:
            reply = await self.call(session, route.procedure, asked, route.timeout_s)
        except FleetError as error:
            if (told := route.turned.get(type(error))) is None:
                raise
            raise type(told)(str(told)) from None
        body = reply if route.tell is None else route.tell(reply)
        headers = {}
        if route.location:
            place = route.location.format_map(_Fields(body))
            headers["location"] = f"{PREFIX}{place}"
        if route.etag is not None and (etag := route.etag(reply)) is not None:
            headers["etag"] = etag
            seen = (sent.if_none_match or "").split(",")
            if sent.method in ("GET", "HEAD") and etag in (s.strip() for s in seen):
                return Said(HTTPStatus.NOT_MODIFIED, headers, b"")
        if route.pages is not None:
            link = next_page(route.pages, body, sent.path, sent.query)
            if link is not None:
                headers["link"] = link
        return json_said(body, route.success, headers)

    async def call(
        self,
        session: Session,
        procedure: Procedure[Any, Any],
        asked: Asked,
        timeout_s: float | None = None,
    ) -> Any:
        """The procedure's reply; a device that does not answer is told as such."""
        within_s = timeout_s or self._timeout_s
        if (asked_ms := getattr(asked.request, "within_ms", None)) is not None:
            within_s = max(within_s, min(asked_ms / 1000, LONGEST_S) + MARGIN_S)
        try:
            return await session.call(
                procedure, asked.request, timeout_s=within_s, **asked.ids
            )
        except NotServed:
            if (device := asked.ids.get("device")) is None:
                raise
            raise DeviceSilent(
                f"device {device} does not answer: it is offline, or there is none"
            ) from None


class _Fields(dict[str, Any]):
    """A message's fields, for a template."""

    def __init__(self, message: object) -> None:
        super().__init__()
        self._message = message

    def __missing__(self, name: str) -> Any:
        return getattr(self._message, name)


def _key_of(who: str, key: str) -> str:
    """The key that the backend remembers: nobody meets another's by accident."""
    return hashlib.sha256(f"{who}\n{key}".encode()).hexdigest()[:32]
