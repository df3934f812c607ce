"""Modbus TCP: registers and bits of a device, or of the units behind a gateway.

    [connections.pump]
    driver = "modbus"
    host = "10.0.0.7"
    unit_id = 1

    [tags.pressure]
    connection = "pump"
    table = "holding"
    address = 12
    format = "float32"

Addresses count from 0, as the protocol does: what a manual calls 40001 is holding 0.
"""

from collections.abc import Callable, Sequence

from edge_agent.drivers.connections import Place
from edge_agent.drivers.linked import Peer
from edge_agent.drivers.modbus.peer import ModbusPeer
from edge_agent.drivers.modbus.places import Address, Settings, spots_of
from edge_agent.drivers.points import Point

__all__ = ["Address", "Settings", "make"]


def make(
    place: Place, settings: Settings, points: Sequence[Point[Address]]
) -> Callable[[], Peer]:
    """What makes a peer for each try. Raises ``ConfigError`` for what does not go
    together.
    """
    spots = spots_of(settings, points)
    return lambda: ModbusPeer(place.name, settings, spots)
