"""Dashboards, and the tags to choose from."""
