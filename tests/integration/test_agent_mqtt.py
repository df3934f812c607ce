"""A run on MQTT and Sparkplug peers while the broker, and a node, go and come back; and
a Sparkplug host that watches the agent meanwhile."""

from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from edge_agent.drivers import linked
from edge_agent.drivers.sparkplug.nodes import rebirth_of
from edge_agent.drivers.sparkplug.payload import decode
from edge_agent.drivers.sparkplug.view import bd_seq_of
from heddle.contract.flows import INSTALL_FLOW, InstallFlow
from heddle.contract.runs import RunStatus
from tests.support.device import Site, running_agent, running_site, settings
from tests.support.engine import condition, dispatcher, phase, workflow
from tests.support.followed import Seen
from tests.support.mosquitto import Mosquitto, Voice
from tests.support.neighbours import need
from tests.support.peer_process import PeerProcess
from tests.support.router import InProcRouter
from tests.support.waiting import becomes, until

TAGS = """
[connections.line]
driver = "mqtt"
url = "{url}"

[connections.plant]
driver = "sparkplug"
url = "{url}"
host_id = "press-7"

[connections.scada]
driver = "sparkplug_node"
url = "{url}"
group = "Line 2"
edge_node = "press-7"
tags = ["temperature"]
publish_ms = 10

[tags.temperature]
connection = "line"
topic = "press/temperature"
retained = "good"
node = "reporter_1"
scan_ms = 10

[tags.setpoint]
connection = "line"
write_topic = "press/setpoint"
node = "input_1"
writable = true
high = 80
clamp = true

[tags.pressure]
connection = "plant"
group = "Line 1"
edge_node = "PLC"
device = "Pump"
metric = "Outlet/Pressure"
scan_ms = 10

[tags.speed]
connection = "plant"
group = "Line 1"
edge_node = "PLC"
device = "Pump"
metric = "Speed"
type = "integer"
writable = true
"""
FLOW = workflow(
    phase("heat", input_1=500),
    condition("warm", "heat", "reporter_1", ">=", 37),
    phase("press", speed=850),
    condition("tight", "press", "pressure", ">=", 3),
    phase("rest", input_1=20, speed=0),
    condition("cold", "rest", "reporter_1", "<", 25),
    dispatcher("end"),
    links="start>heat warm>press tight>rest cold>end",
)
BIRTH = "spBv1.0/Line 2/NBIRTH/press-7"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linked, "MAX_RETRY_S", 0.5)


@pytest_twisted.ensureDeferred
async def test_a_run_ends_as_if_the_broker_had_not_been_restarted(
    router: InProcRouter, tmp_path: Path
) -> None:
    need("mosquitto")
    broker = Mosquitto(tmp_path)
    broker.start()
    tags = tmp_path / "tags.toml"
    tags.write_text(TAGS.format(url=broker.url))
    try:
        with (
            PeerProcess("tests.support.sparkplug_peer", str(broker.port)) as node,
            Voice(broker, "press/setpoint", "spBv1.0/Line 2/#") as press,
        ):
            async with running_site(router, tmp_path) as site:
                config = settings(router, site.data, tags=tags)
                async with running_agent(reactor, config):
                    await site.until_online()
                    await run_through(site, broker, node, press)
    finally:
        broker.stop()


async def run_through(
    site: Site, broker: Mosquitto, node: PeerProcess, press: Voice
) -> None:
    """The whole run; the broker, then the node are away while it waits for them."""
    seen = Seen(reactor, site.ledger)
    await site.ask(INSTALL_FLOW, InstallFlow(flow="brew", version=1, definition=FLOW))
    press.say("press/temperature", "20.5")
    await seen.until("temperature", 20.5)
    await seen.until("pressure", 2.5)
    run = await site.start()
    await becomes(reactor, lambda: press.last("press/setpoint"), b"80.0")

    broker.stop()
    await seen.until_bad("temperature", "pressure")
    await seen.until("line_connected", 0.0)
    broker.start()
    press.say("press/temperature", "38", retain=True)
    await commanded(node, ["Speed", 850])
    press.say(*rebirth_of(("Line 2", "press-7")))  # the new birth came before us
    await becomes(reactor, lambda: lives(press)[-1] != 0)

    node.kill()
    await seen.until_bad("pressure")
    node.start()
    await deferToThread(
        node.tell, do="data", device="Pump", metrics={"Outlet/Pressure": 3.5}
    )
    await commanded(node, ["Speed", 0])
    await becomes(reactor, lambda: press.last("press/setpoint"), b"20.0")

    press.say("press/temperature", "21", retain=True)
    report = await site.until_ended(run)
    assert report.status is RunStatus.FINISHED


def lives(host: Voice) -> list[int | None]:
    """The numbers of the births that a host saw of the agent."""
    births = [each.payload for each in host.heard if each.topic == BIRTH]
    return [bd_seq_of(decode(each)) for each in births]


async def commanded(node: PeerProcess, wanted: list[object]) -> None:
    """Until the node has that command, and the key of its order."""

    async def has() -> bool:
        seen = await deferToThread(node.tell, do="seen")
        return any(said[:2] == wanted and said[2] for said in seen["commands"])

    await until(reactor, has)
