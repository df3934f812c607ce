"""What a server tells by itself: a subscription for each scan time.

A node that cannot be watched is bad and told, the others go on; it is tried again every
``RETRY_EVERY_S``. A subscription that says nothing for longer than the server promised
is a lost link, even if the server answers otherwise.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from edge_agent.drivers.linked import LinkLost
from edge_agent.drivers.opcua.session import OpcSession
from edge_agent.drivers.opcua.settings import Item

MAX_PUBLISHING_MS: Final = 10_000
KEEP_ALIVE_MS: Final = 10_000  # that long a subscription may have nothing to say
LIFETIME_MS: Final = 60_000  # that long the server keeps it for a client that is gone
PATIENCE: Final = 1.5  # of what the server promised
GRACE_S: Final = 5.0
CHECK_EVERY_S: Final = 2.0
RETRY_EVERY_S: Final = 60.0
AT_ONCE: Final = 200  # monitored items made in one request

Hears: TypeAlias = Callable[[Sequence[tuple[Item, ua.DataValue]]], None]
Refused: TypeAlias = tuple[Item, ua.StatusCode]


@dataclass
class _Subscription:
    """One at the server."""

    number: int
    silent_s: float  # that long at most
    heard_at_s: float
    items: dict[int, tuple[Item, ua.NodeId]] = field(default_factory=dict)  # by handle


class Feed:
    """All subscriptions of one session."""

    def __init__(self, session: OpcSession, queue: int) -> None:
        self._session = session
        self._queue = queue
        self._heard: asyncio.Queue[Any] = asyncio.Queue()
        self._subscriptions: dict[int, _Subscription] = {}
        self._of_scan: dict[int, _Subscription] = {}
        self._handles = 0

    async def watch(self, items: Iterable[tuple[Item, ua.NodeId]]) -> list[Refused]:
        """Have the server tell these; answers those that it will not."""
        by_scan: dict[int, list[tuple[Item, ua.NodeId]]] = {}
        for item, node in items:
            by_scan.setdefault(item.scan_ms, []).append((item, node))
        refused: list[Refused] = []
        for scan_ms, some in by_scan.items():
            subscription = self._of_scan.get(scan_ms) or await self._subscribe(scan_ms)
            for first in range(0, len(some), AT_ONCE):
                refused += await self._monitor(
                    subscription, scan_ms, some[first : first + AT_ONCE]
                )
        return refused

    async def run(self, hears: Hears) -> None:
        """Hand on what the server tells. Raises ``LinkLost``."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(CHECK_EVERY_S):
                    result = await self._heard.get()
            except TimeoutError:
                self._check(loop.time())
            else:
                self._take(result, hears, loop.time())

    async def _subscribe(self, scan_ms: int) -> _Subscription:
        publishing_ms = min(scan_ms, MAX_PUBLISHING_MS)
        alive = max(1, KEEP_ALIVE_MS // publishing_ms)
        params = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=ua.Double(publishing_ms),
            RequestedLifetimeCount=ua.UInt32(
                max(3 * alive, LIFETIME_MS // publishing_ms)
            ),
            RequestedMaxKeepAliveCount=ua.UInt32(alive),
            MaxNotificationsPerPublish=ua.UInt32(0),
            PublishingEnabled=True,
            Priority=ua.Byte(0),
        )
        session = self._session
        made = await session.asked(
            session.services.create_subscription(params, self._heard.put_nowait)
        )
        promised_s = (
            made.RevisedPublishingInterval * made.RevisedMaxKeepAliveCount / 1e3
        )
        subscription = _Subscription(
            int(made.SubscriptionId),
            promised_s * PATIENCE + GRACE_S,
            asyncio.get_running_loop().time(),
        )
        self._subscriptions[subscription.number] = subscription
        self._of_scan[scan_ms] = subscription
        return subscription

    async def _monitor(
        self,
        subscription: _Subscription,
        scan_ms: int,
        items: Sequence[tuple[Item, ua.NodeId]],
    ) -> list[Refused]:
        requests, handles = [], []
        for item, node in items:
            self._handles += 1
            handles.append(self._handles)
            subscription.items[self._handles] = (item, node)
            requests.append(self._request(self._handles, node, scan_ms))
        params = ua.CreateMonitoredItemsParameters(
            SubscriptionId=ua.UInt32(subscription.number),
            TimestampsToReturn=ua.TimestampsToReturn.Source,
            ItemsToCreate=requests,
        )
        session = self._session
        results = await session.asked(session.services.create_monitored_items(params))
        refused: list[Refused] = []
        for handle, result in zip(handles, results, strict=True):
            if not result.StatusCode.is_good():
                item, _ = subscription.items.pop(handle)
                refused.append((item, result.StatusCode))
        return refused

    def _request(
        self, handle: int, node: ua.NodeId, scan_ms: int
    ) -> ua.MonitoredItemCreateRequest:
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=ua.UInt32(handle),
                SamplingInterval=ua.Double(scan_ms),
                QueueSize=ua.UInt32(self._queue),
                DiscardOldest=True,
            ),
        )

    def _take(self, result: ua.PublishResult, hears: Hears, now_s: float) -> None:
        subscription = self._subscriptions.get(int(result.SubscriptionId))
        if subscription is None:
            return
        subscription.heard_at_s = now_s
        told: list[tuple[Item, ua.DataValue]] = []
        for each in result.NotificationMessage.NotificationData or ():
            if isinstance(each, ua.StatusChangeNotification):
                name = ua.StatusCode(each.Status.value).name
                raise LinkLost(f"the server ended the subscription: {name}")
            if isinstance(each, ua.DataChangeNotification):
                told += self._told(subscription, each)
        if told:
            hears(told)

    def _told(
        self, subscription: _Subscription, change: ua.DataChangeNotification
    ) -> Iterable[tuple[Item, ua.DataValue]]:
        for each in change.MonitoredItems:
            known = subscription.items.get(int(each.ClientHandle))
            if known is not None and each.Value is not None:
                yield known[0], each.Value

    def _check(self, now_s: float) -> None:
        for each in self._subscriptions.values():
            silent_s = now_s - each.heard_at_s
            if silent_s > each.silent_s:
                raise LinkLost(
                    f"the server told nothing for {silent_s:.0f} s, "
                    "though it promised to; the subscription is lost"
                )
