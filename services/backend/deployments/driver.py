"""Drives one deployment: does what its state asks for, and steps what comes back.

One turn at a time: all that was heard since the last one is stepped in one transaction,
then what is outstanding and not under way is begun. Answers that come after the end of
the drive are dropped; whoever drives on asks again, and devices know a repeat.
"""

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from heddle.contract.declare import FleetError, StorageUnavailable
from heddle.contract.device_deployments import DeploymentUnknown, DeviceDeployment
from heddle.rollout.effects import Await, Effect, Watch
from heddle.rollout.inputs import Input, Returned, Tick
from heddle.rollout.machine import due_at_ms, outstanding
from heddle.rollout.state import Deployment, Order, Phase
from heddle.wamp.session import ConnectionLost, Session
from heddle.wamp.spawn import spawn
from services.backend.deployments.answers import answered, refused, told, unknown
from services.backend.deployments.health import Watched
from services.backend.deployments.keeping import Keeper, Taken
from services.backend.deployments.sending import ORDERS, Answer, Asked, Orders, Sending
from services.backend.deployments.standing import (
    DriverReplaced,
    Known,
    Moved,
    is_awake,
)
from services.backend.deployments.watching import Watching

log = Logger()

LEAST_REST_S, MOST_REST_S = 0.01, 0.25  # as long as the last turn took
RETRY_S = 1.0  # when the database does not answer
SILENT_S = 15.0  # who has an order and said nothing for so long is asked
ROUND_EVERY_S = 5.0  # who is silent, who has come, who is gone
ROLL_SOON_S = 0.5  # after a device came that may be meant
ROLL_ROUNDS = 6  # where nobody joins, the roll is called once in so many rounds
LONGEST_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Around:
    """What there is around a driver, which lives no longer than the session."""

    clock: IReactorTime
    session: Session
    is_online: Callable[[str], bool]
    moved: Callable[[Known], None]
    ended: Callable[["Driver"], None]


class Driver:
    """``start`` once, ``stop`` once; ``ended`` is told when there is no more to do."""

    def __init__(self, deployment: str, keeper: Keeper, around: Around) -> None:
        self.deployment = deployment
        self._keeper = keeper
        self._around = around
        self._clock = around.clock
        self._drive: _Drive | None = None
        self._stopped = False

    @property
    def state(self) -> Deployment | None:
        """The state as it is known here."""
        return self._drive.known.state if self._drive else None

    def start(self) -> None:
        """Take the deployment over."""
        spawn(self._begin(), "driving {deployment}", deployment=self.deployment)

    def stop(self) -> None:
        """Drive no further; what is under way is not heard any more."""
        self._stopped = True
        if self._drive is not None:
            self._drive.stop()

    def look(self, revision: int) -> None:
        """The database has this revision."""
        if self._drive is not None:
            self._drive.look(revision)

    def heard(self, device: str, report: DeviceDeployment) -> None:
        """A device reported."""
        if self._drive is not None:
            self._drive.heard(device, report)

    def returned(self, device: str) -> None:
        """A device is online."""
        if self._drive is not None:
            self._drive.returned(device)

    async def _begin(self) -> None:
        try:
            taken = await self._keeper.take()
        except StorageUnavailable:
            return  # the door has logged it
        else:
            if taken is not None and not self._stopped:
                self._take_over(taken)
        finally:
            if self._drive is None:  # whoever looks for drivers tries again
                self._end()

    def _take_over(self, taken: Taken) -> None:
        log.info(
            "driving {deployment} of {flow}",
            deployment=self.deployment,
            flow=taken.flow,
        )
        self._drive = _Drive(taken, self._keeper, self._around, self._end)
        self._drive.start()

    def _end(self) -> None:
        self.stop()
        self._around.ended(self)


class _Drive:
    """A deployment that was taken over."""

    def __init__(
        self,
        taken: Taken,
        keeper: Keeper,
        around: Around,
        end: Callable[[], None],
    ) -> None:
        self.known = taken.known
        self._taken = taken
        self._keeper = keeper
        self._around = around
        self._clock = around.clock
        self._end = end
        self._orders = Orders(taken)
        self._sending = Sending(around.session, self._orders, self._answered)
        self._watching = Watching(
            around.clock,
            around.session,
            check=taken.plan.config.check,
            start_run=taken.plan.start_run,
            ask=self._ask,
            verdict=self._hand,
            moved=self._arm,
        )
        self._queue: list[Input] = []
        self._under_way: dict[str, Effect] = {}
        self._heard_at_s: dict[str, float] = {}  # of those who have an order
        self._due_ms: int | None = None
        self._stale = False  # the database has a newer state
        self._turning = False
        self._stopped = False
        self._rest_until_s = 0.0
        self._rounds = 0
        self._round_at_s = around.clock.seconds() + ROUND_EVERY_S
        self._next: IDelayedCall | None = None

    def stop(self) -> None:
        """Hear and do nothing more."""
        self._stopped = True
        self._sending.stop()
        if self._next is not None and self._next.active():
            self._next.cancel()

    # --- what is told from outside ---

    def look(self, revision: int) -> None:
        """The database has this revision."""
        if revision > self.known.revision:
            self._stale = True
            self._arm()

    def start(self) -> None:
        """Begin all that is outstanding; how far devices came meanwhile is asked."""
        self._perform(anew=True)
        for device, target in self.known.state.targets.items():
            resting = target.phase in {Phase.RESTING, Phase.DORMANT}
            if resting and self._around.is_online(device):
                self._hand(Returned(self._now_ms(), device))
        self._reckon()
        self._arm()

    def heard(self, device: str, report: DeviceDeployment) -> None:
        """A device reported."""
        target = self.known.state.targets.get(device)
        if target is None or self._stopped:
            return
        self._heard_at_s[device] = self._clock.seconds()
        order = target.order
        if order is Order.REVERT and target.phase is not Phase.TAKEN:
            order = None  # it tells of what was before
        given = told(device, report, order, self._now_ms())
        if given is not None:
            self._hand(given)

    def returned(self, device: str) -> None:
        """A device is online."""
        target = self.known.state.targets.get(device)
        if target is None:
            if self._is_dynamic:
                soon_s = self._clock.seconds() + ROLL_SOON_S
                self._round_at_s = min(self._round_at_s, soon_s)
                self._arm()
            return
        if target.phase in {Phase.RESTING, Phase.DORMANT}:
            self._hand(Returned(self._now_ms(), device))
        elif target.phase is Phase.TAKEN:
            self._ask(Await(device))

    # --- turns ---

    def _hand(self, given: Input) -> None:
        if not self._stopped:
            self._queue.append(given)
            self._arm()

    def _arm(self) -> None:
        """Set the one timer to what comes first."""
        if self._stopped or self._turning:
            return
        now_s = self._clock.seconds()
        at_s = min(now_s + LONGEST_S, self._round_at_s)
        if self._queue or self._stale:
            at_s = self._rest_until_s
        elif self._due_ms is not None:
            at_s = min(at_s, max(self._due_ms / 1000, self._rest_until_s))
        watch_ms = self._watching.due_at_ms()
        if watch_ms is not None:
            at_s = min(at_s, watch_ms / 1000)
        at_s = max(at_s, now_s)
        if self._next is not None and self._next.active():
            if self._next.getTime() <= at_s:
                return
            self._next.cancel()
        self._next = self._clock.callLater(at_s - now_s, self._wake)

    def _wake(self) -> None:
        now_s, now_ms = self._clock.seconds(), self._now_ms()
        self._watching.look(now_ms)
        if now_s >= self._round_at_s:
            self._round_at_s = now_s + ROUND_EVERY_S
            self._rounds += 1
            self._ask_the_silent()
            if self._rounds % (1 if self._is_dynamic else ROLL_ROUNDS) == 0:
                spawn(self._call_the_roll(), "calling the roll")
        is_due = self._due_ms is not None and self._due_ms <= now_ms
        if is_due or self._queue or self._stale:
            self._turning = True
            spawn(self._turn(), "driving {deployment}", deployment=self.known.state.id)
        else:
            self._arm()

    async def _turn(self) -> None:
        began_s = self._clock.seconds()
        self._rest_until_s = began_s + RETRY_S  # but for a turn that goes well
        try:
            await self._step()
        except DriverReplaced:
            log.info("another drives {deployment}", deployment=self.known.state.id)
            self._end()
        except StorageUnavailable:
            pass  # the door has logged it
        else:
            now_s = self._clock.seconds()
            rest_s = min(max(LEAST_REST_S, now_s - began_s), MOST_REST_S)
            self._rest_until_s = now_s + rest_s
        finally:
            self._turning = False
            self._arm()

    async def _step(self) -> None:
        now_ms = self._now_ms()
        inputs, self._queue = self._queue, []
        if self._due_ms is not None and self._due_ms <= now_ms:
            inputs.append(Tick(now_ms))
        moved: Moved | None = None
        try:
            moved = await self._keeper.move(inputs, now_ms, self.known)
        finally:
            if moved is None:  # nothing was stored: once more
                self._queue = inputs + self._queue
        if self._stopped:
            return
        self._stale = False
        if moved.revision != self.known.revision:
            self.known = Known(moved.revision, moved.state)
            self._around.moved(self.known)
        self._perform()
        self._reckon()
        idle = self._due_ms is None and not self._under_way
        if idle and not is_awake(self.known.state, now_ms):
            self._end()

    def _reckon(self) -> None:
        """When the machine is to be given a tick."""
        self._due_ms = due_at_ms(self.known.state, self._now_ms())

    # --- what is to be done ---

    def _perform(self, *, anew: bool = False) -> None:
        """Begin what is outstanding and not under way; let go of what is no longer."""
        owed = {x.device: x for x in outstanding(self.known.state, self._now_ms())}
        for device in [x for x, done in self._under_way.items() if owed.get(x) != done]:
            del self._under_way[device]
            self._sending.drop(device)
            self._watching.forget(device)
        for device, effect in owed.items():
            if device not in self._under_way:
                self._under_way[device] = effect
                self._do(effect, anew=anew)
        self._sending.pump()

    def _do(self, effect: Effect, *, anew: bool) -> None:
        match effect:
            case Await():
                self._heard_at_s[effect.device] = self._clock.seconds()
                if anew:
                    self._sending.ask(effect)
            case Watch():
                since_ms = effect.until_ms - self.known.state.spec.watch_ms
                watched = Watched(effect.device, since_ms, effect.until_ms)
                self._watching.watch(watched)
            case _:
                self._sending.ask(effect)

    def _ask(self, asked: Await) -> None:
        self._sending.ask(asked)
        self._sending.pump()

    def _answered(self, asked: Asked, answer: Answer) -> None:
        now_ms = self._now_ms()
        if isinstance(asked, Await):
            self._told_on_asking(asked.device, answer, now_ms)
        elif isinstance(answer, DeviceDeployment):
            self._heard_at_s[asked.device] = self._clock.seconds()
            for given in answered(asked.device, answer, ORDERS[type(asked)], now_ms):
                self._hand(given)
        elif not isinstance(answer, ConnectionLost):  # ours, and so our end
            given_up = refused(asked.device, ORDERS[type(asked)], answer, now_ms)
            if given_up is not None:
                self._hand(given_up)

    def _told_on_asking(self, device: str, answer: Answer, now_ms: int) -> None:
        if self._watching.heard(device, answer, now_ms):
            return
        if isinstance(answer, DeviceDeployment):
            self.heard(device, answer)
        elif isinstance(answer, DeploymentUnknown):
            order = self._order_of(device)
            if (given := unknown(device, order, now_ms)) is not None:
                self._hand(given)

    def _order_of(self, device: str) -> Order | None:
        target = self.known.state.targets.get(device)
        taken = target is not None and target.phase is Phase.TAKEN
        return target.order if target is not None and taken else None

    # --- rounds ---

    @property
    def _is_dynamic(self) -> bool:
        state = self.known.state
        return state.spec.dynamic and state.ended_at_ms is None

    def _ask_the_silent(self) -> None:
        now_s = self._clock.seconds()
        for device, effect in self._under_way.items():
            silent = now_s - self._heard_at_s.get(device, 0.0) > SILENT_S
            if isinstance(effect, Await) and silent and self._around.is_online(device):
                self._heard_at_s[device] = now_s
                self._sending.ask(effect)
        self._sending.pump()

    async def _call_the_roll(self) -> None:
        """Who has come, and who is gone for ever."""
        try:
            roll = await self._keeper.call_the_roll(
                self._taken, self.known.state, self._now_ms()
            )
        except (DriverReplaced, FleetError):
            return  # the next turn finds out, or the next round
        if roll.overrides is not None:
            self._taken = self._taken._replace(overrides=roll.overrides)
            self._orders.overrides = roll.overrides
        for given in roll.inputs:
            self._hand(given)

    def _now_ms(self) -> int:
        return int(self._clock.seconds() * 1000)
