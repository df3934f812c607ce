"""Serves the built page, with what a browser should know to trust it.

Every answer carries the content security policy and its companions. Files whose name
holds a hash of their content may be kept for ever; everything else is asked for again,
and answered with 304 while it is the same. What the build has compressed beside a file
(``x.js.br``, ``x.js.gz``) is sent to who understands it; nothing is compressed here, in
the router's time. Only files are served: no listing, nothing outside the folder.
"""

import re
from pathlib import Path
from typing import Any

from twisted.web.http import CACHED, NOT_FOUND
from twisted.web.resource import Resource
from typing_extensions import override

from heddle.web import HSTS

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",  # only a header can say this
    )
)
HEADERS = {
    "Server": "Heddle",  # and not which version of what
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that know no frame-ancestors
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
ENCODINGS = {"br": ".br", "gzip": ".gz"}  # the better first
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
HASHED = re.compile(r"assets/.+-[\w-]{8,}\.\w+")
_NAME = re.compile(r"[\w][\w.-]*")  # neither hidden nor a step up
_INDEX = "index.html"


class Page(Resource):
    """The folder of the built page, as the root of the web port."""

    def __init__(self, extra: dict[str, str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._folder = Path(extra["directory"])

    @override
    def getChild(self, path: bytes, request: Any) -> Resource:
        """Whatever is below, the same resource answers."""
        request.prepath.pop()
        request.postpath.insert(0, path)
        leaf = Page({"directory": str(self._folder)})
        leaf.isLeaf = True
        return leaf

    @override
    def render(self, request: Any) -> Any:
        """Twisted's word that somebody asks; also for what is not allowed."""
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        if request.isSecure():
            request.setHeader("Strict-Transport-Security", HSTS)
        return super().render(request)  # type: ignore[no-untyped-call]

    def render_GET(self, request: Any) -> bytes:  # noqa: N802 -- Twisted's name
        """A file, or 404; HEAD comes here too."""
        name = file_name(request.postpath)
        try:
            if name is None or Path(name).suffix not in KINDS:
                raise FileNotFoundError
            return self._file(name, request)
        except OSError:
            request.setResponseCode(NOT_FOUND)
            request.setHeader("Cache-Control", ASK_AGAIN)
            request.setHeader("Content-Type", KINDS[".txt"])
            return b"There is no such file.\n"

    def _file(self, name: str, request: Any) -> bytes:
        found = self._folder / name
        stat = found.stat()
        encoding = self._encoding(found, stat.st_mtime_ns, request)
        tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}{encoding[:1]}"'
        request.setHeader("Content-Type", KINDS[found.suffix])
        request.setHeader("Vary", "Accept-Encoding")
        keep = FOR_EVER if HASHED.fullmatch(name) else ASK_AGAIN
        request.setHeader("Cache-Control", keep)
        if request.setETag(tag.encode()) == CACHED:
            return b""
        if encoding:
            request.setHeader("Content-Encoding", encoding)
        content = found.with_name(found.name + ENCODINGS.get(encoding, "")).read_bytes()
        request.setHeader("Content-Length", str(len(content)))
        return content

    def _encoding(self, found: Path, made_ns: int, request: Any) -> str:
        """The best there is and is understood; one older than the file is not of it."""
        understood = accepted(request.getHeader("accept-encoding") or "")
        for encoding, suffix in ENCODINGS.items():
            beside = found.with_name(found.name + suffix)
            if (
                encoding in understood
                and beside.is_file()
                and beside.stat().st_mtime_ns >= made_ns
            ):
                return encoding
        return ""


def file_name(path: list[bytes]) -> str | None:
    """The file a path names below the folder; None if it is no name of ours."""
    try:
        names = [part.decode("ascii") for part in path]
    except UnicodeDecodeError:
        return None
    if names in ([], [""]):
        return _INDEX
    return "/".join(names) if all(map(_NAME.fullmatch, names)) else None


def accepted(header: str) -> set[str]:
    """The encodings that a browser's ``Accept-Encoding`` does not refuse."""
    found = set()
    for part in header.split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}:
            found.add(name.strip().lower())
    return found
