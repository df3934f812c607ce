"""The device's own page and API: what can be done on the spot, link or no link."""
