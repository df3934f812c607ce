"""HTTP as this API speaks it: an id for each request, headers for each answer.

Whatever comes, the answer is ours: what Twisted would guess of a body's type, or make
of a host's name, does not happen here.
"""

import re
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from twisted.logger import Logger, LogLevel
from typing_extensions import override

from heddle.web import HSTS, BoundedRequest, BoundedSite

log = Logger()

IDLE_S = 120
_PROBES = ("get_health", "get_ready")  # asked every few seconds
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

HEADERS = {
    "server": "heddle",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class ApiRequest(BoundedRequest):
    """A request that is known by an id, and by who sent it."""

    who = "-"  # for the access log
    route = ""  # for the figures
    is_stream = False
    began_s = 0.0
    _id = ""

    @property
    def id(self) -> str:
        """What it is known by, at this hop and all that follow."""
        if not self._id:
            given: Any = self.getHeader("x-request-id")
            fits = given is not None and _REQUEST_ID.fullmatch(given)
            self._id = given if fits else uuid4().hex
        return self._id

    @override
    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Twisted's word that it is there as a whole; forms are not looked into."""
        content: Any = self.content
        content.seek(0, 0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path, self.args = path.partition(b"?")[0], {}
        self.process()  # type: ignore[no-untyped-call]

    @override
    def getRequestHostname(self) -> bytes:
        """Nothing here depends on what a client calls the host."""
        return b"localhost"

    def begin(self, now_s: float) -> None:
        """Set what every answer carries."""
        self.began_s = now_s
        for name, value in HEADERS.items():
            self.setHeader(name, value)  # type: ignore[no-untyped-call]
        if self.isSecure():  # type: ignore[no-untyped-call]
            self.setHeader("strict-transport-security", HSTS)  # type: ignore[no-untyped-call]
        self.setHeader("x-request-id", self.id)  # type: ignore[no-untyped-call]


class QuietSite(BoundedSite):
    """Its access log is ours: no query, no header, and thus no secret."""

    requestFactory = ApiRequest  # noqa: N815 -- Twisted's name

    def __init__(self, resource: Any, meters: Any, clock: Any) -> None:
        super().__init__(resource, timeout=IDLE_S)  # type: ignore[no-untyped-call]
        self._meters = meters
        self._clock = clock

    @override
    def log(self, request: Any) -> None:
        """Twisted's word that a request is answered."""
        took_s = self._clock.seconds() - request.began_s
        self._meters.answered(
            request.method,
            request.route,
            request.code,
            took_s,
            is_stream=request.is_stream,
        )
        is_probe = request.route in _PROBES and request.code == HTTPStatus.OK
        log.emit(
            LogLevel.debug if is_probe else LogLevel.info,
            "{method} {path} {status} {sent} B {took:.0f} ms {who} {request}",
            method=_plain(request.method),
            path=_plain(request.path),
            status=request.code,
            sent=request.sentLength,
            took=1000 * took_s,
            who=request.who,
            request=request.id,
        )


def _plain(text: bytes) -> str:
    """Fit for a line of a log."""
    readable = text[:200].decode("ascii", "backslashreplace")
    return readable.encode("unicode_escape").decode()
