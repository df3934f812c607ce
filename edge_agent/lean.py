"""Leaves out what autobahn and Twisted would load and the agent never uses.

Together it is more than a third of the agent's memory. To be called before anything
imports autobahn or the reactor, by the agent's own program and by nobody else.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

# Serialisers that we do not offer to a router, and NumPy with them.
_SERIALISERS = ("bjdata", "autobahn.flatbuffers", "autobahn.wamp.message_fbs")
# WAMP-CRA and TOTP; autobahn imports it unasked, and all of `cryptography` with it.
_HOLLOW = ("autobahn.wamp.auth",)
# Guesses the encoding of web pages for Docker's client, which hears only JSON.
_GUESSING = "charset_normalizer"
_TLS = ("OpenSSL",)


def leave_out_unused() -> None:
    """Leave out what no agent needs."""
    os.environ.setdefault("AUTOBAHN_USE_NVX", "0")  # checks UTF-8 of JSON frames
    for name in _SERIALISERS:
        _absent(name)
    for name in _HOLLOW:
        sys.modules.setdefault(name, ModuleType(name))
    guessing: Any = ModuleType(_GUESSING)
    guessing.__version__ = "3.0.0"  # requests asks for one from 2 to 3
    guessing.detect = lambda _: {"encoding": "utf-8"}
    sys.modules.setdefault(_GUESSING, guessing)


def leave_out_tls() -> None:
    """Leave out TLS, where neither the router's address nor the local page asks."""
    for name in _TLS:
        _absent(name)


def wants_tls(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the router's address or the local page, in the environment or the file,
    asks for TLS.

    A glance that imports nothing; the settings proper are read later, and judged.
    """
    if environ.get("AGENT_LOCAL_TLS_CERTIFICATE"):
        return True
    written = ""
    if file := environ.get("AGENT_CONFIG"):
        with suppress(OSError, UnicodeDecodeError):
            written = Path(file).read_text()
    address = environ.get("AGENT_ROUTER_URL") or written
    return "wss:" in address or "rss:" in address or "local_tls_" in written


def _absent(name: str) -> None:
    sys.modules.setdefault(name, None)  # type: ignore[arg-type]
