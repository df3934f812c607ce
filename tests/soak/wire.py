"""A TCP link that can be cut at any byte, and made slow: between agent and router."""

import contextlib
import random
import socket
import struct
import threading
import time
from urllib.parse import urlsplit

_MOST = 1 << 16  # bytes that are passed on at once
_RESET = struct.pack("ii", 1, 0)  # closing sends RST and forgets what was buffered


class Wire:
    """Listens on a port of its own and passes everything on to the router."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._there = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._links: list[socket.socket] = []
        self._thawed = threading.Event()
        self._thawed.set()
        self._delay_s = self._jitter_s = 0.0
        self._bytes_per_s: float | None = None
        port = self._listener.getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}{parts.path}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, in the middle of whatever is on its way."""
        links, self._links = self._links, []
        for link in links:
            with contextlib.suppress(OSError):
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                link.shutdown(socket.SHUT_RDWR)

    def freeze(self, seconds: float) -> None:
        """Pass nothing on for a while, then break the connections."""
        self._thawed.clear()
        time.sleep(seconds)
        self.cut()
        self._thawed.set()

    def slow(
        self, delay_s: float, jitter_s: float = 0.0, bytes_per_s: float | None = None
    ) -> None:
        """Keep back whatever passes for so long, each way; let only so much through.

        What arrives meanwhile waits its turn: a delay of ``d`` makes one up to ``2 d``.
        """
        self._delay_s, self._jitter_s = delay_s, jitter_s
        self._bytes_per_s = bytes_per_s

    def fast(self) -> None:
        """As at first."""
        self.slow(0.0)

    def close(self) -> None:
        """Cut it for good."""
        self._listener.close()
        self.fast()
        self._thawed.set()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            try:
                there = socket.create_connection(self._there, timeout=5)
            except OSError:
                here.close()
                continue
            there.settimeout(None)
            self._links += [here, there]
            for one, other in ((here, there), (there, here)):
                threading.Thread(
                    target=self._pass_on, args=(one, other), daemon=True
                ).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while some := one.recv(self._most()):
                self._hold_back(len(some))
                self._thawed.wait()
                other.sendall(some)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            if end in self._links:
                self._links.remove(end)
        one.close()

    def _most(self) -> int:
        rate = self._bytes_per_s
        return _MOST if rate is None else min(max(int(rate / 4), 256), _MOST)

    def _hold_back(self, size: int) -> None:
        wait_s = self._delay_s + random.uniform(0, self._jitter_s)  # noqa: S311
        if self._bytes_per_s is not None:
            wait_s += size / self._bytes_per_s
        if wait_s > 0:
            time.sleep(wait_s)
