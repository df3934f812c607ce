"""Samples and run events at rest: the only package of this service that speaks SQL.

Every function blocks; callers reach it through ``Blocking``. The SQL is the same over
TimescaleDB's hypertables and over PostgreSQL's own partitions; only ``care``, which
makes and drops the days, knows the difference.
"""
