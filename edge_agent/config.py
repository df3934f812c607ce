"""Settings of the agent: defaults, overridden by ``$AGENT_CONFIG``, then ``AGENT_*``.

docs/reference/agent.md lists them for operators.
"""

import enum
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from heddle.contract.devices import DeviceKind
from heddle.tls.trust import trust_of
from heddle.wamp.process import ConfigError, load_config

PREFIX = "AGENT_"


class RuntimeChoice(enum.StrEnum):
    """Where engines shall run."""

    AUTO = "auto"  # in containers if a Docker Engine and the image are there
    CONTAINER = "container"
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the agent can be told."""

    router_url: str
    router_ca: Path | None = None  # whom to trust, for wss:// and rss://
    router_client_certificate: Path | None = None  # shown to a router that demands one
    router_client_key: Path | None = None
    data: Path
    code: str | None = None
    code_file: Path | None = None
    kind: DeviceKind = DeviceKind.EDGE
    driver: str | None = None  # plant, csv:PATH, or the tag file's connections
    tags: Path | None = None  # TOML: connections, units, a workflow's names of tags
    time_scale: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 1.0
    seed: int = 1
    scan_ms: Annotated[int, msgspec.Meta(ge=10, le=60_000)] = 200
    runtime: RuntimeChoice = RuntimeChoice.AUTO
    engine_image: str = "heddle/engine:dev"
    engine_silent_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 30.0  # it hangs
    engine_memory_mb: Annotated[int, msgspec.Meta(ge=48, le=65_536)] = 128
    release_within_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 60.0  # it serves
    only_releases: bool = False  # what is not signed is not installed
    keep_engines: bool = True  # containers go on when the agent is stopped
    outbox_max_mb: Annotated[int, msgspec.Meta(ge=1)] = 256
    outbox_max_hours: Annotated[int, msgspec.Meta(ge=1)] = 168
    disk_warn_mb: Annotated[int, msgspec.Meta(ge=0)] = 512  # of free space
    disk_least_mb: Annotated[int, msgspec.Meta(ge=0)] = 128  # below, nothing is added
    commit_ms: Annotated[int, msgspec.Meta(ge=10, le=60_000)] = 250
    local: str | None = None  # HOST:PORT of the device's own page and API
    local_tls_certificate: Path | None = None  # with its chain; that page speaks TLS
    local_tls_key: Path | None = None
    metrics: str | None = None  # HOST:PORT to serve /metrics on


def load(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the settings. Raises ``ConfigError`` naming the one at fault."""
    config = load_config(Config, PREFIX, environ)
    if config.kind is DeviceKind.EDGE and config.time_scale != 1.0:
        raise ConfigError(
            "setting AGENT_TIME_SCALE is for virtual devices: "
            "remove it or set AGENT_KIND=virtual"
        )
    _ = trust_of(config)  # what cannot be meant is told before anything begins
    return config
