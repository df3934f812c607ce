"""The router's configuration, and what keeps it from starting."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from heddle.contract.gate import AUTHENTICATE_KEY, AUTHENTICATE_TICKET
from heddle.tls.trust import ServerFiles
from services.gatekeeper.node import TEMPLATES, Tls, main, node_config
from services.gatekeeper.principals import BadPrincipals, load_principals

GOOD = {"name": "backend", "role": "backend", "public_key": "ab" * 32}


def config(tmp_path: Path) -> dict[str, Any]:
    return node_config(
        port=1234,
        rawsocket_port=1235,
        web_dir=tmp_path,
        principals_file=tmp_path / "principals.json",
    )


def transports(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Every place where WAMP is spoken, with its endpoint."""
    web, rawsocket = config(tmp_path)["workers"][0]["transports"]
    websocket = {**web["paths"]["ws"], "endpoint": web["endpoint"]}
    return {"websocket": websocket, "rawsocket": rawsocket}


def test_ports_paths_and_interface_are_put_in(tmp_path: Path) -> None:
    (worker,) = config(tmp_path)["workers"]
    web, rawsocket = worker["transports"]
    assert (web["endpoint"]["port"], rawsocket["endpoint"]["port"]) == (1234, 1235)
    assert {t["endpoint"]["interface"] for t in (web, rawsocket)} == {"127.0.0.1"}
    assert web["paths"]["/"]["extra"]["directory"] == str(tmp_path)
    (component,) = worker["components"]
    assert component["extra"]["principals"] == str(tmp_path / "principals.json")


@pytest.mark.parametrize("on_web", [False, True])
def test_clients_need_certificates_on_the_services_port_and_elsewhere_if_told(
    tmp_path: Path, on_web: bool
) -> None:
    shown, key, ca = (tmp_path / name for name in ("own.crt", "own.key", "ca.crt"))
    config = node_config(
        port=1234,
        rawsocket_port=1235,
        web_dir=tmp_path,
        principals_file=tmp_path / "principals.json",
        tls=Tls(ServerFiles(shown, key, ca), on_web),
    )
    web, rawsocket = config["workers"][0]["transports"]
    plain = {"certificate": str(shown), "key": str(key)}
    demanding = {**plain, "ca_certificates": [str(ca)]}
    assert rawsocket["endpoint"]["tls"] == demanding
    assert web["endpoint"]["tls"] == (demanding if on_web else plain)


def test_links_are_plain_unless_there_is_a_certificate(tmp_path: Path) -> None:
    for transport in transports(tmp_path).values():
        assert "tls" not in transport["endpoint"]


@pytest.mark.parametrize("link", ["websocket", "rawsocket"])
def test_every_link_asks_the_gatekeeper_and_nobody_is_anonymous(
    tmp_path: Path, link: str
) -> None:
    auth = transports(tmp_path)[link]["auth"]
    assert {method: ask["authenticator"] for method, ask in auth.items()} == {
        "cryptosign": AUTHENTICATE_KEY,
        "ticket": AUTHENTICATE_TICKET,
    }
    assert {ask["type"] for ask in auth.values()} == {"dynamic"}


@pytest.mark.parametrize("link", ["websocket", "rawsocket"])
def test_every_link_is_limited(tmp_path: Path, link: str) -> None:
    transport = transports(tmp_path)[link]
    assert transport["options"]["max_message_size"] == 1 << 20
    assert transport["endpoint"]["user_timeout"] > 0
    if link == "websocket":  # RawSocket has no ping
        assert transport["options"]["auto_ping_interval"] > 0
        assert transport["options"]["auto_ping_timeout"] > 0


def test_the_configuration_gives_no_permission_by_itself() -> None:
    (worker,) = json.loads(TEMPLATES[0].read_text())["workers"]
    assert worker["realms"] == [{"name": "system", "roles": []}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("{", "principals file"),
        ('{"principals": [{"name": "x"}]}', "role"),
        ({**GOOD, "role": "viewer"}, "backend has the role viewer: use one of"),
        ({**GOOD, "role": "agent"}, "role agent"),
        ({**GOOD, "name": "Back end"}, "'Back end' is not an id"),
        ({**GOOD, "public_key": "abc"}, "not 64 hex digits"),
    ],
)
def test_wrong_principals_are_told_and_end_with_2(
    tmp_path: Path, content: object, words: str
) -> None:
    file = tmp_path / "principals.json"
    if isinstance(content, dict):
        content = json.dumps({"principals": [content]})
    if content is not None:
        file.write_text(str(content))
    result = CliRunner().invoke(
        main, ["--cbdir", str(tmp_path / "node"), "--principals", str(file)]
    )
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_key_named_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "principals.json"
    twice = [GOOD, {**GOOD, "name": "owner", "role": "owner"}]
    file.write_text(json.dumps({"principals": twice}))
    with pytest.raises(BadPrincipals, match="named twice"):
        load_principals(file)
