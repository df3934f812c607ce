"""The program inside a flow's container: journal, timers and the pure ``step``.

It runs every run of one flow, alone: no network, no router credential, only a
directory with its journal and the Unix socket its agent connects to. It must stay
light, so nothing here imports autobahn.
"""
