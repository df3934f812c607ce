"""Generated schedules: a fleet with its moods, people, and drivers that die.

A plan is drawn at random; then a simulated driver serves a simulated fleet, by the
machine alone, until nothing more happens. Every step is checked (``guarantees``), and
at the end what the devices really run is compared with what is told of them.
"""

import enum
from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from heddle.rollout.effects import (
    Await,
    Deploy,
    Effect,
    Revert,
    Settle,
    Switch,
    Watch,
)
from heddle.rollout.inputs import (
    Activated,
    Appeared,
    Approve,
    Cancel,
    Delivered,
    Failed,
    Gone,
    Healthy,
    Input,
    Pause,
    Prepared,
    Resume,
    Returned,
    Reverted,
    RevertFailed,
    RollBack,
    Start,
    Tick,
    Undelivered,
)
from heddle.rollout.machine import begin, due_at_ms, outstanding, step, step_all
from heddle.rollout.spec import Spec, Strategy
from heddle.rollout.state import (
    ENDED,
    TERMINAL,
    Deployment,
    Order,
    Phase,
    Status,
    Target,
    TargetStatus,
)
from heddle.rollout.windows import DAY_MS, Window, Windows, after_ms
from tests.unit.rollout.guarantees import Broken, check, decode, encode

SECOND_MS = 1_000
START_MS = 20_000 * DAY_MS  # in 2024
MOST_STEPS = 20_000
AGAIN = 0.2  # of the schedules are stepped again, in batches
POLL_MS = 20 * SECOND_MS


class Mood(enum.StrEnum):
    """What a device is like."""

    GOOD = "good"
    MUTE = "mute"  # never answers
    OFFLINE = "offline"  # until it returns
    FLAPPING = "flapping"  # answers get lost, reports too, or come twice
    SLOW = "slow"  # beyond any timeout
    BAD = "bad"  # the release fails on it
    SICK = "sick"  # fails while it is watched
    LATE_SICK = "late_sick"  # fails some time after it succeeded
    STUCK = "stuck"  # fails, and cannot go back


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a schedule goes by."""

    spec: Spec
    moods: tuple[Mood, ...]
    commands: tuple[Input, ...]
    dies: float  # how likely the driver dies at each turn
    batch: bool  # whether inputs of one moment are stepped together
    seed: int


def plan(random: Random, most: int = 12) -> Plan:
    """Draw one."""
    moods = list(Mood)
    if random.random() < 0.3:  # the field's usual fleet
        moods = [Mood.GOOD] * 12 + [Mood.FLAPPING, Mood.MUTE, Mood.OFFLINE, Mood.BAD]
    size = min(random.randint(1, most), random.randint(1, most))
    chosen = random.choices(moods, k=size)
    return Plan(
        spec=_spec(random),
        moods=tuple(chosen),
        commands=_commands(random, size),
        dies=random.choice((0.0, 0.0, 0.05, 0.3)),
        batch=random.random() < 0.5,
        seed=random.getrandbits(32),
    )


def _spec(random: Random) -> Spec:
    def seconds(*choices: int) -> int:
        return random.choice(choices) * SECOND_MS

    timeout_ms = seconds(60, 90, 180)
    return Spec(
        strategy=random.choice(list(Strategy)),
        timeout_ms=timeout_ms,
        batch_size=random.randint(1, 5),
        delay_ms=seconds(0, 5, 40),
        canary_percent=random.choice((1.0, 10.0, 34.0, 100.0)),
        failure_percent=random.choice((0.0, 20.0, 20.0, 50.0, 100.0)),
        switch_delay_ms=seconds(0, 1, 20),
        auto_rollback=random.random() < 0.8,
        health_check=random.random() < 0.8,
        watch_ms=seconds(1, 10),
        max_in_flight=random.choice((0, 0, 1, 3)),
        retries=random.choice((0, 1, 5)),
        revert_timeout_ms=seconds(20, 60),
        catch_up=random.random() < 0.4,
        dynamic=random.random() < 0.3,
        windows=_windows(random),
        start_at_ms=START_MS + seconds(0, 50) if random.random() < 0.3 else None,
        needs_approval=random.random() < 0.2,
    )


def _windows(random: Random) -> Windows:
    if random.random() < 0.7:
        return ()
    if random.random() < 0.7:
        return (Window(0, 1), Window(2, 2 + random.randint(1, 3)), Window(10, 12))
    return (Window(2, 4, (0, 3)),)


def _commands(random: Random, size: int) -> tuple[Input, ...]:
    begins_ms = START_MS + random.choice((0, 0, 9_000, 50_000))
    found: list[Input] = [Start(begins_ms, "ada")]
    found.append(Approve(START_MS + 100, "bob"))
    for _ in range(random.choice((0, 0, 1, 2, 4))):
        at_ms = START_MS + random.randint(0, 400) * SECOND_MS
        device = f"d{random.randrange(size)}"
        found.append(
            random.choice(
                (
                    Pause(at_ms, "ada"),
                    Pause(at_ms, "ada"),
                    Resume(at_ms, "ada"),
                    Cancel(at_ms, "ada"),
                    RollBack(at_ms, "ada"),
                    Gone(at_ms, device),
                    Appeared(at_ms, f"new{random.randrange(3)}"),
                    Returned(at_ms, device),
                )
            )
        )
    return tuple(sorted(found, key=lambda x: x.at_ms))


@dataclass(slots=True)
class Device:
    """What a device really does; it does nothing twice for one deployment."""

    mood: Mood
    stage: str = "untold"  # installing, ready, active, failed, reverted
    stages: list[str] = field(default_factory=list)
    returns_ms: int = 0
    times_activated: int = 0

    def come(self, stage: str) -> None:
        if stage == "active":
            self.times_activated += 1
        self.stage = stage
        self.stages.append(stage)


@dataclass(slots=True)
class Told:
    """What came of a schedule."""

    status: Status
    inputs: int
    steps: int
    deaths: int
    targets: Counter[TargetStatus]


class Schedule:
    """One plan being played."""

    def __init__(self, played: Plan) -> None:
        self.plan = played
        self.spec = played.spec
        self.random = Random(played.seed)  # noqa: S311
        names = [f"d{n}" for n in range(len(played.moods))]
        self.devices = {
            name: Device(
                mood, returns_ms=START_MS + self.random.randint(1, 400) * 1_000
            )
            for name, mood in zip(names, played.moods, strict=True)
        }
        self.state = begin(self.spec, names, START_MS, id="dep", by="ada")
        self.now = START_MS
        self.events: list[tuple[int, int, Input | Effect]] = []
        self.first, self.history = self.state, list[Input]()
        self.number = self.inputs = self.steps = self.deaths = 0
        self.under_way: set[Effect] = set()
        self.busy: set[str] = set()  # a call to it is under way
        self.opened: dict[int, int] = {}  # when each wave opened
        self.stood_ms = 0  # paused, altogether
        self.deployed: set[str] = set()
        self.at_the_end = False
        for command in played.commands:
            self.later(command.at_ms, command)

    def later(self, at_ms: int, what: Input | Effect) -> None:
        self.number += 1
        heappush(self.events, (at_ms, self.number, what))

    def play(self) -> Told:
        """To the end, when nothing more happens."""
        while self._turn():
            if self.steps > MOST_STEPS:
                raise Broken("1 it comes to an end")
        self._check_end()
        if self.random.random() < AGAIN:
            self._check_again()
        counted = Counter(x.status for x in self.state.targets.values())
        return Told(self.state.status, self.inputs, self.steps, self.deaths, counted)

    def _turn(self) -> bool:
        owed = outstanding(self.state, self.now)
        self.under_way &= set(owed)
        for effect in owed:
            if effect not in self.under_way:
                self._perform(effect)
        due = due_at_ms(self.state, self.now)
        next_ms = self.events[0][0] if self.events else None
        if due is None and next_ms is None:
            return self._nudge()
        self.now = max(self.now, min(x for x in (due, next_ms) if x is not None))
        given: list[Input] = [Tick(self.now)] if due == self.now else []
        while self.events and self.events[0][0] <= self.now:
            given += self._happened(heappop(self.events)[2])
        self._step(given)
        self._die_perhaps()
        return True

    def _nudge(self) -> bool:
        """Nothing happens by itself any more: people and devices come back."""
        state = self.state
        if state.status is Status.PAUSED:
            self.later(self.now + 1_000, Resume(self.now + 1_000, "bob"))
        elif state.status is Status.PENDING:
            self.later(self.now + 1_000, Cancel(self.now + 1_000, "bob"))
        elif not self.at_the_end:
            self.at_the_end = True
            for name, device in self.devices.items():
                if device.mood in {Mood.MUTE, Mood.OFFLINE, Mood.FLAPPING}:
                    device.mood = Mood.GOOD
                self.later(self.now + 1_000, Returned(self.now + 1_000, name))
        else:
            return False
        return True

    def _die_perhaps(self) -> None:
        """The driver dies; what was under way is lost or answered to nobody."""
        if self.random.random() >= self.plan.dies:
            return
        self.deaths += 1
        self.state = decode(encode(self.state))
        self.under_way.clear()
        self.busy.clear()
        kept = [x for x in self.events if not isinstance(x[2], Delivered | Undelivered)]
        self.events = sorted(kept)

    # --- the machine ---

    def _step(self, given: list[Input]) -> None:
        self.inputs += len(given)
        self.history += given
        before = self.state
        if self.plan.batch and len(given) > 1:
            self.steps += 1
            taken = step_all(before, given)
            singly = before
            for one in given:
                singly = self._checked(singly, one)
            if singly != taken.state:
                raise Broken("many inputs are as one after the other")
            self.state = taken.state
            return
        for one in given:
            self.steps += 1
            self.state = self._checked(self.state, one)

    def _checked(self, before: Deployment, given: Input) -> Deployment:
        taken = step(before, given)
        check(before, given, taken)
        after = taken.state
        for wave in range(before.wave + 1, after.wave + 1):
            self.opened[wave] = given.at_ms
        if before.paused_at_ms is not None and after.paused_at_ms is None:
            self.stood_ms += given.at_ms - before.paused_at_ms
        self._check_patience(before, after, given.at_ms)
        return after

    def _check_patience(
        self, before: Deployment, after: Deployment, at_ms: int
    ) -> None:
        """Guarantee 1: within its timeout, counted from the start of its wave."""
        if after.status is not Status.RUNNING or before is after:
            return
        for target in after.targets.values():
            opened_ms = self.opened.get(target.wave)
            if target.status in ENDED or opened_ms is None:
                continue
            patience_ms = self.spec.timeout_ms + self.stood_ms
            if at_ms >= after_ms(self.spec.windows, opened_ms, patience_ms):
                raise Broken("1 every target ends within its timeout")

    def _check_again(self) -> None:
        """The same inputs, but for some ticks, one by one and many together."""
        given = [
            x
            for x in self.history
            if not isinstance(x, Tick) or self.random.random() < 0.5
        ]
        singly = together = self.first
        for one in given:
            singly = step(singly, one).state
        while given:
            size = self.random.randint(1, 40)
            together = step_all(together, given[:size]).state
            given = given[size:]
        if singly != together:
            raise Broken("many inputs are as one after the other")

    # --- the driver ---

    def _perform(self, effect: Effect) -> None:
        name = effect.device
        if isinstance(effect, Deploy | Switch | Revert | Settle):
            if name in self.busy:
                return  # one call to a device at a time
            self.busy.add(name)
            self.under_way.add(effect)
            self._call(effect)
        elif isinstance(effect, Watch):
            self.under_way.add(effect)
            self.later(max(effect.until_ms, self.now + 1), effect)
        elif isinstance(effect, Await):
            self.under_way.add(effect)
            self.later(self.now + POLL_MS, effect)

    def _device(self, name: str) -> Device:
        return self.devices.setdefault(name, Device(Mood.GOOD))

    def _reachable(self, device: Device) -> bool:
        match device.mood:
            case Mood.MUTE:
                return False
            case Mood.OFFLINE:
                return self.now >= device.returns_ms
            case Mood.FLAPPING:
                return self.random.random() < 0.5
            case _:
                return True

    def _call(self, effect: Deploy | Switch | Revert | Settle) -> None:
        name, device = effect.device, self._device(effect.device)
        order = {
            Deploy: Order.DEPLOY,
            Switch: Order.SWITCH,
            Revert: Order.REVERT,
            Settle: Order.SETTLE,
        }[type(effect)]
        if order is Order.DEPLOY:
            self.deployed.add(name)
        answered = self._reachable(device)
        # a device that flaps may have heard what it does not answer
        if answered or (device.mood is Mood.FLAPPING and self.random.random() < 0.5):
            self._obey(name, device, order)
        if answered:
            at_ms = self.now + self.random.randint(1, 900)
            self.later(at_ms, Delivered(at_ms, name, order))
        else:
            at_ms = self.now + self.random.choice((1, 5_000))
            self.later(at_ms, Undelivered(at_ms, name, order, "no answer"))

    def _obey(self, name: str, device: Device, order: Order) -> None:
        at_ms = self.now + self.random.randint(1_000, 9_000)
        if device.mood is Mood.SLOW:
            at_ms += 200 * SECOND_MS
        if order is Order.DEPLOY and device.stage == "untold":
            device.come("installing")
            self.later(at_ms, self._outcome(name, device, at_ms))
        elif order is Order.SWITCH and device.stage == "ready":
            self.later(at_ms, Activated(at_ms, name))
        elif order is Order.REVERT and device.stage != "reverted":
            if device.mood is Mood.STUCK:
                self.later(at_ms, RevertFailed(at_ms, name, "disk full"))
            else:
                device.come("reverted")  # and refuses the release from now on
                self.later(at_ms, Reverted(at_ms, name))

    def _outcome(self, name: str, device: Device, at_ms: int) -> Input:
        """What becomes of the release on a device."""
        if device.mood in {Mood.BAD, Mood.STUCK}:
            return Failed(at_ms, name, "engine exited")
        if self.spec.strategy is Strategy.BLUE_GREEN:
            return Prepared(at_ms, name)
        return Activated(at_ms, name)

    # --- the fleet ---

    def _happened(self, what: Input | Effect) -> list[Input]:
        """The inputs an event leads to."""
        match what:
            case Await() | Watch():
                self.under_way.discard(what)
                return self._looked_at(what, self._device(what.device))
            case Delivered(device=name) | Undelivered(device=name):
                self.busy.discard(name)
                return [what]
            case Prepared() | Activated() | Failed():
                return self._came(what, self._device(what.device))
            case Reverted():
                return self._heard(what, self._device(what.device))
            case Deploy() | Switch() | Revert() | Settle():
                return []
        return [what]

    def _came(self, what: Prepared | Activated | Failed, device: Device) -> list[Input]:
        """A device gets further, unless it was told to go back meanwhile."""
        if device.stage == "reverted":
            return []
        match what:
            case Prepared():
                device.come("ready")
            case Activated():
                if device.stage not in {"active", "failed"}:
                    device.come("active")
                if device.mood is Mood.LATE_SICK:
                    at_ms = self.now + self.random.randint(5, 100) * SECOND_MS
                    self.later(at_ms, Failed(at_ms, what.device, "engine exited later"))
            case Failed():
                device.come("failed")
        return self._heard(what, device)

    def _heard(self, what: Input, device: Device) -> list[Input]:
        """Reports of devices that flap are lost, or come twice."""
        if device.mood is Mood.FLAPPING:
            return [what] * self.random.choice((0, 1, 2))
        return [what]

    def _looked_at(self, what: Await | Watch, device: Device) -> list[Input]:
        name, now = what.device, self.now
        if isinstance(what, Watch):
            if device.mood is not Mood.SICK or device.stage != "active":
                return [Healthy(now, name)]
            device.come("failed")
            return [Failed(now, name, "its check does not hold")]
        known = {
            "reverted": Reverted(now, name),
            "ready": Prepared(now, name),
            "active": Activated(now, name),
            "failed": Failed(now, name, "engine exited"),
        }
        if device.stage in known and self._reachable(device):
            return [known[device.stage]]
        return []

    # --- the end ---

    def _check_end(self) -> None:
        state = self.state
        if state.status not in TERMINAL:
            raise Broken(f"1 every deployment ends: {state.status}")
        for name, target in state.targets.items():
            device = self._device(name)
            if name not in self.deployed and "installing" in device.stages:
                raise Broken("2 nobody is told what is not in the state")
            if device.times_activated > 1:
                raise Broken("2 no device gets a release twice")
            if name in self.deployed and target.wave > state.wave:
                raise Broken("3 no wave is exposed before its turn")
            if not target.gone and device.mood is not Mood.STUCK:
                self._check_device(target, device)

    def _check_device(self, target: Target, device: Device) -> None:
        """What a device runs is what is told of it."""
        new = device.stage in {"installing", "ready", "active", "failed"}
        if self.state.status is Status.ROLLED_BACK and new:
            raise Broken(f"6 a rollback leaves all on the former: {device.stages}")
        if target.reverted and new:
            raise Broken("6 who was put back runs the former release")
        kept = target.status is TargetStatus.SUCCESS or target.caught_up
        runs = device.stage == "active" or device.mood is Mood.LATE_SICK
        if kept and not target.reverted and not runs:
            raise Broken(f"who succeeded runs the release: {device.stages}")
        if target.phase is not Phase.IDLE and device.mood is not Mood.SLOW:
            raise Broken(f"nothing is owed to who is there: {target}")


def play(played: Plan) -> Told:
    """Play a plan; raises ``Broken``."""
    return Schedule(played).play()
