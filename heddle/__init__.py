"""What the whole fleet agrees upon: the wire contract and the pure machines."""

__version__ = "0.2.0"
