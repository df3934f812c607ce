"""Settings, flows on the shelf, and what is left out of the agent."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edge_agent.agent import make_driver
from edge_agent.config import RuntimeChoice, load
from edge_agent.lean import wants_tls
from edge_agent.shelf import Shelf, Wanted
from heddle.contract.devices import DeviceKind
from heddle.wamp.process import ConfigError

LEAST = {"AGENT_ROUTER_URL": "ws://127.0.0.1:1/ws", "AGENT_DATA": "/d"}


def test_two_settings_are_enough() -> None:
    config = load(LEAST)
    assert config.data == Path("/d")
    assert (config.kind, config.driver) == (DeviceKind.EDGE, "plant")
    assert (config.runtime, config.keep_engines) == (RuntimeChoice.AUTO, True)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("AGENT_DATA", "", "setting AGENT_DATA is missing"),
        ("AGENT_KIND", "toaster", "setting AGENT_KIND is unusable"),
        ("AGENT_TIME_SCALE", "0", "setting AGENT_TIME_SCALE is unusable"),
        ("AGENT_TIME_SCALE", "60", "AGENT_TIME_SCALE is for virtual devices"),
        ("AGENT_RUNTIME", "podman", "setting AGENT_RUNTIME is unusable"),
        ("AGENT_SCAN_MS", "1", "setting AGENT_SCAN_MS is unusable"),
    ],
)
def test_an_unusable_setting_is_named(name, value, sentence) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load({**LEAST, name: value})


@pytest.mark.parametrize("driver", ["", "opc", "csv", "csv:", "plant:x"])
def test_an_unknown_driver_is_named(driver) -> None:
    with pytest.raises(ConfigError, match="neither 'plant' nor 'csv:PATH'"):
        make_driver(None, load({**LEAST, "AGENT_DRIVER": driver or ":"}))


def test_a_flow_stays_on_the_shelf_until_it_is_removed(tmp_path) -> None:
    shelf = Shelf(tmp_path / "flows")
    assert shelf.wanted() == ()
    brew, wash = Wanted("brew", 2, {"id": "x"}), Wanted("wash", 1, {})
    shelf.put(wash)
    shelf.put(brew)
    assert Shelf(tmp_path / "flows").wanted() == (brew, wash)
    assert msgspec.json.decode(
        (shelf.directory("brew") / "flow.json").read_bytes()
    ) == {
        "flow": "brew",
        "version": 2,
        "definition": {"id": "x"},
    }
    assert shelf.directory("brew").stat().st_mode & 0o077 == 0
    shelf.remove("brew")
    assert shelf.wanted() == (wash,)
    assert not shelf.directory("brew").exists()


def test_what_is_unreadable_on_the_shelf_is_left_alone(tmp_path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(Wanted("brew", 1, {}))
    for name, text in {
        "cut": '{"flow": "cu',
        "other": '{"flow":"x","version":1}',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "flow.json").write_text(text)
    (tmp_path / "removed").mkdir()
    assert [wanted.flow for wanted in shelf.wanted()] == ["brew"]
    assert (tmp_path / "cut" / "flow.json").exists()


def test_tls_is_wanted_where_the_address_says_so(tmp_path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('router_url = "wss://centre/ws"\n')
    assert wants_tls({"AGENT_ROUTER_URL": "wss://centre/ws"})
    assert wants_tls({"AGENT_CONFIG": str(file)})
    assert not wants_tls({"AGENT_CONFIG": str(file), **LEAST})
    assert not wants_tls({})


def test_the_agents_program_loads_neither_numpy_nor_tls_nor_docker() -> None:
    script = (
        "import sys, edge_agent.lean as lean\n"
        "lean.leave_out_unused(); lean.leave_out_tls()\n"
        "import edge_agent.agent\n"
        "from twisted.internet import reactor\n"
        "heavy = {'numpy', 'cryptography', 'docker', 'psycopg', 'crossbar',\n"
        "  'pint', 'prometheus_client'}\n"
        "print(sorted(heavy & {n.partition('.')[0] for n in sys.modules}))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (ended.stdout.strip(), ended.stderr) == ("[]", "")
