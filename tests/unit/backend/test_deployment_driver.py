"""The driver: what is outstanding is done once, what comes back is stepped."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from heddle.contract.declare import StorageUnavailable
from heddle.contract.deployments import StrategyConfig, StrategyKind
from heddle.contract.device_deployments import (
    ActiveRuns,
    DeploymentUnknown,
    DeviceDeployment,
    DeviceStage,
)
from heddle.contract.fleet import Targets
from heddle.contract.flows import SignedRelease
from heddle.rollout.inputs import Input, Pause, Resume, Start
from heddle.rollout.machine import begin, step, step_all
from heddle.rollout.spec import read
from heddle.rollout.state import Deployment
from heddle.wamp.session import NotServed
from services.backend.deployments.driver import SILENT_S, Around, Driver
from services.backend.deployments.keeping import Roll, Taken
from services.backend.deployments.overrides import Overrides
from services.backend.deployments.plan import Plan
from services.backend.deployments.sending import AT_A_TIME
from services.backend.deployments.standing import DriverReplaced, Known, Moved


class Kept:
    """A database that keeps one deployment."""

    def __init__(self, state: Deployment) -> None:
        self.known = Known(1, state)
        self.flaw: Exception | None = None
        self.turns = 0

    def take(self) -> Deferred[Taken | None]:
        plan = Plan(
            strategy=StrategyKind.ALL_AT_ONCE,
            config=StrategyConfig(),
            targets=Targets(all=True),
            active_runs=ActiveRuns.FINISH,
        )
        release = SignedRelease(document=b"", content_hash="", signature="", key="")
        return succeed(Taken("brew", 1, plan, Overrides(), release, self.known))

    def move(
        self, inputs: Iterable[Input], _at_ms: int, _known: Known
    ) -> Deferred[Moved]:
        if self.flaw is not None:
            return fail(self.flaw)
        self.turns += 1
        after = step_all(self.known.state, inputs).state
        changed = after != self.known.state
        self.known = Known(self.known.revision + changed, after)
        return succeed(Moved(*self.known, changed))

    def call_the_roll(self, *_: Any) -> Deferred[Roll]:
        return succeed(Roll((), None))


class Devices:
    """In a session's place: what is asked waits until a test answers it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self._waiting: dict[tuple[str, str], Deferred[DeviceDeployment]] = {}

    def call(
        self, procedure: Any, _request: Any, *, timeout_s: float, device: str
    ) -> Deferred[DeviceDeployment]:
        what = (procedure.uri.rsplit(".", 1)[1], device)
        self.asked.append(what)
        answer = self._waiting[what] = Deferred()
        return answer

    def answer(self, what: str, device: str, answer: DeviceStage | Exception) -> None:
        waiting = self._waiting.pop((what, device))
        if isinstance(answer, Exception):
            waiting.errback(answer)
        else:
            waiting.callback(report(answer))


def report(stage: DeviceStage) -> DeviceDeployment:
    return DeviceDeployment(deployment="dep_1", flow="brew", version=1, stage=stage)


class Scene:
    def __init__(self, names: str = "ab", **settings: Any) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        spec = read("all_at_once", {"health_check": False, **settings})
        state = begin(spec, names, self.now_ms, id="dep_1")
        self.kept = Kept(step(state, Start(self.now_ms, "admin")).state)
        self.devices = Devices()
        self.ended = 0
        self.driver = self.drive()

    @property
    def now_ms(self) -> int:
        return int(self.clock.seconds() * 1000)

    def drive(self) -> Driver:
        self.devices = Devices()
        around = Around(
            clock=self.clock,
            session=self.devices,  # type: ignore[arg-type] -- all a driver uses of it
            is_online=lambda _: True,
            moved=lambda _: None,
            ended=self._ended,
        )
        driver = Driver("dep_1", self.kept, around)
        driver.start()
        return driver

    def _ended(self, _: Driver) -> None:
        self.ended += 1

    def wait(self, seconds: float = 1) -> None:
        self.clock.pump([seconds / 10] * 10)

    def statuses(self) -> str:
        return " ".join(x.status.value for x in self.kept.known.state.targets.values())


def asks(scene: Scene, look: Callable[[], None]) -> list[tuple[str, str]]:
    before = len(scene.devices.asked)
    look()
    scene.wait()
    return scene.devices.asked[before:]


def test_a_deployment_is_driven_to_its_end() -> None:
    scene = Scene()
    assert scene.devices.asked == [("deploy", "a"), ("deploy", "b")]
    scene.devices.answer("deploy", "a", DeviceStage.ACTIVE)
    scene.devices.answer("deploy", "b", DeviceStage.PREPARING)
    scene.driver.heard("b", report(DeviceStage.ACTIVE))
    scene.wait()
    assert scene.kept.known.state.status == "completed"
    assert scene.devices.asked[2:] == [("settle", "a"), ("settle", "b")]
    for device in "ab":
        scene.devices.answer("settle", device, DeviceStage.SETTLED)
    scene.wait()
    assert scene.ended == 1
    assert scene.clock.getDelayedCalls() == []


def test_what_comes_together_is_one_turn() -> None:
    scene = Scene("".join(chr(0x100 + n) for n in range(200)))
    for _, device in list(scene.devices.asked):
        scene.devices.answer("deploy", device, DeviceStage.PREPARING)
    scene.clock.advance(0.1)
    assert scene.kept.turns == 1
    assert scene.statuses() == " ".join(["deploying"] * 200)


def test_what_waits_for_room_is_not_sent_after_a_pause() -> None:
    names = "".join(chr(0x100 + n) for n in range(AT_A_TIME + 2))
    scene = Scene(names)
    assert len(scene.devices.asked) == AT_A_TIME
    known = scene.kept.known
    paused = step(known.state, Pause(scene.now_ms, "admin")).state
    scene.kept.known = Known(known.revision + 1, paused)
    scene.driver.look(known.revision + 1)
    scene.wait()
    for device in names[:5]:
        scene.devices.answer("deploy", device, DeviceStage.ACTIVE)
    scene.wait()
    assert len(scene.devices.asked) == AT_A_TIME
    known = scene.kept.known
    resumed = step(known.state, Resume(scene.now_ms, "admin")).state
    scene.kept.known = Known(known.revision + 1, resumed)
    scene.driver.look(known.revision + 1)
    scene.wait()
    assert ("deploy", names[-1]) in scene.devices.asked


def test_an_unanswered_order_is_sent_again_and_at_once_when_the_device_returns() -> (
    None
):
    scene = Scene("a", timeout="10m", backoff="60s")
    scene.devices.answer("deploy", "a", NotServed(""))
    assert asks(scene, lambda: None) == []
    assert asks(scene, lambda: scene.driver.returned("a")) == [("deploy", "a")]
    scene.devices.answer("deploy", "a", NotServed(""))
    scene.wait()
    assert asks(scene, lambda: scene.wait(100)) == [("deploy", "a")]


def test_a_new_driver_asks_again_and_the_old_one_is_not_heard() -> None:
    scene = Scene()
    scene.devices.answer("deploy", "a", DeviceStage.PREPARING)
    scene.wait()
    old, former = scene.devices, scene.driver
    former.stop()
    scene.driver = scene.drive()
    assert scene.devices.asked == [("status", "a"), ("deploy", "b")]
    old.answer("deploy", "b", DeviceStage.FAILED)
    former.heard("a", report(DeviceStage.FAILED))
    scene.devices.answer("status", "a", DeviceStage.ACTIVE)
    scene.wait()
    assert scene.statuses() == "success deploying"


def test_who_is_silent_is_asked_and_may_have_forgotten() -> None:
    scene = Scene("a")
    scene.devices.answer("deploy", "a", DeviceStage.PREPARING)
    scene.wait()
    assert asks(scene, lambda: scene.wait(SILENT_S + 6)) == [("status", "a")]
    scene.devices.answer("status", "a", DeploymentUnknown("?"))
    scene.wait()
    assert scene.kept.known.state.targets["a"].detail == (
        "it has forgotten the deployment"
    )


def test_nothing_is_lost_while_the_database_does_not_answer() -> None:
    scene = Scene("a")
    scene.kept.flaw = StorageUnavailable("busy")
    scene.devices.answer("deploy", "a", DeviceStage.ACTIVE)
    scene.wait(5)
    assert scene.statuses() == "deploying"
    scene.kept.flaw = None
    scene.wait(5)
    assert scene.statuses() == "success"


def test_a_driver_that_was_replaced_ends() -> None:
    scene = Scene("a")
    scene.kept.flaw = DriverReplaced()
    scene.devices.answer("deploy", "a", DeviceStage.ACTIVE)
    scene.wait()
    assert (scene.ended, scene.statuses()) == (1, "deploying")
    assert scene.clock.getDelayedCalls() == []


def test_a_mute_device_times_out_by_the_drivers_clock() -> None:
    scene = Scene("ab", timeout="60s", failure_threshold=100)
    scene.devices.answer("deploy", "a", DeviceStage.ACTIVE)
    scene.wait(70)
    assert scene.statuses() == "success timed_out"
    assert scene.kept.known.state.status in {"completed", "failed"}
