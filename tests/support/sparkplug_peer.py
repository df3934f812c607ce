"""A Sparkplug edge node with one device, as a process that can be killed.

``python -m tests.support.sparkplug_peer PORT BROKER_PORT``; see ``PeerProcess``. Its
orders: ``data`` (device, metrics, ``skip`` numbers before), ``death``, ``birth`` (of
the device), ``will`` (an old one, of ``bd_seq``), ``deaf`` (to rebirths), ``seen``.
"""

import json
import sys
import time
from threading import Event, RLock
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.drivers.sparkplug.payload import (
    DataType,
    Metric,
    Payload,
    decode,
    encode,
    value_of,
    wire_of,
)
from edge_agent.drivers.sparkplug.view import topic_of

GROUP, NODE, DEVICE = "Line 1", "PLC", "Pump"
MOST_SPEED = 3000
TYPES = {
    "Uptime": DataType.INT64,
    "Outlet/Pressure": DataType.DOUBLE,
    "Speed": DataType.INT16,
    "Running": DataType.BOOLEAN,
    "Recipe": DataType.STRING,
}
ALIASES = {name: 10 + number for number, name in enumerate(TYPES)}
NAMES = {alias: name for name, alias in ALIASES.items()}


class Node:
    """The node; paho's thread and the orders' share it under one lock."""

    def __init__(self, port: int) -> None:
        self.lock = RLock()
        self.joined = Event()
        self.bd_seq, self.seq = 0, 0
        self.deaf = False
        self.seen: dict[str, Any] = {"rebirths": 0, "commands": [], "states": []}
        self.values: dict[str, Any] = {
            "Uptime": 1,
            "Outlet/Pressure": 2.5,
            "Speed": -20,
            "Running": False,
            "Recipe": "none",
        }
        self.client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5
        )
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self.on_connect
        self.client.on_disconnect = self.on_disconnect
        self.client.on_message = self.on_message
        self.set_will()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def on_connect(self, client: Client, *_: Any) -> None:
        wanted = (topic_of(GROUP, "NCMD", NODE), topic_of(GROUP, "DCMD", NODE, DEVICE))
        client.subscribe([(topic, 0) for topic in (*wanted, "spBv1.0/STATE/#")])
        self.births()
        self.joined.set()

    def on_disconnect(self, *_: Any) -> None:
        with self.lock:
            self.bd_seq += 1
            self.set_will()

    def on_message(self, _client: Client, _data: Any, message: Any) -> None:
        with self.lock:
            if "/STATE/" in message.topic:
                self.seen["states"].append(
                    [message.retain, json.loads(message.payload)]
                )
                return
            marks = getattr(message.properties, "UserProperty", [])
            for metric in decode(message.payload).metrics:
                self.command(metric, dict(marks).get("key", ""))

    def command(self, metric: Metric, key: str) -> None:
        if metric.name == "Node Control/Rebirth":
            self.seen["rebirths"] += 1
            if not self.deaf:
                self.births()
            return
        name = NAMES[metric.alias] if metric.alias is not None else metric.name
        value = value_of(TYPES[name], metric.wire)
        self.seen["commands"].append([name, value, key])
        if name == "Speed":
            value = min(int(value), MOST_SPEED)  # type: ignore[arg-type]
        self.data("" if name == "Uptime" else DEVICE, {name: value})

    def set_will(self) -> None:
        payload = encode(Payload(at_ms=now_ms(), metrics=(self.numbered(),)))
        self.client.will_set(topic_of(GROUP, "NDEATH", NODE), payload, qos=1)

    def numbered(self) -> Metric:
        return Metric(name="bdSeq", type=DataType.INT64, wire=self.bd_seq)

    def births(self) -> None:
        with self.lock:
            self.seq = 255
            rebirth = Metric(
                name="Node Control/Rebirth", type=DataType.BOOLEAN, wire=False
            )
            own = (self.numbered(), rebirth, self.metric("Uptime", born=True))
            self.say("NBIRTH", own)
            self.device_birth()

    def device_birth(self) -> None:
        names = (name for name in TYPES if name != "Uptime")
        self.say(
            "DBIRTH", tuple(self.metric(each, born=True) for each in names), DEVICE
        )

    def data(self, device: str, metrics: dict[str, Any], skip: int = 0) -> None:
        with self.lock:
            self.seq += skip
            self.values |= metrics
            said = tuple(self.metric(name) for name in metrics)
            self.say("DDATA" if device else "NDATA", said, device)

    def metric(self, name: str, *, born: bool = False) -> Metric:
        return Metric(
            name=name if born else "",
            alias=ALIASES[name],
            at_ms=now_ms(),
            type=TYPES[name] if born else 0,
            wire=wire_of(TYPES[name], self.values[name]),
        )

    def say(self, kind: str, metrics: tuple[Metric, ...], device: str = "") -> None:
        self.seq = (self.seq + 1) % 256
        payload = encode(Payload(at_ms=now_ms(), seq=self.seq, metrics=metrics))
        self.client.publish(topic_of(GROUP, kind, NODE, device), payload)

    def will(self, bd_seq: int) -> None:
        metric = Metric(name="bdSeq", type=DataType.INT64, wire=bd_seq)
        payload = encode(Payload(metrics=(metric,)))
        self.client.publish(topic_of(GROUP, "NDEATH", NODE), payload, qos=1)


def now_ms() -> int:
    return int(time.time() * 1000)


def obey(node: Node, order: dict[str, Any]) -> Any:
    with node.lock:
        match order.pop("do"):
            case "data":
                node.data(**order)
            case "death":
                node.say("DDEATH", (), DEVICE)
            case "birth":
                node.device_birth()
            case "will":
                node.will(**order)
            case "deaf":
                node.deaf = order["deaf"]
            case "seen":
                return node.seen
        return None


def main() -> None:
    node = Node(int(sys.argv[2]))
    node.joined.wait()
    print(json.dumps(None), flush=True)  # noqa: T201 -- it serves
    for line in sys.stdin:
        print(json.dumps(obey(node, json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
