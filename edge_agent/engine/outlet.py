"""What waits to be sent over one connection: frames gather, and leave in one write.

A turn of the engine tells many things; ``flush`` sends them together, straight to the
socket while that takes them, which spares two rounds of the reactor. What the socket
does not take at once is left to the transport, and nothing more is given to it until it
has sent that: the transport never holds more than one batch, and order is kept.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

FULL_BYTES = 64 * 1024  # this much waits: who can wait should


@implementer(IPullProducer)
class Outlet:
    """Frames on their way out; ``go_on`` is called when a slow reader has caught up."""

    def __init__(self, go_on: Callable[[], None]) -> None:
        self._go_on = go_on
        self._wire: Any = None
        self._frames: list[bytes] = []
        self._bytes = 0
        self._is_sending = False  # the transport has something of ours left

    def open(self, wire: Any) -> None:
        """Send over this transport from now on."""
        self._wire = wire
        wire.registerProducer(self, False)

    def close(self) -> None:
        """Send no more."""
        self._wire = None
        self._frames.clear()
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether the agent is slow to read."""
        return self._is_sending and self._bytes >= FULL_BYTES

    def add(self, frame: bytes) -> None:
        """Send this with the next ``flush``; at once if much has gathered."""
        if self._wire is None:
            return
        self._frames.append(len(frame).to_bytes(4, "big"))
        self._frames.append(frame)
        self._bytes += len(frame) + 4
        if self._bytes >= FULL_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what has gathered, unless something is still being sent."""
        if not self._frames or self._is_sending or self._wire is None:
            return
        batch = b"".join(self._frames)
        self._frames.clear()
        self._bytes = 0
        sent = self._send_at_once(batch)
        if sent < len(batch):
            self._is_sending = True
            self._wire.write(batch[sent:])

    def _send_at_once(self, batch: bytes) -> int:
        """How much the socket took; it tells the transport itself why it is broken."""
        try:
            sent: int = self._wire.getHandle().send(batch)
        except OSError:
            return 0
        return sent

    # --- what the transport calls ---

    def resumeProducing(self) -> None:  # noqa: N802
        """The transport has sent everything it was given."""
        was_full, self._is_sending = self.is_full, False
        self.flush()
        if was_full and not self.is_full:
            self._go_on()

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is lost; ``connectionLost`` follows."""
