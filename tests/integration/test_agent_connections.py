"""A run on real peers that go and come back meanwhile: OPC UA and Modbus."""

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor

from edge_agent.drivers import linked
from edge_agent.drivers.opcua import session as opcua_session
from heddle.contract.flows import INSTALL_FLOW, InstallFlow
from heddle.contract.runs import RunStatus
from tests.support.device import Site, running_agent, running_site, settings
from tests.support.engine import condition, dispatcher, phase, workflow
from tests.support.followed import Seen
from tests.support.peer_process import PeerProcess
from tests.support.router import InProcRouter
from tests.support.waiting import becomes

TAGS = """
[connections.press]
driver = "opcua"
url = "opc.tcp://127.0.0.1:{press}/press"
timeout_ms = 2000

[connections.pump]
driver = "modbus"
host = "127.0.0.1"
port = {pump}

[tags.temperature]
connection = "press"
node_id = "nsu=http://heddle.example/press;s=Temperature"
node = "reporter_1"
scan_ms = 50

[tags.setpoint]
connection = "press"
node_id = "nsu=http://heddle.example/press;s=Setpoint"
node = "input_1"
writable = true
low = 0
high = 80
clamp = true

[tags.pressure]
connection = "pump"
table = "input"
address = 7
format = "uint16"
scale = 0.1
unit = "bar"
scan_ms = 20

[tags.speed]
connection = "pump"
table = "holding"
address = 3
format = "int16"
writable = true
"""
FLOW = workflow(
    phase("heat", input_1=500),
    condition("warm", "heat", "reporter_1", ">=", 37),
    phase("press", speed=850),
    condition("tight", "press", "pressure", ">=", 2),
    phase("rest", input_1=20, speed=0),
    condition("cold", "rest", "reporter_1", "<", 25),
    dispatcher("end"),
    links="start>heat warm>press tight>rest cold>end",
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked, "MAX_RETRY_S", 0.5)
    monkeypatch.setattr(opcua_session, "ALIVE_EVERY_S", 0.5)


@pytest_twisted.ensureDeferred
async def test_a_run_ends_as_if_its_servers_had_not_been_restarted(
    router: InProcRouter, tmp_path: Path
) -> None:
    tags = tmp_path / "tags.toml"
    with (
        PeerProcess("tests.support.opcua_peer") as press,
        PeerProcess("tests.support.modbus_peer") as pump,
    ):
        tags.write_text(TAGS.format(press=press.port, pump=pump.port))
        async with running_site(router, tmp_path) as site:
            config = settings(router, site.data, tags=tags)
            async with running_agent(reactor, config):
                await site.until_online()
                await run_through(site, press, pump)


async def run_through(site: Site, press: PeerProcess, pump: PeerProcess) -> None:
    """The whole run; each server is away while the run waits for it."""
    seen = Seen(reactor, site.ledger)
    flow = InstallFlow(flow="brew", version=1, definition=FLOW)
    await site.ask(INSTALL_FLOW, flow)
    await seen.until("temperature", 20.5)
    await seen.until("pressure", 0.0)
    run = await site.start()
    await holds(press, {"of": "Setpoint"}, ["80.0", "Float"])

    press.kill()
    await seen.until_bad("temperature")
    await seen.until("press_connected", 0.0)
    await alarmed(site, "press_connected", "raised")
    press.start()
    press.tell(of="Temperature", set=38.0)
    await holds(pump, {"get": ["holding", 3, 1]}, [850])

    pump.kill()
    await seen.until_bad("pressure")
    await seen.until("pump_connected", 0.0)
    pump.start()
    pump.tell(set=["input", 7, [25]])
    await holds(press, {"of": "Setpoint"}, ["20.0", "Float"])
    await holds(pump, {"get": ["holding", 3, 1]}, [0])

    await alarmed(site, "press_connected", "raised", "cleared")
    press.tell(of="Temperature", set=21.0)
    assert (await site.until_ended(run)).status is RunStatus.FINISHED


async def alarmed(site: Site, alarm: str, *causes: str) -> None:
    """Until fleetdata has heard this of an alarm, and no more."""

    def told() -> list[str]:
        return [x.cause for x in site.ledger.alarms if x.alarm == alarm]

    await becomes(reactor, told, list(causes))


async def holds(peer: PeerProcess, question: dict[str, Any], wanted: Any) -> None:
    """Until the server has that."""
    await becomes(reactor, lambda: peer.tell(**question), wanted)
