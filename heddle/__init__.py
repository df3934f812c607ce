"""What the whole fleet agrees upon: the wire contract and the pure machines."""

__version__ = "0.1.0"
