"""Performs one step: what the runtime is asked for it, and in which order.

Every step can be performed again, whole or from the middle, and changes nothing where
it was done already.
"""

import errno
from collections.abc import Callable, Collection, Mapping
from typing import assert_never

from twisted.logger import Logger

from edge_agent.reconcile.plan import (
    Create,
    Fetch,
    HandOver,
    Prune,
    Remove,
    Start,
    Step,
    Stop,
)
from edge_agent.runtime.runtime import EngineFailed, Order, Runtime

log = Logger()

_MEGABYTE = 1 << 20


class Hands:
    """The steps of this device."""

    def __init__(self, runtime: Runtime, lay_out: Callable[[str], None]) -> None:
        """``lay_out`` puts what an engine reads into a flow's folder."""
        self._runtime = runtime
        self._lay_out = lay_out

    async def perform(
        self, step: Step, orders: Mapping[str, Order], images: Collection[str]
    ) -> None:
        """Perform a step for these orders. Raises ``EngineFailed``."""
        log.debug("{step}", step=step)
        match step:
            case Fetch(image):
                log.info("fetching {image}", image=image)
                await self._runtime.fetch(image)
            case Create(flow, _):
                await self._runtime.create(orders[flow])
            case Start(flow, _):
                await self._started(orders[flow])
            case HandOver(flow, former, _):
                await self._handed_over(flow, former, orders)
            case Stop(flow, mark):
                log.info("{flow}: ending its engine", flow=flow)
                await self._runtime.end(flow, mark)
            case Remove(flow, mark):
                await self._runtime.remove(flow, mark)
            case Prune():
                await self._pruned(images)
            case _:
                assert_never(step)

    async def _handed_over(
        self, flow: str, former: str, orders: Mapping[str, Order]
    ) -> None:
        log.info("{flow}: a new engine takes over", flow=flow)
        order = orders[flow]
        await self._runtime.end(flow, former)
        if orders.get(flow) is not order:
            raise EngineFailed(f"flow {flow!r}: something else is wanted now")
        await self._started(order)

    async def _pruned(self, images: Collection[str]) -> None:
        freed = await self._runtime.prune(images)
        log.info("{n} MB of images removed", n=freed // _MEGABYTE)

    async def _started(self, order: Order) -> None:
        try:
            self._lay_out(order.flow)
        except OSError as error:
            why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
            raise EngineFailed(f"{order.directory}: {why}") from None
        await self._runtime.run(order)
