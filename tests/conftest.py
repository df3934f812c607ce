"""Fixtures every folder of tests may use."""

from tests.support.databases import (
    either_database,
    embedded_server,
    plain_database,
    timescale_database,
    timescaledb_server,
)

__all__ = [
    "either_database",
    "embedded_server",
    "plain_database",
    "timescale_database",
    "timescaledb_server",
]
