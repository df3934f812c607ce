"""What there is at a server: folders, objects and variables below a node."""

from collections.abc import Sequence
from typing import Any, Final, cast

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from edge_agent.drivers.driver import Found
from edge_agent.drivers.linked import PeerRefused
from edge_agent.drivers.opcua.names import NoNodeId, node_name, words_of
from edge_agent.drivers.opcua.session import OpcSession
from edge_agent.drivers.opcua.values import Unsuitable, value_of
from heddle.contract.devices import TagType

MAX_FOUND: Final = 1000
MAX_SHOWN: Final = 60  # characters of a value
AT_ONCE: Final = 100  # nodes read in one request
_WRITE = 1 << ua.AccessLevel.CurrentWrite.value
_ATTRIBUTES: Final = (
    AttributeIds.DataType,
    AttributeIds.UserAccessLevel,
    AttributeIds.Value,
)


async def browse(
    session: OpcSession, namespaces: Sequence[str], at: str
) -> tuple[Found, ...]:
    """What lies below ``at``, a node id; "" for the Objects folder."""
    try:
        node = (
            node_name(at).node_id(namespaces)
            if at
            else ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder))
        )
    except NoNodeId as flaw:
        raise PeerRefused(str(flaw)) from None
    read = session.services.read_attributes([node], AttributeIds.NodeClass)
    (there,) = await session.asked(read)
    if there.StatusCode is not None and not there.StatusCode.is_good():
        raise PeerRefused(f"{at}: {there.StatusCode.name} ({there.StatusCode.doc})")
    kinds: Any = ua.NodeClass.Object | ua.NodeClass.Variable
    children = session.client.get_node(node).get_children_descriptions(
        nodeclassmask=kinds
    )
    described = await session.asked(children)
    left = len(described) - MAX_FOUND
    described = described[:MAX_FOUND]
    variables = [d.NodeId for d in described if d.NodeClass is ua.NodeClass.Variable]
    details = await _details(session, variables)
    found = [
        _found(each, namespaces, details.get(_key(each.NodeId))) for each in described
    ]
    if left > 0:
        found.append(Found(at, f"and {left} more", is_tag=False))
    return tuple(found)


async def _details(
    session: OpcSession, nodes: list[ua.NodeId]
) -> dict[object, list[ua.DataValue]]:
    found: dict[object, list[ua.DataValue]] = {}
    for first in range(0, len(nodes), AT_ONCE):
        some = nodes[first : first + AT_ONCE]
        columns = [
            await session.asked(session.services.read_attributes(some, attribute))
            for attribute in _ATTRIBUTES
        ]
        for node, *values in zip(some, *columns, strict=True):
            found[_key(node)] = values
    return found


def _found(
    described: ua.ReferenceDescription,
    namespaces: Sequence[str],
    details: list[ua.DataValue] | None,
) -> Found:
    address = words_of(described.NodeId, namespaces)
    name = described.DisplayName.Text or described.BrowseName.Name or address
    if details is None:
        return Found(address, name, is_tag=False)
    kind, access, value = details
    level = _held(access) or 0
    return Found(
        address,
        name,
        is_tag=True,
        type=_type(_held(kind), value),
        writable=bool(level & _WRITE),
        value=_shown(value),
    )


def _type(data_type: Any, value: ua.DataValue) -> str:
    of_value = "" if value.Value is None else value.Value.VariantType.name
    array = "[]" if value.Value is not None and value.Value.is_array else ""
    if isinstance(data_type, ua.NodeId) and data_type.NamespaceIndex == 0:
        names = {v: k for k, v in vars(ObjectIds).items() if isinstance(v, int)}
        return names.get(cast(int, data_type.Identifier), of_value) + array
    return of_value + array


def _shown(value: ua.DataValue) -> str:
    if value.StatusCode is not None and not value.StatusCode.is_good():
        return value.StatusCode.name
    try:
        held = value_of(value.Value, TagType.TEXT)
    except Unsuitable as flaw:
        return f"({flaw})"
    words = "" if held is None else str(held)
    return words if len(words) <= MAX_SHOWN else words[: MAX_SHOWN - 1] + "…"


def _held(value: ua.DataValue) -> Any:
    return None if value.Value is None else value.Value.Value


def _key(node: ua.NodeId) -> object:
    return node.NamespaceIndex, node.Identifier
