"""Settings of a swarm: ``SWARM_*``, or a file that ``$SWARM_CONFIG`` names.

``heddle swarm`` sets them; docs/how-to/play-a-fleet.md tells of its options.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from edge_agent.swarm.parts import Manners
from heddle.wamp.process import ConfigError, load_config

PREFIX = "SWARM_"

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmConfig:
    """Everything a swarm can be told."""

    router_url: str
    router_ca: Path | None = None  # whom to trust, for wss:// and rss://
    router_client_certificate: Path | None = None  # shown to a router that demands one
    router_client_key: Path | None = None
    data: Path  # a folder for each device: its key, its outbox, its flows
    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,40}$")] = "swarm"
    devices: Annotated[int, msgspec.Meta(ge=1, le=9999)] = 100
    seed: Annotated[int, msgspec.Meta(ge=0)] = 1
    flapping: Share = 0.0
    mute: Share = 0.0
    slow: Share = 0.0
    scan_s: Annotated[float, msgspec.Meta(ge=0.01, le=3600)] = 10.0
    time_scale: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 1.0
    joining: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16  # at the same time
    hold_s: Annotated[float, msgspec.Meta(ge=0)] | None = None  # None: until told
    json: bool = False  # progress as lines of JSON

    @property
    def manners(self) -> Manners:
        """How many behave how."""
        return Manners(self.flapping, self.mute, self.slow)


def load(environ: Mapping[str, str] = os.environ) -> SwarmConfig:
    """Read the settings. Raises ``ConfigError`` naming the one at fault."""
    config = load_config(SwarmConfig, PREFIX, environ)
    if config.flapping + config.mute + config.slow > 1:
        raise ConfigError(
            "flapping, mute and slow devices are together more than all: "
            "a device has one manner only"
        )
    return config
