"""The ``heddle`` command: a client of the contract, and the local stack's starter."""
