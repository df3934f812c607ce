"""Releases tried out beside the flow they are for: an engine, but no runs of its own.

A trial is an engine like any other, of a name that no flow can have, with a folder of
that name. When it is over, both go.
"""

from collections.abc import Callable
from dataclasses import replace

from edge_agent.flow import Flow
from edge_agent.reconcile.engines import Engines
from edge_agent.shelf import TRIAL, Shelf, Wanted
from heddle.wamp.spawn import spawn


class Trials:
    """At most one for each flow."""

    def __init__(
        self, shelf: Shelf, engines: Engines, make: Callable[[Wanted], Flow]
    ) -> None:
        self._shelf = shelf
        self._engines = engines
        self._make = make
        self._under_way: dict[str, Flow] = {}

    def start(self) -> None:
        """End what a former life left behind, unless it was begun again."""
        for name in self._shelf.trials():
            if name not in self._under_way:
                spawn(self._clear(name), "removing the trial {name}", name=name)

    async def stop(self) -> None:
        """Leave the engines alone."""
        for flow in self._under_way.values():
            await flow.let_go()

    def wanted(self, name: str) -> Wanted | None:
        """What is tried out under this name."""
        flow = self._under_way.get(name)
        return None if flow is None else flow.wanted

    def begin(self, wanted: Wanted) -> Flow:
        """Try a release out, unless it is being tried out already."""
        tried = replace(wanted, flow=wanted.flow + TRIAL)
        flow = self._under_way.get(tried.flow)
        if flow is not None and flow.wanted == tried:
            return flow
        if flow is not None:
            spawn(flow.let_go(), "leaving a trial")
        flow = self._under_way[tried.flow] = self._make(tried)
        self._engines.want(self._shelf.order(tried))
        flow.start()
        return flow

    def end(self, flow: str) -> None:
        """It was tried out, or need not be."""
        tried = self._under_way.pop(flow + TRIAL, None)
        if tried is not None:
            name = tried.wanted.flow
            self._engines.unwant(name)
            spawn(tried.let_go(), "leaving the trial {name}", name=name)
            spawn(self._clear(name), "removing the trial {name}", name=name)

    async def _clear(self, name: str) -> None:
        await self._engines.gone(name)
        if name not in self._under_way:
            self._shelf.clear(name)
