"""One MQTT connection, for the door's loop: connected, used, closed, never used again.

paho runs its own thread: name look-up, TLS handshakes and slow sends then never hold up
the loop that all connections share, and bytes waiting inside TLS are paho's matter. Its
callbacks put what they have into an inbox and wake the loop; nothing else crosses.
paho's own reconnecting is off: ``Linked`` does that, and tells.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge_agent.drivers.linked import LinkLost, PeerRefused
from edge_agent.drivers.mqtt.access import Access
from edge_agent.drivers.mqtt.words import (
    FAILED,
    lost,
    reason,
    refused,
    unreachable,
)

REACH_WITHIN_S = 5.0  # of the socket; ``Linked`` bounds the whole
LEAVE_WITHIN_S = 2.0
LOOK_EVERY_S = 1.0  # at the keepalive; all else wakes the thread at once
INBOX = 20_000  # what waits beyond it is lost, the oldest first
TOPICS_AT_ONCE = 8  # of a subscription; some brokers take no more


@dataclass(frozen=True, slots=True)
class Message:
    """What came in."""

    topic: str
    payload: bytes
    retained: bool = False  # it was there before we asked
    key: str = ""  # the user property, in MQTT 5


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when we are gone without a word."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


Codes = Sequence[ReasonCode]
Hear = Callable[[Sequence[Message]], None]


class MqttLink:
    """A session with a broker."""

    def __init__(self, access: Access, will: Will | None = None) -> None:
        self._access = access
        self._loop = asyncio.get_running_loop()
        self._client = _client(access, will)
        self._inbox: deque[Message] = deque(maxlen=INBOX)
        self._hear: Hear | None = None  # what comes before waits in the inbox
        self._opening: asyncio.Future[None] | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        # "" or why not
        self._let_in: asyncio.Future[str] = self._loop.create_future()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._acks: dict[int, asyncio.Future[Sequence[ReasonCode]]] = {}
        self._listen_to_paho()

    async def connect(self) -> None:
        """Reach the broker and be let in. Raises ``LinkLost`` with the reason."""
        self._opening = self._loop.run_in_executor(None, self._open)
        try:
            await asyncio.shield(self._opening)
        except OSError as error:
            raise LinkLost(unreachable(self._access, error)) from None
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()
        outcomes = (self._let_in, self._lost)
        await asyncio.wait(outcomes, return_when=asyncio.FIRST_COMPLETED)
        for outcome in outcomes:
            if outcome.done() and (why := outcome.result()):
                raise LinkLost(why)

    async def lost(self) -> None:
        """Wait until the link is gone. Raises ``LinkLost``."""
        raise LinkLost(await asyncio.shield(self._lost))

    def hear(self, hear: Hear) -> None:
        """Who gets all that came in, and will, in order."""
        self._hear = hear
        self._drain()

    async def subscribe(self, topics: Mapping[str, int]) -> dict[str, str]:
        """Ask for topics with their qos; those refused, with the reason."""
        parts = _parts(topics.items())
        sent = [self._subscribed(part) for part in parts]
        return {
            topic: reason(code)
            for part, codes in zip(parts, await asyncio.gather(*sent), strict=True)
            for (topic, _), code in zip(part, codes, strict=False)
            if code.value >= FAILED
        }

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        retain: bool = False,
        key: str = "",
    ) -> None:
        """Publish, and with qos 1 or 2 wait until the broker has it. ``key`` goes along
        as a user property of MQTT 5. Raises ``LinkLost`` or ``PeerRefused``.
        """
        info = self._client.publish(topic, payload, qos, retain, self._marked(key))
        for code in await self._acked(info.rc, info.mid):
            if code.value >= FAILED:
                raise PeerRefused(
                    f"the broker refused what was sent to {topic}: {reason(code)}"
                )

    def post(
        self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False
    ) -> None:
        """Publish without waiting; what becomes of it shows elsewhere."""
        _ = self._client.publish(topic, payload, qos, retain)

    async def close(self) -> None:
        """Take leave; the thread ends. Never raises."""
        self._closing = True
        self._hear = None
        if self._opening is not None and not self._opening.done():
            self._opening.add_done_callback(_seen)  # it sees to the rest by itself
        elif self._thread is not None:
            await self._loop.run_in_executor(None, self._leave, self._thread)

    # --- in other threads ------------------------------------------------------------

    def _open(self) -> None:
        access = self._access
        clean: dict[str, Any] = {}
        if access.five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            if not access.clean_start:
                properties.SessionExpiryInterval = access.session_expiry_s
            clean = {"clean_start": access.clean_start, "properties": properties}
        self._client.connect(
            access.host, access.port, keepalive=access.keepalive_s, **clean
        )
        if self._closing:
            self._client.disconnect()
            self._pump()
            self._client.end()

    def _run(self) -> None:
        """paho's thread. Whatever ends it, the link is lost then, and told so."""
        why = f"{self._access.url} closed the connection"
        try:
            self._pump()
        except Exception as error:  # noqa: BLE001 -- a thread's end: malformed packets
            why = f"{self._access.url} sent what is no MQTT ({type(error).__name__})"
        self._back(self._end, why)

    def _pump(self) -> None:
        """``loop`` wakes up for what others publish; ``loop_forever`` does only in the
        thread that paho starts itself, which hides how it ended.
        """
        went = MQTTErrorCode.MQTT_ERR_SUCCESS
        while went == MQTTErrorCode.MQTT_ERR_SUCCESS:
            went = self._client.loop(LOOK_EVERY_S)

    def _leave(self, thread: threading.Thread) -> None:
        self._client.disconnect()
        thread.join(LEAVE_WITHIN_S)  # a broker that takes nothing: by the keepalive
        if not thread.is_alive():
            self._client.end()

    def _listen_to_paho(self) -> None:
        client = self._client
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        # With it paho leaves all sending to its thread, whoever publishes.
        client.on_socket_register_write = lambda *_: None

    def _on_connect(
        self, _client: object, _data: object, _flags: object, code: Any, _p: object
    ) -> None:
        self._back(self._answered, code)

    def _on_disconnect(
        self, _client: object, _data: object, flags: Any, code: Any, _p: object
    ) -> None:
        self._back(self._gone, code, bool(flags.is_disconnect_packet_from_server))

    def _on_message(self, _client: object, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # no tag has such a topic
        marks = dict(getattr(message.properties, "UserProperty", ()))
        key = marks.get("key", "")
        said = Message(topic, bytes(message.payload), message.retain, key)
        self._inbox.append(said)
        if len(self._inbox) == 1:  # asked after it is in: no wake-up is missed
            self._back(self._drain)

    def _on_subscribe(
        self, _client: object, _data: object, mid: int, codes: Any, _p: object
    ) -> None:
        self._back(self._ack, mid, tuple(codes))

    def _on_publish(
        self, _client: object, _data: object, mid: int, code: Any, _p: object
    ) -> None:
        self._back(self._ack, mid, (code,))

    def _back(self, call: Callable[..., None], *args: Any) -> None:
        """To the loop; once it is closed nobody wants to know."""
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            self._inbox.clear()

    # --- on the loop -----------------------------------------------------------------

    def _answered(self, code: ReasonCode) -> None:
        if not self._let_in.done():
            why = refused(self._access, code) if code.value >= FAILED else ""
            self._let_in.set_result(why)

    def _gone(self, code: ReasonCode, by_broker: bool) -> None:
        joined = self._let_in.done()
        self._end(lost(self._access, code, by_broker=by_broker, joined=joined))

    def _end(self, why: str) -> None:
        if self._lost.done():
            return
        self._lost.set_result(why)
        for ack in self._acks.values():
            if not ack.done():
                ack.set_exception(LinkLost(why))

    def _drain(self) -> None:
        if self._hear is None:
            return
        came: list[Message] = []
        while self._inbox:
            came.append(self._inbox.popleft())
        if came:
            self._hear(came)

    async def _subscribed(self, part: Sequence[tuple[str, int]]) -> Codes:
        five = self._access.five
        wanted: Any = [(t, SubscribeOptions(qos=q) if five else q) for t, q in part]
        return await self._acked(*self._client.subscribe(wanted))

    async def _acked(self, sent: MQTTErrorCode, mid: int | None) -> Codes:
        """What the broker says to packet ``mid``, just sent."""
        if self._lost.done():
            raise LinkLost(self._lost.result())
        if sent != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkLost(f"{self._access.url} closed the connection")
        self._acks[mid] = self._loop.create_future()
        try:
            return await self._acks[mid]
        finally:
            del self._acks[mid]

    def _ack(self, mid: int, codes: Sequence[ReasonCode]) -> None:
        ack = self._acks.get(mid)
        if ack is not None and not ack.done():
            ack.set_result(codes)

    def _marked(self, key: str) -> Properties | None:
        if not key or not self._access.five:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.UserProperty = ("key", key)
        return properties


class _Client(Client):
    """paho's, with an end: it leaves its wake-up sockets to the garbage collector."""

    def end(self) -> None:
        """Close all sockets. Nothing may use it any more."""
        self._reset_sockets()


def _client(access: Access, will: Will | None) -> _Client:
    version = MQTTProtocolVersion
    clean = None if access.five else access.clean_start
    client = _Client(
        CallbackAPIVersion.VERSION2,
        client_id=access.client_id,
        protocol=version.MQTTv5 if access.five else version.MQTTv311,
        reconnect_on_failure=False,
        clean_session=clean,
    )
    client.connect_timeout = REACH_WITHIN_S
    if access.user:
        client.username_pw_set(access.user, access.password)
    if access.tls is not None:
        client.tls_set_context(access.tls)
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    return client


def _parts(items: Iterable[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    every = list(items)
    return [
        every[at : at + TOPICS_AT_ONCE] for at in range(0, len(every), TOPICS_AT_ONCE)
    ]


def _seen(opened: "asyncio.Future[None]") -> None:
    """A failure nobody waits for any more is no news."""
    if not opened.cancelled():
        _ = opened.exception()
