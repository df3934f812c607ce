"""Flows of a project: authored, published as releases, changed on devices."""
