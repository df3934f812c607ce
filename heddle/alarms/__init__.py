"""Alarms: rules on tags, and the life of an alarm by ISA-18.2 / IEC 62682.

Pure: no I/O and no clock. Time is what the inputs say, so the same inputs make the same
transitions on a device and in fleetdata.

``rule`` reads what an engineer wrote; ``machine.step`` moves one alarm; ``table`` holds
many of them and is what a process uses; ``clocks`` tells what a wrong clock does to
them; ``summary`` counts what came of it.
"""
