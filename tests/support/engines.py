"""A runtime in memory: does what it is told, tells it, and fails when told to."""

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from edge_agent.runtime.runtime import (
    AWAKE,
    Condition,
    EngineFailed,
    EngineState,
    Found,
    LogLine,
    Order,
)
from heddle.contract.flows import Runtime


class FakeRuntime:
    """Engines as entries of a dictionary; at most one per flow may run."""

    kind = Runtime.CONTAINER
    docker: str | None = "20.10"

    def __init__(self) -> None:
        self.engines: dict[tuple[str, str], Found] = {}
        self.here = {"image"}
        self.flaws: dict[str, str] = {}  # by call, or call and flow: why it fails
        self.meanwhile: dict[str, Callable[[], None]] = {}  # by call: what happens
        self.calls: list[str] = []
        self.looks = 0

    def put(
        self, flow: str, mark: str, condition: Condition, release: str = ""
    ) -> None:
        """Have an engine there, as a former agent left it."""
        self.engines[flow, mark] = Found(
            flow, mark, condition, f"{flow}-{mark}", release=release
        )

    def becomes(self, flow: str, condition: Condition) -> None:
        """The engines of a flow come to this by themselves."""
        for at in [at for at in self.engines if at[0] == flow]:
            self.engines[at] = replace(self.engines[at], condition=condition)

    def conditions(self) -> dict[tuple[str, str], str]:
        """How every engine stands."""
        return {at: each.condition.value for at, each in self.engines.items()}

    async def mark(self, order: Order) -> str:
        return f"{order.release}@{order.configuration.image}"

    async def found(self) -> tuple[Found, ...]:
        self.looks += 1
        self._maybe("found")
        return tuple(self.engines.values())

    async def images(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(names) & self.here

    async def fetch(self, image: str) -> None:
        self._note(f"fetch {image}", "fetch")
        self.here.add(image)

    async def create(self, order: Order) -> None:
        mark = await self.mark(order)
        self._note(f"create {order.flow} {mark}", "create", f"create {order.flow}")
        self.put(order.flow, mark, Condition.CREATED, order.release)

    async def run(self, order: Order) -> None:
        mark = await self.mark(order)
        self._note(f"run {order.flow} {mark}", "run", f"run {order.flow}")
        others = [
            each.mark
            for (flow, at), each in self.engines.items()
            if flow == order.flow and at != mark and each.condition in AWAKE
        ]
        assert others == [], f"{order.flow} already runs as {others}"
        self._turn(order.flow, mark, Condition.RUNNING)

    async def end(self, flow: str, mark: str) -> None:
        self._note(f"end {flow} {mark}", "end", f"end {flow}")
        self._turn(flow, mark, Condition.EXITED)

    async def remove(self, flow: str, mark: str) -> None:
        self._note(f"remove {flow} {mark}", "remove", f"remove {flow}")
        self.engines.pop((flow, mark), None)

    async def state(self, flow: str) -> EngineState:
        return EngineState(running=False, detail="it ended")

    async def logs(
        self, flow: str, *, tail: int, since_s: float = 0.0
    ) -> tuple[LogLine, ...]:
        return ()

    async def prune(self, wanted: Collection[str]) -> int:
        self._note(f"prune all but {sorted(wanted)}", "prune")
        return 5 << 20

    async def places(self) -> tuple[Path, ...]:
        return ()

    async def close(self, *, keep: bool) -> None:
        pass

    def _turn(self, flow: str, mark: str, condition: Condition) -> None:
        self.engines[flow, mark] = replace(
            self.engines[flow, mark], condition=condition
        )

    def _note(self, call: str, *names: str) -> None:
        self.calls.append(call)
        for name in names:
            self._maybe(name)

    def _maybe(self, name: str) -> None:
        self.meanwhile.pop(name, lambda: None)()
        if name in self.flaws:
            raise EngineFailed(self.flaws[name])
