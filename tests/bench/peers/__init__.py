"""Other people's engines, doing the same work as ours in the same run.

A peer's program is written as its own manual would, and kindly: where two ways were
found, it takes the faster one. ``python -m tests.bench.peers`` prints these figures
alone, ``python -m tests.bench engine`` among the others.
"""
