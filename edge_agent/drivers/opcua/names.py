"""Names of nodes, as a tag file writes them.

``ns=2;s=Temperature``, or with the namespace by its URI, ``nsu=http://acme/press;s=T``:
a server may number its namespaces anew at each start, the URIs stay.
"""

import base64
import binascii
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua

_FORM = re.compile(r"(?:ns=(\d{1,5});|nsu=(.+?);)?([isgb])=(.+)", re.DOTALL)
_MAX_NAMESPACE, _MAX_NUMBER = 65535, 2**32 - 1


class NoNodeId(ValueError):
    """The words are no node id, or its namespace is not there; it says which."""


@dataclass(frozen=True, slots=True)
class NodeName:
    """A node, before it is known which number its namespace has."""

    identifier: int | str | bytes | uuid.UUID
    namespace: int = 0
    uri: str | None = None  # instead of the number

    def node_id(self, namespaces: Sequence[str]) -> ua.NodeId:
        """Its id at a server with these namespaces. Raises ``NoNodeId``."""
        if self.uri is None:
            return _node_id(self.identifier, self.namespace)
        if self.uri not in namespaces:
            raise NoNodeId(
                f"the server has no namespace {self.uri!r}; it has "
                f"{', '.join(namespaces)}"
            )
        return _node_id(self.identifier, namespaces.index(self.uri))


def node_name(words: str) -> NodeName:
    """Read a node id. Raises ``NoNodeId``."""
    found = _FORM.fullmatch(words.strip())
    if found is None:
        raise NoNodeId(
            f"{words!r} is no node id: write ns=2;s=Name, ns=2;i=1001 or "
            "nsu=http://namespace;s=Name"
        )
    number, uri, kind, identifier = found.groups()
    namespace = int(number or 0)
    if namespace > _MAX_NAMESPACE:
        raise NoNodeId(f"{words!r} is no node id: namespaces end at {_MAX_NAMESPACE}")
    try:
        return NodeName(_identifier(kind, identifier), namespace, uri)
    except (ValueError, binascii.Error):
        raise NoNodeId(
            f"{words!r} is no node id: {identifier!r} is no {_KINDS[kind]}"
        ) from None


def _node_id(identifier: Any, namespace: Any) -> ua.NodeId:
    return ua.NodeId(identifier, namespace)  # asyncua's types are narrower than it is


_KINDS = {"i": "number up to 4294967295", "g": "GUID", "b": "base64 text", "s": "text"}


def _identifier(kind: str, words: str) -> int | str | bytes | uuid.UUID:
    match kind:
        case "i":
            if not (words.isdecimal() and int(words) <= _MAX_NUMBER):
                raise ValueError(words)
            return int(words)
        case "g":
            return uuid.UUID(words)
        case "b":
            return base64.b64decode(words, validate=True)
        case _:
            return words


def words_of(node: ua.NodeId, namespaces: Sequence[str]) -> str:
    """The node as a tag file writes it: with the URI, where the namespace has one."""
    at, identifier = node.NamespaceIndex, node.Identifier
    prefix = ""
    if at > 0:
        known = at < len(namespaces) and namespaces[at]
        prefix = f"nsu={namespaces[at]};" if known else f"ns={at};"
    match identifier:
        case int():
            return f"{prefix}i={identifier}"
        case uuid.UUID():
            return f"{prefix}g={identifier}"
        case bytes():
            return f"{prefix}b={base64.b64encode(identifier).decode()}"
        case _:
            return f"{prefix}s={identifier}"
