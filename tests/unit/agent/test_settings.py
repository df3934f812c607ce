"""Settings, flows on the shelf, and what is left out of the agent."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.agent import make_driver
from edge_agent.config import RuntimeChoice, load
from edge_agent.lean import wants_tls
from edge_agent.mapping import EXAMPLE, TagFile
from heddle.contract.devices import DeviceKind
from heddle.wamp.process import ConfigError

LEAST = {"AGENT_ROUTER_URL": "ws://127.0.0.1:1/ws", "AGENT_DATA": "/d"}


def test_two_settings_are_enough() -> None:
    config = load(LEAST)
    assert config.data == Path("/d")
    assert (config.kind, config.driver) == (DeviceKind.EDGE, None)
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


@pytest.mark.parametrize("driver", [":", "opc", "csv", "csv:", "plant:x"])
def test_an_unknown_driver_is_named(driver) -> None:
    with pytest.raises(ConfigError, match="none of 'plant', 'csv:PATH' and"):
        make_driver(None, load({**LEAST, "AGENT_DRIVER": driver}), TagFile(EXAMPLE))


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
