"""Fixtures every folder of tests may use."""

import faulthandler
import sys

import pytest
from hypothesis import HealthCheck, settings

from tests.support.databases import (
    either_database,
    embedded_server,
    plain_database,
    timescale_database,
    timescaledb_server,
)

# A machine may stand still for a moment: that says nothing of the code under test.
settings.register_profile(
    "heddle", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("heddle")

__all__ = [
    "either_database",
    "embedded_server",
    "plain_database",
    "timescale_database",
    "timescaledb_server",
]


ENDS_WITHIN_S = 60


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """A thread that a failed test left behind does not keep pytest from ending."""
    if sys.__stderr__ is not None:
        faulthandler.dump_traceback_later(ENDS_WITHIN_S, exit=True, file=sys.__stderr__)
