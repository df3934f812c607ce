"""What bench ``page`` runs beside itself: devices that publish, and dashboards' links.

Each is a program of its own, for Playwright and a running reactor do not share one, and
so that no part is measured by a process that another keeps busy. They are told what to
do by one argument of JSON, and tell by lines of JSON.
"""
