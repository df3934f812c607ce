"""Looking around among edge nodes: a session of its own, gone when it has seen enough.

Who speaks within a moment is listed. A node's metrics are in its births only: one that
the connection does not follow is asked for them, as any host may.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge_agent.drivers.driver import Found
from edge_agent.drivers.linked import PeerRefused
from edge_agent.drivers.mqtt.access import Access
from edge_agent.drivers.mqtt.link import Message, MqttLink
from edge_agent.drivers.mqtt.look import listen
from edge_agent.drivers.sparkplug.nodes import (
    EdgeNode,
    NodeName,
    rebirth_of,
    spoken,
)
from edge_agent.drivers.sparkplug.payload import DataType
from edge_agent.drivers.sparkplug.view import NAMESPACE, parts_of, topic_of

LISTEN_S = 2.0
BIRTH_WITHIN_S = 5.0
DEVICES_WITHIN_S = 1.0  # after the node's own birth

Nodes = Mapping[NodeName, EdgeNode]


async def look_around(access: Access, nodes: Nodes, at: str) -> tuple[Found, ...]:
    """Nodes; or the devices and metrics of one, at ``GROUP/NODE`` and below."""
    if not at:
        return await _every_node(access, nodes)
    group, _, rest = at.partition("/")
    name, _, device = rest.partition("/")
    if not name or any(each in at for each in "+#"):
        raise PeerRefused(f"browse at GROUP/NODE or GROUP/NODE/DEVICE, not {at!r}")
    node = nodes.get((group, name))
    if node is None or not node.view.online:
        node = await _born(access, (group, name))
    if not node.view.is_up(device):
        raise PeerRefused(f"{node.words} has no device {device!r} online")
    return (*(_devices(node) if not device else ()), *_metrics(node, device))


async def _every_node(access: Access, nodes: Nodes) -> tuple[Found, ...]:
    heard = await listen(access, f"{NAMESPACE}/#", LISTEN_S)
    parts = [parts_of(topic) for topic in heard]
    names = {(said[0], said[2]) for said in parts if said is not None}
    names |= {name for name, node in nodes.items() if node.view.online}
    return tuple(
        Found(f"{group}/{node}", node, is_tag=False) for group, node in sorted(names)
    )


async def _born(access: Access, name: NodeName) -> EdgeNode:
    """A node with its births, heard on a session of its own."""
    own = f"{access.client_id}-look-{secrets.token_hex(3)}"
    link = MqttLink(replace(access, client_id=own))
    born = asyncio.Event()
    node = EdgeNode(
        name, changed=lambda *_: born.set(), ask=lambda _: None, reorder_s=LISTEN_S
    )

    def hear(messages: Sequence[Message]) -> None:
        node.hear(spoken(messages).get(name, ()))

    try:
        await link.connect()
        link.hear(hear)
        topics = (topic_of(name[0], "+", name[1]), topic_of(name[0], "+", name[1], "+"))
        await link.subscribe(dict.fromkeys(topics, 0))
        link.post(*rebirth_of(name))
        async with asyncio.timeout(BIRTH_WITHIN_S):
            await born.wait()
        await asyncio.sleep(DEVICES_WITHIN_S)
    except TimeoutError:
        raise PeerRefused(f"edge node {node.words} does not answer") from None
    finally:
        node.stop()
        await link.close()
    return node


def _devices(node: EdgeNode) -> list[Found]:
    return [
        Found(f"{node.words}/{device}", device, is_tag=False)
        for device in sorted(node.view.devices)
    ]


def _metrics(node: EdgeNode, device: str) -> list[Found]:
    group, name = node.name
    where = f'group = "{group}", edge_node = "{name}"'
    where += f', device = "{device}"' if device else ""
    found = []
    for (owner, metric), type_ in sorted(node.view.types.items()):
        if owner == device:
            known = node.known.get((device, metric))
            value = "" if known is None or known.value is None else str(known.value)
            words = _type_words(type_)
            address = f'{where}, metric = "{metric}"'
            found.append(Found(address, metric, is_tag=True, type=words, value=value))
    return found


def _type_words(type_: int) -> str:
    try:
        return DataType(type_).name.lower()
    except ValueError:
        return f"type {type_}"
