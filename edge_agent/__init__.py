"""The agent: our process on a device, and the programs it starts there.

It holds the device's one WAMP session, keeps what must not be lost in an outbox on
disk, and starts an engine per installed flow. Nothing here knows another service than
by the contract.
"""
