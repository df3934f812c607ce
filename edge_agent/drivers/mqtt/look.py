"""Looking around at a broker: a session of its own hears a second of everything.

What the connection's own session follows is neither flooded nor heard twice by it.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace

from edge_agent.drivers.driver import Found
from edge_agent.drivers.linked import PeerRefused
from edge_agent.drivers.mqtt.access import Access
from edge_agent.drivers.mqtt.link import Message, MqttLink

LISTEN_S = 1.0
MOST_TOPICS = 1000
SHOWN = 80  # characters of a value


async def look_around(access: Access, prefix: str) -> tuple[Found, ...]:
    """Topics at and below ``prefix`` with what they said last; the first thousand."""
    if "+" in prefix or "#" in prefix:
        raise PeerRefused(f"browse below a plain topic, not {prefix!r}")
    where = f"{prefix.rstrip('/')}/#" if prefix.strip("/") else "#"
    said = await listen(access, where, LISTEN_S)
    return tuple(
        Found(topic, topic.rpartition("/")[2], is_tag=True, value=_shown(payload))
        for topic, payload in sorted(said.items())
    )


async def listen(access: Access, where: str, for_s: float) -> dict[str, bytes]:
    """What was said last on each topic. Raises ``PeerRefused`` or ``LinkLost``."""
    own = f"{access.client_id}-look-{secrets.token_hex(3)}"
    link = MqttLink(replace(access, client_id=own, clean_start=True))
    said: dict[str, bytes] = {}

    def hear(messages: Sequence[Message]) -> None:
        for message in messages:
            if message.topic in said or len(said) < MOST_TOPICS:
                said[message.topic] = message.payload

    try:
        await link.connect()
        link.hear(hear)
        for topic, why in (await link.subscribe({where: 0})).items():
            raise PeerRefused(f"the broker refuses to tell what is at {topic}: {why}")
        await asyncio.sleep(for_s)
    finally:
        await link.close()
    return said


def _shown(payload: bytes) -> str:
    text = payload[: SHOWN * 4].decode(errors="replace")
    text = "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text
    )
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
