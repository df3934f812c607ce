"""Tests with a real browser: a pytest process of their own, without a reactor."""
