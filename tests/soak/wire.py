"""A TCP link that can be cut at any byte: between an agent and its router."""

import contextlib
import socket
import struct
import threading
import time
from urllib.parse import urlsplit

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

    def close(self) -> None:
        """Cut it for good."""
        self._listener.close()
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
            while some := one.recv(1 << 16):
                self._thawed.wait()
                other.sendall(some)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            if end in self._links:
                self._links.remove(end)
        one.close()
