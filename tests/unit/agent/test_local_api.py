"""The local API without a server: who may ask, what is where, and its document."""

import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jsonschema
import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from edge_agent.local import access, answers
from edge_agent.local.access import (
    BadToken,
    WrongHost,
    check_host,
    check_token,
    host_and_port,
    is_loopback,
    load_or_make_token,
    own_names,
)
from edge_agent.local.openapi import document
from edge_agent.local.problems import NoSuchPath, WrongMethod, problem, status_of
from edge_agent.local.routes import ROUTES, find, read_body
from edge_agent.local.server import LISTEN_AGAIN_S, LocalServer
from heddle.contract import ERRORS
from heddle.contract.declare import InvalidRequest, LocalError
from heddle.contract.flows import FlowInvalid
from heddle.tls.trust import ServerFiles
from heddle.wamp.process import ConfigError
from tests.support.tls import Plant


def test_the_token_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    token = load_or_make_token(tmp_path)
    file = tmp_path / access.TOKEN_NAME
    assert len(token) == 43
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    assert load_or_make_token(tmp_path) == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "short", "x" * 20 + "\x00", "ä" * 30])
def test_an_unusable_token_is_told_with_the_way_out(tmp_path: Path, text: str) -> None:
    (tmp_path / access.TOKEN_NAME).write_text(text)
    with pytest.raises(ConfigError, match="delete the file to have one made"):
        load_or_make_token(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match="token of the local page"):
        load_or_make_token(tmp_path / "data")


def test_only_the_token_lets_in() -> None:
    check_token("Bearer secret", "secret")
    check_token("bearer  secret ", "secret")
    for sent in (None, "", "Bearer", "Bearer Secret", "Basic secret", "Bearer é"):
        with pytest.raises(BadToken, match=access.TOKEN_NAME):
            check_token(sent, "secret")


def test_addresses_and_own_names_are_ours_and_no_others() -> None:
    names = own_names("box.local")
    for host in (
        "localhost",
        "LOCALHOST:80",
        "127.0.0.1:7070",
        "[::1]:9",
        "box.local.",
    ):
        check_host(host, names)
    for host in (
        None,
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
    ):
        with pytest.raises(WrongHost, match="is no name of this device"):
            check_host(host, names)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("127.0.0.1:7070", ("127.0.0.1", 7070)),
        ("localhost:0", ("127.0.0.1", 0)),
        ("[::1]:80", ("::1", 80)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),  # noqa: S104
    ],
)
def test_an_address_is_read(address: str, found: tuple[str, int]) -> None:
    assert host_and_port(address) == found
    assert is_loopback(found[0]) == (found[0] != "0.0.0.0")  # noqa: S104


@pytest.mark.parametrize("address", ["7070", ":7070", "box:", "box:-1", "box:99999"])
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(ConfigError, match="AGENT_LOCAL is unusable"):
        host_and_port(address)


def test_paths_lead_to_routes() -> None:
    for method, path, name, ids in (
        ("GET", "/flows", "list_flows", {}),
        ("HEAD", "/flows", "list_flows", {}),
        ("GET", "/flows/status", "all_statuses", {}),
        ("GET", "/flows/brew", "get_flow", {"flow": "brew"}),
        ("GET", "/flows/status/brew", "one_status", {"flow": "brew"}),
        ("POST", "/flows/brew/approval", "approve", {"flow": "brew"}),
    ):
        route, found = find(method, path)
        assert (route.handle.__name__, found) == (name, ids)
    for path in ("/flow", "/flows/", "//", "/flows/a/b/c", "/flows/status/"):
        with pytest.raises(NoSuchPath, match="nothing is at"):
            find("GET", path)
    for method, path, allow in (
        ("PUT", "/flows/status", "GET"),
        ("GET", "/flows/commands", "PATCH"),
        ("PATCH", "/flows/brew", "DELETE, GET, PUT"),
    ):
        with pytest.raises(WrongMethod) as caught:
            find(method, path)
        assert caught.value.details["allow"] == allow


def test_bodies_are_read_strictly() -> None:
    command = b'{"command": "stop", "flow_ids": ["a"], "type": 1}'
    assert read_body(command, answers.FlowsCommand) == answers.FlowsCommand(
        command=answers.CommandName.STOP, flow_ids=("a",), type=answers.StopType.HARD
    )
    too_many = b'{"command": "stop", "flow_ids": [%s]}' % b",".join([b'"a"'] * 101)
    for body, words in (
        (b"", "no JSON"),
        (b"[]", "Expected `object`"),
        (b'{"command": "stop"}', "flow_ids"),
        (b'{"command": "stop", "flow_ids": ["a"], "typ": 1}', "typ"),
        (b'{"command": "stop", "flow_ids": ["a"], "type": true}', "type"),
        (too_many, "<= 100"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            read_body(body, answers.FlowsCommand)


def test_every_declared_error_of_ours_has_a_status() -> None:
    """What a flow's engine or shelf can refuse is never told as a defect."""
    told = {error.__name__: status_of(error("")).value for error in ERRORS}
    for name in ("FlowInvalid", "RunAlreadyActive", "EngineUnavailable", "StorageFull"):
        assert told[name] < 500 or told[name] in (503, 507)
    invalid = FlowInvalid(
        "no", findings=[{"rule": "R", "element": "e", "message": "m"}]
    )
    assert problem(invalid).findings[0].message == "m"
    assert problem(Unheard("odd")).status == 500


class Unheard(LocalError):
    """One that nobody has thought of."""


def test_the_document_is_sound_and_whole() -> None:
    found = document("1.0")
    schemas = found["components"]["schemas"]
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert found["openapi"] == "3.1.0"
    operations = [
        (method.upper(), path, operation)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
    ]
    assert sorted((m, p) for m, p, _ in operations) == sorted(
        (route.method, route.path) for route in ROUTES
    )
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(names) == len(set(names))
    for _, path, operation in operations:
        declared = {each["name"] for each in operation.get("parameters", ())}
        assert {part[1:-1] for part in path.split("/") if part[:1] == "{"} <= declared
        for answer in operation["responses"].values():
            for content in answer["content"].values():
                (name,) = content["schema"].values()
                assert name.rsplit("/", 1)[1] in schemas
    command = {**whole, "$ref": "#/components/schemas/FlowsCommand"}
    jsonschema.validate({"command": "stop", "flow_ids": ["a"], "type": 1}, command)
    for wrong in ({}, {"command": "fly", "flow_ids": ["a"]}, {"type": 2}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, command)


class ShyReactor(Clock):
    """The port is taken at first."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = 0

    def listenTCP(  # noqa: N802 -- Twisted's name
        self, port: int, _factory: object, *, interface: str
    ) -> object:
        self.tries += 1
        if self.tries == 1:
            raise CannotListenError(interface, port, OSError("in use"))
        return SimpleNamespace(getHost=lambda: SimpleNamespace(port=port))


def test_a_certificate_that_is_not_there_yet_ends_nothing_either(
    tmp_path: Path,
) -> None:
    reactor = ShyReactor()
    reactor.tries = 1
    files = ServerFiles(tmp_path / "router.crt", tmp_path / "router.key")
    server = LocalServer(reactor, "0.0.0.0:7070", cast("Any", None), "x" * 43, files)
    with capturedLogs() as logs:
        server.start()
        reactor.advance(LISTEN_AGAIN_S)
        assert server.url is None
        Plant(tmp_path)
        reactor.advance(LISTEN_AGAIN_S)
    assert server.url == "https://0.0.0.0:7070/"
    said = [formatEvent(event) for event in logs]
    assert len(said) == 2
    assert "router.crt: No such file or directory; trying again" in said[0]
    assert "the local page is at https://" in said[1]


def test_a_port_that_is_taken_ends_nothing_and_is_tried_again() -> None:
    reactor = ShyReactor()
    server = LocalServer(reactor, "0.0.0.0:7070", cast("Any", None), "x" * 43)
    with capturedLogs() as logs:
        server.start()
        assert server.url is None
        reactor.advance(LISTEN_AGAIN_S)
    assert server.url == "http://0.0.0.0:7070/"
    said = [formatEvent(event) for event in logs]
    assert "cannot be at 0.0.0.0:7070 (in use): free the port" in said[0]
    assert "can be reached from other hosts, unencrypted" in said[-1]
    assert reactor.getDelayedCalls() == []
