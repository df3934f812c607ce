"""Follows an OPC UA server: its values by subscription, reads and writes on request."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

from asyncua import ua
from asyncua.common.node import Node
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from twisted.logger import Logger

from edge_agent.drivers.connections import Place
from edge_agent.drivers.driver import Found, Value
from edge_agent.drivers.linked import LinkLost, PeerRefused, Raw, Tell
from edge_agent.drivers.opcua.browse import browse
from edge_agent.drivers.opcua.feed import RETRY_EVERY_S, Feed
from edge_agent.drivers.opcua.names import NoNodeId
from edge_agent.drivers.opcua.session import OpcSession
from edge_agent.drivers.opcua.settings import Item, Settings
from edge_agent.drivers.opcua.values import (
    Times,
    Unsuitable,
    quality_of,
    value_of,
    variant_of,
)
from edge_agent.drivers.racing import first_to_fail
from heddle.contract.samples import Quality

log = Logger()


class OpcuaPeer:
    """One session with one server."""

    def __init__(self, place: Place, settings: Settings, items: Sequence[Item]) -> None:
        self._name = place.name
        self._settings = settings
        self._items = {item.tag: item for item in items}
        self._session = OpcSession(place.name, settings, place.files, place.data)
        self._namespaces: list[str] = []
        self._types: dict[str, ua.VariantType] = {}
        self._flaws: dict[str, str] = {}  # what was told of tags that are bad
        self._times = Times(time.time)

    async def connect(self) -> None:
        """Open the session and learn the namespaces."""
        await self._session.open()
        await self._learn_namespaces()

    async def follow(self, tell: Tell) -> None:
        """Tell what the server tells, until it is lost."""
        feed = Feed(self._session, self._settings.queue)
        self._times = Times(time.time)

        def hears(told: Sequence[tuple[Item, ua.DataValue]]) -> None:
            tell([self._raw(item, value) for item, value in told])

        await first_to_fail(
            self._session.keep(), feed.run(hears), self._watch(feed, tell)
        )

    async def read(self, tag: str) -> Raw:
        """Read one tag."""
        item = self._items[tag]
        found = await self._value(self._node(item))
        if quality_of(found.StatusCode) is Quality.BAD:
            raise PeerRefused(f"{tag} ({item.words}): {_status(found.StatusCode)}")
        try:
            value = value_of(found.Value, item.kind)
        except Unsuitable as flaw:
            raise PeerRefused(f"{tag} ({item.words}): {flaw}") from None
        at_us = self._times.at_us(tag, found.SourceTimestamp)
        return Raw(tag, value, at_us, quality_of(found.StatusCode))

    async def write(self, tag: str, raw: Value, key: str) -> None:
        """Write one tag, as the variable's type: the same again does no harm."""
        item = self._items[tag]
        node = self._node(item)
        try:
            variant = variant_of(raw, await self._type(item, node))
        except Unsuitable as flaw:
            raise PeerRefused(f"{tag} ({item.words}): {flaw}") from None
        # Many servers take a value only if it comes without status and times.
        value = ua.DataValue(variant, None)
        session = self._session
        (status,) = await session.asked(
            session.services.write_attributes([node], [value], AttributeIds.Value)
        )
        if not status.is_good():
            raise PeerRefused(f"{tag} ({item.words}) was not taken: {_status(status)}")

    async def browse(self, at: str) -> tuple[Found, ...]:
        """Look around below a node."""
        return await browse(self._session, self._namespaces, at)

    async def close(self) -> None:
        """Leave the server."""
        await self._session.close()

    # --- following -------------------------------------------------------------------

    async def _watch(self, feed: Feed, tell: Tell) -> None:
        """Have all tags told; those that fail are tried again, now and then."""
        failed = await self._watched(feed, self._items.values(), tell)
        while True:
            await asyncio.sleep(RETRY_EVERY_S)
            if failed:
                await self._learn_namespaces()
                failed = await self._watched(feed, failed, tell)

    async def _watched(
        self, feed: Feed, items: Iterable[Item], tell: Tell
    ) -> list[Item]:
        """Those of them that the server does not tell."""
        known: list[tuple[Item, ua.NodeId]] = []
        flaws: list[tuple[Item, str]] = []
        for item in items:
            try:
                known.append((item, item.node.node_id(self._namespaces)))
            except NoNodeId as flaw:
                flaws.append((item, str(flaw)))
        refused = await self._monitored(feed, known)
        flaws += [(item, _status(status)) for item, status in refused]
        for item, words in flaws:
            self._flawed(item, words)
        if flaws:
            tell([Raw(item.tag, None, quality=Quality.BAD) for item, _ in flaws])
        return [item for item, _ in flaws]

    async def _monitored(
        self, feed: Feed, known: list[tuple[Item, ua.NodeId]]
    ) -> list[tuple[Item, ua.StatusCode]]:
        try:
            return await feed.watch(known)
        except PeerRefused as refused:
            raise LinkLost(f"the server gives no subscription: {refused}") from None

    def _raw(self, item: Item, told: ua.DataValue) -> Raw:
        quality = quality_of(told.StatusCode)
        at_us = self._times.at_us(item.tag, told.SourceTimestamp)
        value: Value = None
        if quality is Quality.BAD:
            self._flawed(item, _status(told.StatusCode))
        else:
            try:
                value = value_of(told.Value, item.kind)
            except Unsuitable as flaw:
                quality = Quality.BAD
                self._flawed(item, str(flaw))
            else:
                self._mended(item)
        return Raw(item.tag, value, at_us, quality)

    def _flawed(self, item: Item, words: str) -> None:
        if self._flaws.get(item.tag) == words:
            return
        self._flaws[item.tag] = words
        log.warn(
            "connection {name}: tag {tag} ({node}) is bad: {words}",
            name=self._name,
            tag=item.tag,
            node=item.words,
            words=words,
        )

    def _mended(self, item: Item) -> None:
        if self._flaws.pop(item.tag, None) is not None:
            log.info(
                "connection {name}: tag {tag} ({node}) is good again",
                name=self._name,
                tag=item.tag,
                node=item.words,
            )

    # --- asking ----------------------------------------------------------------------

    async def _learn_namespaces(self) -> None:
        array = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
        try:
            found = await self._value(array)
        except PeerRefused as refused:
            raise LinkLost(f"the server's namespaces are unknown: {refused}") from None
        self._namespaces = list(found.Value.Value or []) if found.Value else []

    async def _value(self, node: ua.NodeId) -> ua.DataValue:
        session = self._session
        (found,) = await session.asked(
            session.services.read_attributes([node], AttributeIds.Value)
        )
        return found

    async def _type(self, item: Item, node: ua.NodeId) -> ua.VariantType:
        """The type of the variable: of what it holds, or as it is declared."""
        if (known := self._types.get(item.tag)) is not None:
            return known
        held = (await self._value(node)).Value
        kind: Any = ua.VariantType.Null if held is None else held.VariantType
        if held is not None and held.is_array:
            raise Unsuitable("it holds a list; only single values are written")
        if kind is ua.VariantType.Null:
            services = self._session.services
            kind = await self._session.asked(
                Node(services, node).read_data_type_as_variant_type()
            )
        self._types[item.tag] = kind
        return kind  # type: ignore[no-any-return]

    def _node(self, item: Item) -> ua.NodeId:
        _ = self._session.services  # open, or it says so
        try:
            return item.node.node_id(self._namespaces)
        except NoNodeId as flaw:
            raise PeerRefused(f"{item.tag} ({item.words}): {flaw}") from None


def _status(status: ua.StatusCode | None) -> str:
    return "Good" if status is None else f"{status.name} ({status.doc})"
