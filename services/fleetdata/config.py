"""Settings of the fleetdata service, each also ``$FLEETDATA_<NAME>``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]
Threads = Annotated[int, Meta(ge=1, le=64)]
Seconds = Annotated[int, Meta(ge=1, le=3600)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything this process can be told."""

    router_url: str
    router_ca: Path | None = None  # whom to trust, for wss:// and rss://
    router_client_certificate: Path | None = None  # shown to a router that demands one
    router_client_key: Path | None = None
    key_file: Path  # the service's key; the projects' database passwords derive from it
    database_url: str  # a login that may create databases and roles
    database_password_file: Path | None = None  # its password, if not in the URL
    keep_days: Count = 90  # older samples are dropped
    keep_minute_days: Count = 400  # older roll-ups by minute are dropped
    keep_rollup_days: Count = 3650  # older roll-ups by hour are dropped
    keep_alarm_days: Count = 400  # older transitions of alarms are dropped
    pack_after_days: Count | None = None  # compress chunks, if the licence allows
    writing_threads: Threads = 2
    reading_threads: Threads = 4
    group_wait_ms: Annotated[int, Meta(ge=0, le=1000)] = 3  # for company in a commit
    groups_at_once: Threads = 2  # of one project; a second one only when it is full
    group_rows: Count = 10_000  # rows of one commit; a single batch is never cut
    queue_bytes: Annotated[int, Meta(ge=8_000_000)] = 16_000_000  # waiting, per project
    write_timeout_s: Seconds = 30
    read_timeout_s: Seconds = 10
    metrics: str | None = None  # HOST:PORT to serve /metrics on
    guard_path: Path | None = None  # a folder on the database's disk
    guard_warn_mb: Annotated[int, Meta(ge=0)] = 2000  # less free than this is told
    guard_refuse_mb: Annotated[int, Meta(ge=0)] = 500  # less: nothing is stored
    mail_server: str | None = None  # HOST:PORT, for notices of alarms
    mail_sender: str = "heddle@localhost"
    mail_user: str | None = None
    mail_password_file: Path | None = None
    mail_tls: bool = True  # refuse a mail server that does not speak TLS
