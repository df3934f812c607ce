"""The backend's PostgreSQL: the only package of it that speaks SQL.

Functions block, take an open connection and leave the transaction to their caller,
which is ``Database``. Rows are plain named tuples.
"""
