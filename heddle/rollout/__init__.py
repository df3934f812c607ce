"""How a release reaches many devices: waves, verdicts, rollback.

Pure: no I/O, no clock, no knowledge of the contract. Time is what the inputs say.

``spec`` is what was asked for; ``state.Deployment`` is the whole memory of one
deployment and goes through JSON unchanged; ``inputs`` may happen to it, ``effects`` it
asks for; ``machine`` moves it. ``selector`` and ``durations`` read what people write.
"""
