"""Settings of the gateway, each also ``$GATEWAY_<NAME>``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything this process can be told."""

    router_url: str
    router_ca: Path | None = None  # whom to trust, for wss:// and rss://
    router_client_certificate: Path | None = None  # shown to a router that demands one
    router_client_key: Path | None = None
    listen: str = "127.0.0.1:8081"  # HOST:PORT of the API
    tls_certificate: Path | None = None  # with its chain; the API speaks TLS then
    tls_key: Path | None = None
    metrics: str | None = None  # HOST:PORT to serve /metrics on
    rate_per_minute: Count = 600  # requests of one credential
    rate_burst: Count = 100  # of these, at once
    strangers_per_minute: Count = 60  # of one address, without a known credential
    wrong_per_minute: Count = 5  # passwords and API keys of one address
    sessions: Count = 1000  # open in the router at a time
    session_idle_s: Count = 120  # without a request, before it is closed
    streams: Count = 200  # event streams at a time
    streams_each: Count = 10  # of one credential
    connections: Count = 1000
    call_timeout_s: Annotated[int, Meta(ge=1, le=600)] = 30
    is_forwarded: bool = False  # behind a proxy: heed its X-Forwarded-For
