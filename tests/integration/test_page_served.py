"""What the router says of the page it serves, asked over HTTP."""

import gzip
from email.message import Message
from http.client import HTTPConnection
from typing import NamedTuple

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from services.gatekeeper.page import ASK_AGAIN, FOR_EVER, HEADERS
from tests.support.router import InProcRouter

SCRIPT = b"console.log('heddle');" * 100
HASHED = "/assets/index-B_gSQyLA.js"


class Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes


async def ask(
    router: InProcRouter, path: str, method: str = "GET", **headers: str
) -> Answer:
    """An answer to a request whose path goes out as it is."""

    def asked() -> Answer:
        connection = HTTPConnection("127.0.0.1", router.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return found

    return await deferToThread(asked)


@pytest.fixture
def page(router: InProcRouter) -> InProcRouter:
    """A built page in the router's folder."""
    web = router.folder / "web"
    (web / "assets").mkdir()
    (web / ".hidden.txt").write_text("no")
    (router.folder / "beside.txt").write_text("no")
    script = web / HASHED.removeprefix("/")
    script.write_bytes(SCRIPT)
    (web / (HASHED[1:] + ".gz")).write_bytes(gzip.compress(SCRIPT))
    return router


@pytest_twisted.ensureDeferred
async def test_every_answer_says_what_a_browser_may_do_with_it(
    page: InProcRouter,
) -> None:
    for path, status in (
        ("/", 200),
        (HASHED, 200),
        ("/nothing.js", 404),
        ("/a/b", 404),
    ):
        answer = await ask(page, path)
        assert answer.status == status
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
    refused = await ask(page, "/", "POST")
    assert refused.status == 405
    assert refused.headers["X-Content-Type-Options"] == "nosniff"


@pytest_twisted.ensureDeferred
async def test_what_has_a_hash_is_kept_and_the_rest_asked_for_again(
    page: InProcRouter,
) -> None:
    assert (await ask(page, HASHED)).headers["Cache-Control"] == FOR_EVER
    first = await ask(page, "/")
    assert first.headers["Cache-Control"] == ASK_AGAIN
    assert first.headers["Content-Type"] == "text/html; charset=utf-8"
    again = await ask(page, "/index.html", If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    (page.folder / "web/index.html").write_text("<title>another</title>")
    newer = await ask(page, "/", If_None_Match=first.headers["ETag"])
    assert (newer.status, newer.body) == (200, b"<title>another</title>")


@pytest_twisted.ensureDeferred
async def test_what_is_compressed_beside_is_sent_to_who_understands_it(
    page: InProcRouter,
) -> None:
    plain = await ask(page, HASHED)
    assert (plain.body, plain.headers["Content-Encoding"]) == (SCRIPT, None)
    small = await ask(page, HASHED, Accept_Encoding="gzip, br")
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"] == "Accept-Encoding"
    assert small.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert gzip.decompress(small.body) == SCRIPT
    assert small.headers["ETag"] != plain.headers["ETag"]
    head = await ask(page, HASHED, "HEAD", Accept_Encoding="gzip")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(small.body))


@pytest_twisted.ensureDeferred
async def test_nothing_but_the_pages_files_is_served(page: InProcRouter) -> None:
    for path in (
        "/assets",
        "/assets/",
        "/.hidden.txt",
        "/../beside.txt",
        "/assets/../../beside.txt",
        "/%2e%2e/beside.txt",
        "/..%2fbeside.txt",
        "//etc/passwd",
        "/index.html%00.js",
        "/" + "a" * 5000 + ".js",
    ):
        assert (await ask(page, path)).status == 404, path
