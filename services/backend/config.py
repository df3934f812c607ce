"""Settings of the backend; ``docs/reference/backend.md`` explains each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything this process can be told: ``BACKEND_*`` or the same names in TOML."""

    router_url: str
    router_ca: Path | None = None  # whom to trust, for wss:// and rss://
    router_client_certificate: Path | None = None  # shown to a router that demands one
    router_client_key: Path | None = None
    key_file: Path
    database_url: str
    database_password_file: Path | None = None
    database_threads: Annotated[int, Meta(ge=1, le=64)] = 4
    ticket_key_file: Path | None = None  # None: the service key signs tickets too
    ticket_valid_s: Annotated[int, Meta(ge=1)] = 900
    admin_user: str = "admin"
    admin_password_file: Path | None = None  # needed while there is no user at all
    project: str = "default"
    virtual_device: str = "virtual_1"
    virtual_device_code_file: Path | None = None
    metrics: str | None = None  # HOST:PORT to serve /metrics on
