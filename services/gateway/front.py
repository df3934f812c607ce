"""The door: every path, who may ask how much, and no answer that is not ours.

klein finds the route; the desk carries it out. Whatever goes wrong is told as a
problem; a defect is logged with a reference and tells nothing else. What was begun is
finished, also when whoever asked has hung up.
"""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from klein import Klein
from klein.resource import KleinResource
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from typing_extensions import override
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from heddle import __version__
from heddle.contract.declare import FleetError
from heddle.contract.people import LoginRefused
from heddle.wamp.session import request_id
from heddle.web import MAX_BODY_BYTES
from services.gateway import credentials
from services.gateway.credentials import Password, mark
from services.gateway.desk import Desk, Sent
from services.gateway.events import STREAMS, Places, StreamRoute
from services.gateway.idempotency import Said
from services.gateway.limits import Buckets, Standing
from services.gateway.login import Me
from services.gateway.openapi import document
from services.gateway.outlet import EVENTS, Outlet
from services.gateway.page import PAGE_HEADERS, page
from services.gateway.problems import (
    Malformed,
    NoSuchPath,
    NotJson,
    TooLarge,
    Unauthenticated,
    WrongMethod,
    defect,
)
from services.gateway.route import PREFIX, Route, check_ids
from services.gateway.said import JSON, json_said, problem_said, refused
from services.gateway.sessions import Sessions
from services.gateway.table import ROUTES

log = Logger()

Answer = Callable[..., Any]


class Front:
    """Everything HTTP."""

    def __init__(
        self,
        clock: Any,
        sessions: Sessions,
        desk: Desk,
        *,
        known: Buckets,
        strangers: Buckets,
        wrong: Buckets,
        places: Places,
        is_ready: Callable[[], bool],
        is_forwarded: bool,
    ) -> None:
        self._clock = clock
        self._sessions = sessions
        self._desk = desk
        self._known = known
        self._strangers = strangers
        self._wrong = wrong
        self._places = places
        self._is_ready = is_ready
        self._is_forwarded = is_forwarded
        described = document(__version__)
        self._described = json_said(described)
        self._page = Said(HTTPStatus.OK, PAGE_HEADERS, page(described))
        self._app: Any = Klein()
        self._paths: list[tuple[int, re.Pattern[str], str]] = []
        self._app.url_map.merge_slashes = False
        for route in ROUTES:
            self._add(route.method, route.full_path, route.name, self._ask(route))
        for stream in STREAMS:
            self._add("GET", PREFIX + stream.path, stream.name, self._follow(stream))
        self._add("GET", f"{PREFIX}/me", "get_me", self._me)
        self._add("GET", f"{PREFIX}/openapi.json", "get_openapi", self._description)
        self._add("GET", f"{PREFIX}/docs", "get_docs", self._manual)
        self._add("GET", "/health", "get_health", self._health, is_counted=False)
        self._add("GET", "/ready", "get_ready", self._ready, is_counted=False)
        self._app.handle_errors(HTTPException)(self._nothing_there)

    def resource(self) -> "_Root":
        """What a site serves."""
        return _Root(self._app, self._clock)

    # --- routes -------------------------------------------------------------------

    def _add(
        self,
        method: str,
        path: str,
        name: str,
        answer: Answer,
        *,
        is_counted: bool = True,
    ) -> None:
        def handle(request: Any, **ids: str) -> Deferred[bytes]:
            request.route = name
            work = Deferred.fromCoroutine(
                self._answered(request, answer, ids, is_counted=is_counted)
            )
            return _kept_going(request, work)

        fits = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        self._paths.append((path.count("{"), fits, method))
        rule = path.replace("{", "<").replace("}", ">")
        self._app.route(rule, methods=[method], endpoint=name)(handle)

    async def _answered(
        self, request: Any, answer: Answer, ids: dict[str, str], *, is_counted: bool
    ) -> Said | None:
        """The answer to send, whatever happens; None: a stream, all is sent."""
        request_id.set(request.id)
        path = _text(request.path)
        standing: Mapping[str, str] = {}
        try:
            if is_counted:
                standing = self._count(request).headers()
            said: Said | None = await answer(request, ids)
        except FleetError as error:
            told = error.details
            if isinstance(error, LoginRefused):
                self._wrong.note(self._address(request), self._clock.seconds())
            standing = standing or {
                k: str(v) for k, v in told.items() if k.startswith("ratelimit-")
            }
            said = refused(error, path, request.id)
        except Exception:  # noqa: BLE001 -- the boundary: nothing internal leaks
            reference = uuid4().hex[:8]
            log.failure("a request failed [{reference}]", reference=reference)
            said = problem_said(defect(reference, path, request.id))
        if said is None:
            return None
        return Said(said.status, {**standing, **said.headers}, said.body)

    def _count(self, request: Any) -> Standing:
        """Take one from who asks: a credential that is in use, or an address."""
        now_s = self._clock.seconds()
        try:
            credential = credentials.read(request.getHeader("authorization"))
        except Unauthenticated:
            credential = None
        if credential is not None and (who := self._sessions.known(credential)):
            request.who = who.mark
            return self._known.take(mark(credential), now_s)
        address = self._address(request)
        self._wrong.check(address, now_s)  # the gatekeeper counts all of ours together
        return self._strangers.take(address, now_s)

    def _address(self, request: Any) -> str:
        if self._is_forwarded:
            forwarded = request.getHeader("x-forwarded-for") or ""
            if last := forwarded.rpartition(",")[2].strip():
                return str(last)[:64]
        return str(getattr(request.getClientAddress(), "host", "-"))

    def _ask(self, route: Route) -> Answer:
        async def answer(request: Any, ids: dict[str, str]) -> Said:
            sent = _sent(request, route, ids)
            said, request.who = await self._desk.serve(route, sent)
            return said

        return answer

    def _follow(self, stream: StreamRoute) -> Answer:
        async def answer(request: Any, ids: dict[str, str]) -> Said | None:
            check_ids(ids)
            _query(request, allowed=frozenset())
            credential = credentials.read(request.getHeader("authorization"))
            if isinstance(credential, Password):
                raise Unauthenticated("a stream needs `Authorization: Bearer`")
            out = Outlet(request, self._clock)
            with self._places.taken(mark(credential)):
                async with self._sessions.own(credential, out.end) as (session, who):
                    request.who = who.mark
                    last_id = request.getHeader("last-event-id") or ""
                    run = await stream.open(session, ids, last_id)
                    if request.method == b"HEAD":
                        return Said(HTTPStatus.OK, {"content-type": EVENTS}, b"")
                    left_s = who.expires_at_ms / 1000 - self._clock.seconds()
                    ends = self._clock.callLater(max(0.0, left_s), out.end)
                    out.begin()
                    try:
                        await run(out)
                    except FleetError as error:
                        log.info("a stream ended: {error}", error=str(error))
                    finally:
                        out.finish()
                        if ends.active():
                            ends.cancel()
            return None

        return answer

    async def _me(self, request: Any, _ids: dict[str, str]) -> Said:
        _query(request, allowed=frozenset())
        credential = credentials.read(request.getHeader("authorization"))
        if isinstance(credential, Password):
            raise Unauthenticated("this needs `Authorization: Bearer`")
        async with self._sessions.of(credential) as (_, who):
            request.who = who.mark
            me = Me(
                user=who.user,
                project=who.project,
                role=who.role,
                expires_at_ms=who.expires_at_ms,
            )
            return json_said(me)

    async def _description(self, _request: Any, _ids: dict[str, str]) -> Said:
        return self._described

    async def _manual(self, _request: Any, _ids: dict[str, str]) -> Said:
        return self._page

    async def _health(self, _request: Any, _ids: dict[str, str]) -> Said:
        return json_said({"status": "ok"})

    async def _ready(self, _request: Any, _ids: dict[str, str]) -> Said:
        if self._is_ready():
            return json_said({"status": "ok"})
        told = {"status": "the router does not answer"}
        return json_said(told, HTTPStatus.SERVICE_UNAVAILABLE)

    def _nothing_there(self, request: Any, failure: Any) -> bytes:
        """Klein's word that no route fits."""
        error = failure.value
        path = _text(request.path)
        told: FleetError = NoSuchPath(
            f"nothing is at {path[:100]}: {PREFIX}/openapi.json tells what there is"
        )
        if isinstance(error, MethodNotAllowed):
            allow = ", ".join(self._allowed(path))
            method = _text(request.method)
            told = WrongMethod(f"{path} takes {allow}, not {method}", allow=allow)
        return _say(request, refused(told, path, request.id))

    def _allowed(self, path: str) -> list[str]:
        """What can be done at a path; one without ids in it goes first."""
        found = [(ids, m) for ids, fits, m in self._paths if fits.fullmatch(path)]
        fewest = min((ids for ids, _ in found), default=0)
        methods = {method for ids, method in found if ids == fewest}
        return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


class _Root(KleinResource):
    """Klein's resource, where nothing it could stumble over gets through."""

    def __init__(self, app: Any, clock: Any) -> None:
        super().__init__(app)
        self._clock = clock

    @override
    def render(self, request: Any) -> Any:
        """Twisted's word that a request is there, as a whole."""
        request.begin(self._clock.seconds())
        try:
            b"/".join(request.postpath).decode()
            request.method.decode("ascii")
        except UnicodeDecodeError:
            told = NoSuchPath("nothing is there: the path is no UTF-8")
            return _say(request, refused(told, _text(request.path), request.id))
        return super().render(request)


def _kept_going(request: Any, work: "Deferred[Said | None]") -> Deferred[bytes]:
    """What is to be sent; when nobody waits any more, the work is done nevertheless."""
    answer: Deferred[bytes] = Deferred()

    def pass_on(said: Any) -> None:
        if not answer.called:
            is_said = isinstance(said, Said)
            answer.callback(_say(request, said) if is_said else b"")

    _ = work.addCallback(pass_on)
    return answer


def _say(request: Any, said: Said) -> bytes:
    """Set the head of an answer; klein sends the body."""
    status = HTTPStatus(said.status)
    request.setResponseCode(status.value, status.phrase.encode())
    for name, value in said.headers.items():
        request.setHeader(name, value)
    if status is not HTTPStatus.NOT_MODIFIED:
        request.setHeader("content-length", str(len(said.body)))
    return said.body


def _sent(request: Any, route: Route, ids: dict[str, str]) -> Sent:
    body = b""
    if route.has_body:
        if request.is_too_large:
            raise TooLarge(f"the body has more than {MAX_BODY_BYTES} bytes")
        body = request.content.read()
        if body:
            _check_is_json(request.getHeader("content-type"))
    raw = _text(request.uri).partition("?")[2]
    return Sent(
        method=_text(request.method),
        path=_text(request.path),
        ids=ids,
        query=_query(request),
        raw_query=raw,
        body=body,
        authorization=request.getHeader("authorization"),
        if_match=request.getHeader("if-match"),
        if_none_match=request.getHeader("if-none-match"),
        idempotency_key=request.getHeader("idempotency-key"),
    )


def _query(request: Any, allowed: frozenset[str] | None = None) -> dict[str, list[str]]:
    raw = request.uri.partition(b"?")[2]
    try:
        found = parse_qs(
            raw.decode("ascii"), True, False, errors="strict", max_num_fields=200
        )
    except ValueError:
        raise Malformed("the query is no list of names and values in UTF-8") from None
    if allowed is not None and (unknown := found.keys() - allowed):
        raise Malformed(f"there is no query parameter {min(unknown)!r} here")
    return found


def _check_is_json(content_type: str | None) -> None:
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise NotJson(f"the body must be {JSON}, not {kind or 'of no type'}")


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "backslashreplace")
