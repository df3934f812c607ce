"""The local API and its page over HTTP, thin: who asks, how much, and then the routes.

Every answer is JSON or one of the page's files; every error is a problem+json with a
sentence. A defect is logged with a reference and tells nothing else. Nobody is served
more than a bounded body, and no more than so many connections are open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import msgspec
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override

from edge_agent.facts import agent_version
from edge_agent.local.access import (
    BadToken,
    check_host,
    check_token,
    host_and_port,
    is_loopback,
    own_names,
)
from edge_agent.local.openapi import JSON, PROBLEM, document
from edge_agent.local.problems import (
    NotJson,
    TooLarge,
    WrongMethod,
    defect,
    problem,
)
from edge_agent.local.routes import Answer, Api, Asked, Route, find, read_body
from heddle.contract.declare import FleetError
from heddle.tls.trust import BadCertificate, ServerFiles, behind_tls
from heddle.wamp.spawn import spawn
from heddle.web import HSTS, MAX_BODY_BYTES, Bounded, BoundedSite

log = Logger()

MAX_CONNECTIONS = 64
IDLE_S = 60
LISTEN_AGAIN_S = 15.0
WARN_EVERY_S = 60.0

_HEADERS = {
    "server": "heddle",
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


@dataclass(frozen=True, slots=True)
class _File:
    """Bytes that anybody may have."""

    content_type: str
    content: bytes


class LocalServer:
    """Listens where it is told to, and keeps trying where it cannot."""

    def __init__(
        self,
        reactor: Any,
        address: str,
        api: Api,
        token: str,
        files: ServerFiles | None = None,
    ) -> None:
        """Raises ``ConfigError`` if ``address`` is no HOST:PORT. With ``files`` it
        speaks TLS.
        """
        self._reactor = reactor
        self._host, self._port = host_and_port(address)
        self._files = files
        root = _Root(reactor, api, token, own_names(self._host))
        self._site: Any = _Site(root, timeout=IDLE_S)  # type: ignore[no-untyped-call]
        self._factory: Any = None
        self._listening: Any = None
        self._timer: IDelayedCall | None = None
        self._told = False

    @property
    def url(self) -> str | None:
        """Where the page is, if it is."""
        if self._listening is None:
            return None
        host = f"[{self._host}]" if ":" in self._host else self._host
        scheme = "http" if self._files is None else "https"
        return f"{scheme}://{host}:{self._listening.getHost().port}/"

    def start(self) -> None:
        """Listen; a port that is taken, or a certificate that cannot be used, ends
        nothing and is tried again.
        """
        self._timer = None
        try:
            self._factory = Bounded(self._secured(), MAX_CONNECTIONS)
            self._listening = self._reactor.listenTCP(
                self._port, self._factory, interface=self._host
            )
        except CannotListenError as error:
            self._try_again(
                f" ({error.socketError}): free the port or choose another address in "
                "AGENT_LOCAL"
            )
        except BadCertificate as flaw:
            self._try_again(f": {flaw}")
        else:
            self._tell_address()

    def _try_again(self, why: str) -> None:
        if not self._told:
            log.warn(
                "the local page cannot be at {host}:{port}{why}; trying again",
                host=self._host,
                port=self._port,
                why=why,
            )
        self._told = True
        self._timer = self._reactor.callLater(LISTEN_AGAIN_S, self.start)

    def _secured(self) -> Any:
        """What listens: the site, behind TLS if there are files for it."""
        if self._files is None:
            return self._site
        return behind_tls(self._files, self._site, self._reactor, "the local page")

    def _tell_address(self) -> None:
        log.info("the local page is at {url}", url=self.url)
        if self._files is None and not is_loopback(self._host):
            log.warn(
                "the local page can be reached from other hosts, unencrypted: whoever "
                "listens in learns its token; keep {host} on a network you trust",
                host=self._host,
            )

    async def stop(self) -> None:
        """Listen no more, and hang up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._listening is not None:
            await self._listening.stopListening()
            self._listening = None
        for open_ in list(self._factory.protocols if self._factory else ()):
            open_.transport.abortConnection()


class _Site(BoundedSite):
    """Keeps no access log."""

    @override
    def log(self, request: Any) -> None:
        """Nothing: an access log would tell every second that the page is open."""


class _Root(Resource):
    """Every path."""

    isLeaf = True  # noqa: N815 -- Twisted's name

    def __init__(
        self, clock: IReactorTime, api: Api, token: str, names: frozenset[str]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._clock = clock
        self._warn_again_s = 0.0
        self._api = api
        self._token = token
        self._names = names
        folder = files("edge_agent.local") / "page"
        self._files = {
            path: _File(kind, (folder / name).read_bytes())
            for path, (name, kind) in _PAGE.items()
        }
        self._files["/openapi.json"] = _File(
            JSON, msgspec.json.encode(document(agent_version()))
        )

    @override
    def render(self, request: Any) -> Any:
        """Twisted's word that a request is there, as a whole."""
        gone: list[object] = []
        _ = request.notifyFinish().addErrback(gone.append)
        spawn(self._serve(request, gone), "serving the local page")
        return NOT_DONE_YET

    async def _serve(self, request: Any, gone: list[object]) -> None:
        """Answer, unless whoever asked is gone by then; what was begun is finished."""
        try:
            answer = await self._answer(request)
        except FleetError as error:
            answer = _refused(error)
        except Exception:  # noqa: BLE001 -- the boundary: nothing internal leaks
            reference = uuid4().hex[:12]
            log.failure("local request failed, reference {ref}", ref=reference)
            told = defect(reference)
            answer = _Said(told.status, {"content-type": PROBLEM}, _json(told))
        if not gone:
            _say(request, answer)

    async def _answer(self, request: Any) -> "_Said":
        check_host(request.getHeader("host"), self._names)
        method, path = request.method.decode("latin-1"), _path(request)
        if (file := self._files.get(path)) is not None:
            if method not in ("GET", "HEAD"):
                raise WrongMethod(f"{path} takes GET, not {method}", allow="GET")
            return _Said(200, {"content-type": file.content_type}, file.content)
        if path != "/health":
            self._check_token(request)
        route, ids = find(method, path)
        answer = await route.handle(self._api, _asked(request, route, ids))
        return _said(answer)

    def _check_token(self, request: Any) -> None:
        sent = request.getHeader("authorization")
        try:
            check_token(sent, self._token)
        except BadToken:
            now_s = self._clock.seconds()
            if sent is not None and now_s >= self._warn_again_s:
                self._warn_again_s = now_s + WARN_EVERY_S
                peer = request.getClientAddress()
                log.warn("{peer} sent a wrong token", peer=getattr(peer, "host", peer))
            raise


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer, ready to be sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _asked(request: Any, route: Route, ids: dict[str, str]) -> Asked:
    body = None
    if route.body is not None:
        if request.is_too_large:
            raise TooLarge(
                f"the body has more than {MAX_BODY_BYTES} bytes: no workflow has"
            )
        _check_is_json(request.getHeader("content-type"))
        body = read_body(request.content.read(), route.body)
    return Asked(
        ids=ids,
        body=body,
        if_match=request.getHeader("if-match"),
        if_none_match=request.getHeader("if-none-match"),
    )


def _check_is_json(content_type: str | None) -> None:
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise NotJson(f"the body must be {JSON}, not {kind or 'of no type'}")


def _path(request: Any) -> str:
    path: bytes = request.path
    return unquote(path.decode("latin-1"), errors="replace")


def _json(body: object) -> bytes:
    return msgspec.json.encode(body)


def _said(answer: Answer) -> _Said:
    headers = {"content-type": JSON, **answer.headers}
    return _Said(answer.status.value, headers, _json(answer.body))


def _refused(error: FleetError) -> _Said:
    told = problem(error)
    headers = {"content-type": PROBLEM}
    if told.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="heddle"'
    if isinstance(allow := error.details.get("allow"), str):
        headers["allow"] = allow
    return _Said(told.status, headers, _json(told))


def _say(request: Any, said: _Said) -> None:
    phrase = HTTPStatus(said.status).phrase.encode()
    request.setResponseCode(said.status, phrase)
    if request.isSecure():
        request.setHeader("strict-transport-security", HSTS)
    for name, value in {**_HEADERS, **said.headers}.items():
        request.setHeader(name, value)
    request.setHeader("content-length", str(len(said.body)))
    request.write(said.body)
    request.finish()
