"""A real Mosquitto on a port of its own, to be stopped and started again.

    broker = Mosquitto(tmp_path)
    broker.start()
    ...
    broker.stop()

It keeps nothing over a restart, unless told to; so what was retained is gone then.
"""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.drivers import linked
from tests.support.neighbours import mosquitto, need
from tests.support.ports import free_port

START_WITHIN_S = 30.0


class Mosquitto:
    """One broker; the port stays its own over a restart."""

    def __init__(
        self,
        folder: Path,
        settings: Sequence[str] = ("allow_anonymous true",),
        *,
        passwords: str = "",
    ) -> None:
        self.port = free_port()
        self._folder = folder / f"mosquitto-{self.port}"
        self._folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "user root"]
        if passwords:
            file = self._folder / "passwords"
            file.write_text(passwords)
            file.chmod(0o600)
            subprocess.run(
                [_beside("mosquitto_passwd"), "-U", file],
                check=True,
                capture_output=True,
            )
            lines.append(f"password_file {file}")
        self._config = self._folder / "mosquitto.conf"
        self._config.write_text("\n".join([*lines, *settings, ""]))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self._folder / "log").read_text()

    def start(self) -> None:
        """Start it and wait until it listens."""
        found = mosquitto()
        assert found is not None
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [found, "-c", self._config], stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_WITHIN_S
        while not self._listens():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def stop(self) -> None:
        """End it as a service would."""
        if (process := self._process) is not None:
            self._process = None
            process.terminate()
            process.send_signal(signal.SIGCONT)  # in case it was frozen
            process.wait(30)

    def freeze(self) -> None:
        """Make it silent, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it speak again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _beside(name: str) -> str:
    found = mosquitto()
    assert found is not None
    return shutil.which(name) or str(Path(found).with_name(name))


class Voice:
    """Another client of the broker: says things, and keeps what it heard."""

    def __init__(
        self, broker: Mosquitto, *topics: str, client_id: str = "", **access: Any
    ) -> None:
        self.heard: list[MQTTMessage] = []
        self._topics = topics
        self._here, self._listens = Event(), Event()
        self._taken: set[int] = set()  # the messages that the broker has
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._joined  # after a restart, too
        self._client.on_subscribe = lambda *_: self._listens.set()
        self._client.on_disconnect = lambda *_: self._here.clear()
        self._client.on_message = lambda _c, _d, message: self.heard.append(message)
        self._client.on_publish = lambda _c, _d, mid, *_: self._taken.add(mid)
        if access:
            self._client.username_pw_set(**access)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._listens.wait(START_WITHIN_S)

    def __enter__(self) -> "Voice":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()  # of a connection that came too late to be used
        self._client._reset_sockets()  # paho leaves them to the garbage collector

    def last(self, topic: str) -> bytes | None:
        """What was heard last on it."""
        heard = [each.payload for each in self.heard if each.topic == topic]
        return heard[-1] if heard else None

    def answer(self, topic: str, answer: Callable[[bytes], tuple[str, bytes]]) -> None:
        """To each message on ``topic``, say something."""

        def on_message(_client: object, _data: object, message: MQTTMessage) -> None:
            self.heard.append(message)
            self._client.publish(*answer(message.payload), qos=1)

        self._client.message_callback_add(topic, on_message)

    def _joined(self, *_: object) -> None:
        self._here.set()
        if self._topics:
            wanted = [(topic, SubscribeOptions(1)) for topic in self._topics]
            self._client.subscribe(wanted)
        else:
            self._listens.set()

    def say(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publish, and wait until the broker has it."""
        assert self._here.wait(START_WITHIN_S)  # after a restart: by itself
        said = self._client.publish(topic, payload, qos=1, retain=retain)
        # `wait_for_publish` fails where the client has not yet noticed a restart
        deadline = time.monotonic() + START_WITHIN_S
        while said.mid not in self._taken:
            assert time.monotonic() < deadline, f"{topic} was not taken"
            time.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links that are lost are tried again soon."""
    monkeypatch.setattr(linked, "MAX_RETRY_S", 0.5)


@pytest.fixture
def broker(tmp_path: Path, impatient: None) -> Iterator[Mosquitto]:
    """A broker of the test's own, on a port of its own."""
    need("mosquitto")
    made = Mosquitto(tmp_path)
    made.start()
    yield made
    made.stop()
