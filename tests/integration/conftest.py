"""Fixtures for tests of our code with one real neighbour."""

from tests.support.router import router

__all__ = ["router"]
