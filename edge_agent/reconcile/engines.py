"""Performs plans: one queue for the whole device, one step after the other.

It holds no intention of its own: what shall be comes from the shelf, what is from the
runtime, and every round begins by looking. So an agent may be killed before, within or
after any step, and the next one goes on from what it finds. A step that fails puts off
the flow it is for, ever longer, and no other.
"""

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from edge_agent.reconcile.hands import Hands
from edge_agent.reconcile.plan import (
    Fetch,
    Prune,
    Situation,
    Step,
    Stop,
    Want,
    image_key,
    next_due_s,
    plan,
)
from edge_agent.reconcile.room import Disks, Room
from edge_agent.reconcile.setbacks import Setback, Setbacks
from edge_agent.reconcile.waiters import Waiters
from edge_agent.runtime.runtime import (
    Condition,
    EngineFailed,
    EngineState,
    Found,
    Order,
    Runtime,
)
from heddle.contract.flows import Runtime as Kind

log = Logger()

LOOK_EVERY_S = 60.0
LOOK_SOON_S = 0.2  # while Docker is about to start something again
PRUNE_EVERY_S = 3600.0
DOCKER_AWAY_S = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0)
_SAME_AGAIN_S = 5.0


class Engines:
    """The engines of this device, as they shall be."""

    def __init__(
        self,
        clock: Any,
        runtime: Runtime,
        disks: Disks,
        *,
        lay_out: Callable[[str], None],
        on_room: Callable[[Room], None] = lambda _: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``lay_out`` puts what an engine reads into a flow's folder; ``on_room``
        hears of the disk at every look.
        """
        self._clock = clock
        self._runtime = runtime
        self._disks = disks
        self._hands = Hands(runtime, lay_out)
        self._on_room = on_room
        self._orders: dict[str, Order] = {}
        self._running: set[str] = set()
        self._kept: dict[str, Order] = {}
        self._ahead: set[str] = set()
        self._here: Waiters[None] = Waiters()  # by image
        self._unreadable: frozenset[str] = frozenset()
        self._setbacks = Setbacks(clock.seconds, chance)
        self._away: Setback | None = None
        self._hung: set[str] = set()
        self._ending: Waiters[None] = Waiters()
        self._pruned_s: float | None = None
        self._last: tuple[Step, ...] = ()
        self._up: Waiters[str] = Waiters()
        self._gone: Waiters[None] = Waiters()
        self._poked = False
        self._resting: Deferred[None] | None = None
        self._work: Deferred[None] | None = None
        self.room = disks.room()

    def start(self) -> None:
        """Begin to make it so."""
        self._work = Deferred.fromCoroutine(self._rounds())
        _ = self._work.addErrback(self._broke)

    def stop(self) -> None:
        """Leave everything as it is."""
        work, self._work = self._work, None
        if work is not None:
            work.cancel()

    @property
    def kind(self) -> Kind:
        """Where they run."""
        return self._runtime.kind

    async def state(self, flow: str) -> EngineState:
        """How a flow's engine stands, with its last words."""
        return await self._runtime.state(flow)

    # --- what shall be ---------------------------------------------------------------

    def want(self, order: Order, *, running: bool = True) -> None:
        """From now on this engine for the flow; replaces what was wanted before."""
        self._orders[order.flow] = order
        (self._running.add if running else self._running.discard)(order.flow)
        self._setbacks.forget(order.flow)
        self._unreadable -= {order.flow}
        self.poke()

    def unwant(self, flow: str) -> None:
        """From now on no engine for the flow."""
        self._orders.pop(flow, None)
        self._running.discard(flow)
        self._setbacks.forget(flow)
        self._unreadable -= {flow}
        self.poke()

    def keep(self, flow: str, order: Order | None) -> None:
        """The engine of a former order shall stay, ended, though another is wanted; or
        need not any longer.
        """
        if order is None:
            self._kept.pop(flow, None)
        else:
            self._kept[flow] = order
        self.poke()

    async def bring(self, image: str) -> None:
        """Have an image here before an engine needs it. Raises ``EngineFailed`` for an
        attempt that failed; ask again, and it is tried again when that is due.
        """
        if image in await self._runtime.images([image]):
            return
        if self.room.is_tight:
            raise EngineFailed(f"{image!r} is not fetched: {self.room.sentence}")
        self._ahead.add(image)
        try:
            here = self._here.wait(image)
            self.poke()
            await here
        finally:
            self._ahead.discard(image)

    def leave_alone(self, flows: frozenset[str]) -> None:
        """Nobody knows what is wanted of these: touch none of their engines."""
        self._unreadable = flows

    def poke(self) -> None:
        """Look at once."""
        self._poked = True
        resting, self._resting = self._resting, None
        if resting is not None:
            resting.callback(None)

    # --- what the keeper of a flow asks ----------------------------------------------

    def up(self, flow: str) -> Deferred[str]:
        """Fires with the engine's label once it runs; fails with ``EngineFailed`` at
        each attempt that failed.
        """
        waiting = self._up.wait(flow)
        setback = self._away or self._setbacks.of(flow)
        if setback is None or setback.due_s <= self._clock.seconds():
            self.poke()
        return waiting

    def gone(self, flow: str) -> Deferred[None]:
        """Fires once there is no engine of a flow that is not wanted."""
        waiting = self._gone.wait(flow)
        self.poke()
        return waiting

    def fell(self, flow: str, why: str, *, lived_s: float = 0.0) -> Setback:
        """The flow's engine ended, or cannot be reached, after so long a life."""
        setback = self._setbacks.add(flow, why, lived_s=lived_s)
        self.poke()
        return setback

    def hangs(self, flow: str) -> None:
        """The flow's engine runs, but says nothing: it must be ended first."""
        self._hung.add(flow)
        self.poke()

    async def make_anew(self, flow: str) -> None:
        """End the flow's engine, whatever it does; it comes up again by itself."""
        self._setbacks.forget(flow)
        ended = self._ending.wait(flow)
        self.hangs(flow)
        await ended

    def setback(self, flow: str) -> Setback | None:
        """What keeps a flow's engine from running: its own failures, its image's, or
        that there is no runtime now.
        """
        if self._away is not None:
            return self._away
        order = self._orders.get(flow)
        found = [self._setbacks.of(flow)]
        if order is not None:
            found.append(self._setbacks.of(image_key(order.configuration.image)))
        there = [each for each in found if each is not None]
        return max(there, key=lambda each: each.due_s, default=None)

    def told(self, flow: str) -> str:
        """Why a flow's engine does not run, and when the next attempt is due."""
        setback = self.setback(flow)
        if setback is not None:
            return self._setbacks.told(setback)
        return self.room.sentence if self.room.is_tight else ""

    @property
    def is_away(self) -> bool:
        """Whether the runtime itself does not answer now."""
        return self._away is not None

    @property
    def images(self) -> frozenset[str]:
        """The images of all that is wanted, or may be needed again."""
        orders = (*self._orders.values(), *self._kept.values())
        return frozenset(order.configuration.image for order in orders) | self._ahead

    # --- the queue -------------------------------------------------------------------

    async def _rounds(self) -> None:
        while True:
            self._poked = False
            rest_s = await self._round()
            if rest_s > 0 and not self._poked:
                await self._rest(rest_s)

    async def _round(self) -> float:
        """Look, and do what is to be done; returns for how long to rest."""
        try:
            situation = await self._look()
        except EngineFailed as error:
            return self._no_runtime(error)
        self._away = None
        if self._poked:
            return 0.0  # something else may be wanted now
        steps = plan(situation)
        self._tell(situation, steps)
        for step in steps:
            if self._poked:
                return 0.0
            try:
                await self._perform(step)
            except EngineFailed as error:
                self._failed(step, str(error))
                return 0.0 if _is_due(step, situation) else _SAME_AGAIN_S
        if steps:
            again, self._last = self._last == steps, steps
            return _SAME_AGAIN_S if again else 0.0
        self._last = ()
        return self._until_next(situation)

    def _until_next(self, situation: Situation) -> float:
        coming = any(e.condition is Condition.RESTARTING for e in situation.found)
        if coming and self._up.flows():
            return LOOK_SOON_S
        due_s = next_due_s(situation)
        if due_s is None:
            return LOOK_EVERY_S
        left_s: float = due_s - self._clock.seconds()
        return min(left_s, LOOK_EVERY_S)

    async def _look(self) -> Situation:
        orders = dict(self._orders)
        found = await self._runtime.found()
        here = await self._runtime.images(self.images)
        wanted = [
            Want(
                flow,
                await self._runtime.mark(order),
                order.configuration.image,
                flow in self._running,
                await self._mark_of(self._kept.get(flow)),
            )
            for flow, order in orders.items()
        ]
        self._judge(self._disks.room(await self._runtime.places()))
        awake = {e.flow for e in found if e.condition is Condition.RUNNING}
        for flow in self._hung - awake:
            self._has_ended(flow)
        now_s = self._clock.seconds()
        pruned_s = self._pruned_s
        return Situation(
            wanted=tuple(wanted),
            found=found,
            images=here,
            ahead=frozenset(self._ahead),
            now_s=now_s,
            due_s=self._setbacks.due_s(),
            hung=frozenset(self._hung),
            unreadable=self._unreadable,
            is_tight=self.room.is_tight,
            may_prune=pruned_s is None or now_s - pruned_s >= PRUNE_EVERY_S,
        )

    async def _mark_of(self, order: Order | None) -> str:
        return "" if order is None else await self._runtime.mark(order)

    def _judge(self, room: Room) -> None:
        before, self.room = self.room, room
        if room.is_low and not before.is_low:
            log.warn("little room: {room}", room=room.sentence)
        self._on_room(room)

    async def _perform(self, step: Step) -> None:
        if isinstance(step, Prune):
            self._pruned_s = self._clock.seconds()
        await self._hands.perform(step, self._orders, self.images)
        match step:
            case Fetch(image):
                self._setbacks.forget(image_key(image))
            case Stop(flow, _):
                self._has_ended(flow)
            case _:
                pass

    def _has_ended(self, flow: str) -> None:
        self._hung.discard(flow)
        self._ending.fire(flow, None)

    # --- who waits for it ------------------------------------------------------------

    def _tell(self, situation: Situation, steps: tuple[Step, ...]) -> None:
        """Tell who waits for an engine that runs, and who for one that is gone."""
        moving = {getattr(step, "flow", None) for step in steps}
        for engine in situation.found:
            if engine.flow not in moving and self._is_up(engine):
                self._up.fire(engine.flow, engine.label)
        for image in self._here.flows():
            if image in situation.images:
                self._here.fire(image, None)
            elif situation.is_tight:
                self._here.fail(image, EngineFailed(self.room.sentence))
        there = {engine.flow for engine in situation.found}
        for flow in self._gone.flows():
            if flow not in there:
                self._gone.fire(flow, None)

    def _is_up(self, engine: Found) -> bool:
        """Whether it runs what is wanted; as what, the plan may not like yet."""
        order = self._orders.get(engine.flow)
        return (
            engine.condition is Condition.RUNNING
            and engine.flow not in self._hung
            and order is not None
            and engine.release == order.release
        )

    def _failed(self, step: Step, why: str) -> None:
        """Put off what the step was for, and tell who waits for it."""
        if isinstance(step, Prune):
            log.warn("images cannot be pruned: {why}", why=why)
            return
        what = image_key(step.image) if isinstance(step, Fetch) else step.flow
        setback = self._setbacks.add(what, why)
        log.debug(
            "{step} failed {n} times: {why}", step=step, n=setback.failures, why=why
        )
        if isinstance(step, Fetch):
            self._here.fail(step.image, EngineFailed(why))
        if what not in self._orders and not isinstance(step, Fetch):
            log.warn("{flow}: {why}", flow=what, why=why)
        for flow, order in tuple(self._orders.items()):
            if what in (flow, image_key(order.configuration.image)):
                self._up.fail(flow, EngineFailed(why))

    def _no_runtime(self, error: EngineFailed) -> float:
        failures = 1 if self._away is None else self._away.failures + 1
        rest_s = DOCKER_AWAY_S[min(failures, len(DOCKER_AWAY_S)) - 1]
        if self._away is None:
            log.warn("engines cannot be looked after: {why}", why=str(error))
        self._away = Setback(failures, str(error), self._clock.seconds() + rest_s)
        for flow in self._up.flows():
            self._up.fail(flow, EngineFailed(str(error)))
        for image in self._here.flows():
            self._here.fail(image, EngineFailed(str(error)))
        return rest_s

    def _broke(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            log.failure("looking after the engines: a defect; begun anew", failure)
            _ = self._clock.callLater(LOOK_EVERY_S, self._again)

    def _again(self) -> None:
        if self._work is not None:
            self.start()

    async def _rest(self, seconds: float) -> None:
        resting = self._resting = Deferred()
        timer = self._clock.callLater(seconds, self._rested, resting)
        try:
            await resting
        finally:
            if timer.active():
                timer.cancel()

    def _rested(self, resting: Deferred[None]) -> None:
        if self._resting is resting:
            self._resting = None
            resting.callback(None)


def _is_due(step: Step, situation: Situation) -> bool:
    match step:
        case Fetch(image):
            return situation.is_due(image_key(image))
        case Prune():
            return True
        case _:
            return situation.is_due(step.flow)
