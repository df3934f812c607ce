"""OPC UA: variables of a server, followed by subscription.

[connections.press]
driver = "opcua"
url = "opc.tcp://10.0.0.5:4840"
security = "sign_and_encrypt"

[tags.temperature]
connection = "press"
node_id = "nsu=http://acme.example/press;s=Temperature"
"""

from collections.abc import Callable, Sequence

from edge_agent.drivers.connections import Place
from edge_agent.drivers.linked import Peer
from edge_agent.drivers.opcua.peer import OpcuaPeer
from edge_agent.drivers.opcua.settings import Address, Settings, check, items_of
from edge_agent.drivers.opcua.trust import load_certificate, load_identity
from edge_agent.drivers.points import Point

__all__ = ["Address", "Settings", "make"]


def make(
    place: Place, settings: Settings, points: Sequence[Point[Address]]
) -> Callable[[], Peer]:
    """What makes a peer for each try. Raises ``ConfigError`` for what does not go
    together.
    """
    check(settings, place.files)
    items = items_of(points)
    if settings.certificate is not None and settings.private_key is not None:
        load_identity(
            place.files / settings.certificate, place.files / settings.private_key
        )
    if settings.server_certificate is not None:
        load_certificate(place.files / settings.server_certificate)
    return lambda: OpcuaPeer(place, settings, items)
