"""What a program's settings say of whom it trusts, and when they cannot be meant."""

from pathlib import Path

import pytest

from edge_agent.config import load
from edge_agent.lean import wants_tls
from heddle.cli.connect import SavedSession, own_trust
from heddle.cli.login import warn_if_overheard
from heddle.contract.declare import Role
from heddle.contract.people import SessionTicket
from heddle.tls.trust import BadCertificate, Trust, server_files, trust_of
from heddle.wamp.process import load_config
from services.backend.config import Config as Backend
from services.fleetdata.config import Config as Fleetdata
from services.gateway.config import Config as Gateway

ALL = {
    "ROUTER_URL": "wss://centre.example/ws",
    "ROUTER_CA": "/ca.crt",
    "ROUTER_CLIENT_CERTIFICATE": "/own.crt",
    "ROUTER_CLIENT_KEY": "/own.key",
}
WHOLE = Trust(Path("/ca.crt"), Path("/own.crt"), Path("/own.key"))
BESIDE = {"KEY_FILE": "/key", "DATABASE_URL": "postgresql://heddle@database/heddle"}


def environ(prefix: str, settings: dict[str, str]) -> dict[str, str]:
    return {f"{prefix}{name}": value for name, value in settings.items()}


@pytest.mark.parametrize(
    ("kind", "prefix", "beside"),
    [
        (Backend, "BACKEND_", BESIDE),
        (Fleetdata, "FLEETDATA_", BESIDE),
        (Gateway, "GATEWAY_", {}),
    ],
)
def test_services_are_told_whom_to_trust(
    kind: type[Backend], prefix: str, beside: dict[str, str]
) -> None:
    config = load_config(kind, prefix, environ(prefix, {**ALL, **beside}))
    assert trust_of(config) == WHOLE


def test_an_agent_is_told_whom_to_trust() -> None:
    config = load(environ("AGENT_", {**ALL, "DATA": "/data"}))
    assert trust_of(config) == WHOLE


@pytest.mark.parametrize("scheme", ["ws", "rs"])
def test_a_ca_for_a_plain_link_is_refused(scheme: str) -> None:
    settings = {"ROUTER_URL": f"{scheme}://centre:1/ws", "ROUTER_CA": "/ca.crt"}
    with pytest.raises(BadCertificate, match="is not encrypted: use wss://"):
        load(environ("AGENT_", {**settings, "DATA": "/data"}))


@pytest.mark.parametrize("missing", ["ROUTER_CLIENT_CERTIFICATE", "ROUTER_CLIENT_KEY"])
def test_half_a_pair_is_refused(missing: str) -> None:
    settings = {name: value for name, value in ALL.items() if name != missing}
    with pytest.raises(BadCertificate, match="set both"):
        load(environ("AGENT_", {**settings, "DATA": "/data"}))


def test_a_server_is_given_both_files_or_none() -> None:
    one = Path("/one")
    assert server_files(None, None) is None
    for files in ((one, None), (None, one), (None, None, one)):
        with pytest.raises(BadCertificate, match="name both files, or neither"):
            server_files(*files)


def test_a_command_trusts_its_environment_and_else_what_login_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HEDDLE_CA", "HEDDLE_CLIENT_CERTIFICATE", "HEDDLE_CLIENT_KEY"):
        monkeypatch.delenv(name, raising=False)
    ticket = SessionTicket(
        user="ann",
        project="plant",
        realm="project_plant",
        role=Role.OWNER,
        ticket="t",
        expires_at_ms=0,
    )
    saved = SavedSession(router="wss://centre/ws", ticket=ticket, ca="/kept.crt")
    assert own_trust() == Trust()
    assert own_trust(saved) == Trust(Path("/kept.crt"))
    monkeypatch.setenv("HEDDLE_CA", "/other.crt")
    monkeypatch.setenv("HEDDLE_CLIENT_CERTIFICATE", "/own.crt")
    monkeypatch.setenv("HEDDLE_CLIENT_KEY", "/own.key")
    assert own_trust(saved) == Trust(
        Path("/other.crt"), Path("/own.crt"), Path("/own.key")
    )


@pytest.mark.parametrize(
    ("router", "warns"),
    [
        ("ws://127.0.0.1:8080/ws", False),
        ("ws://localhost/ws", False),
        ("wss://centre.example/ws", False),
        ("ws://centre.example/ws", True),
    ],
)
def test_who_signs_in_over_a_plain_link_to_another_host_is_warned(
    capsys: pytest.CaptureFixture[str], router: str, warns: bool
) -> None:
    warn_if_overheard(router)
    assert ("is not encrypted" in capsys.readouterr().err) is warns


def test_a_local_page_by_tls_needs_tls(tmp_path: Path) -> None:
    plain = {"AGENT_ROUTER_URL": "ws://centre/ws"}
    assert wants_tls({**plain, "AGENT_LOCAL_TLS_CERTIFICATE": "/own.crt"})
    file = tmp_path / "agent.toml"
    file.write_text('local_tls_certificate = "/own.crt"\n')
    assert wants_tls({**plain, "AGENT_CONFIG": str(file)})
    file.write_text('local = "127.0.0.1:7070"\n')
    assert not wants_tls({**plain, "AGENT_CONFIG": str(file)})
