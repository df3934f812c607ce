"""A device takes up releases in virtual time, and is killed at every write it makes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.deployments.deployments import Deployments
from edge_agent.deployments.record import REMEMBERED
from edge_agent.deployments.store import Store
from edge_agent.flow import Flow
from edge_agent.flows import Flows
from edge_agent.reconcile.engines import Engines
from edge_agent.reconcile.room import Disks
from edge_agent.releases import Releases
from edge_agent.runs import Runs
from edge_agent.runtime.inproc import InProcess
from edge_agent.runtime.runtime import Condition, Configuration, EngineFailed
from edge_agent.shelf import Shelf, Wanted
from edge_agent.tags import TagTable
from heddle.contract.declare import Role
from heddle.contract.device_deployments import (
    ActiveRuns,
    DeploymentSuperseded,
    DeploymentUnknown,
    DeployRelease,
    DeviceDeployment,
    DeviceDeploymentRef,
    DeviceStage,
    VariableInvalid,
)
from heddle.contract.flows import (
    FlowInvalid,
    FlowState,
    InstallFlow,
    ReleaseRefused,
    SignedRelease,
)
from heddle.contract.runs import (
    ApproveRun,
    EngineUnavailable,
    RunQuery,
    RunReport,
    RunStatus,
    StartRun,
    StorageFull,
)
from heddle.files import write_over
from heddle.releases import make_release
from heddle.wamp.keys import public_hex
from heddle.wamp.session import Caller
from tests.support.engine import dispatcher, listener, phase, timer, workflow

KEY = SigningKey(b"heddle release key of the tests!")
BY = Caller(0, "backend", Role.BACKEND, "1")
PREPARING, READY, ACTIVE = DeviceStage.PREPARING, DeviceStage.READY, DeviceStage.ACTIVE
FAILED, REVERTED = DeviceStage.FAILED, DeviceStage.REVERTED
SETTLED = DeviceStage.SETTLED
FINISH, STOP, HAND_OVER = ActiveRuns.FINISH, ActiveRuns.STOP, ActiveRuns.HAND_OVER


def brew(*more: Any, of: str = "fill", links: str = "ok>end") -> dict[str, Any]:
    """A phase that is left with an approval."""
    return workflow(
        *(phase(of), listener("ok", "APPROVAL", of), dispatcher("end"), *more),
        links=f"start>{of} {links}",
    )


LONGER = brew(phase("more"), timer("t", "more", 60_000), links="ok>more t>end")


def release(version: int, definition: Any = None, **engine: Any) -> SignedRelease:
    return make_release(
        engine.pop("key", KEY),
        project="plant",
        flow="brew",
        version=version,
        definition=definition or brew(),
        engine_image=engine.pop("image", ""),
        engine_memory_mb=engine.pop("memory_mb", None),
        published_by="ada",
        published_at_ms=version,
    )


class Killed(Exception):
    """The process is gone."""


class NoOutbox:
    """The outbox, as far as flows mind."""

    async def forget_run(self, run: str) -> None:
        pass


class Hands:
    """The duties of an agent that keeps everything and carries out nothing."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, int], str] = {}

    async def keep(self, told: Any, alerts: Any) -> None:
        for event in told.events:
            known = self.events.setdefault((told.run, event.number), event.id)
            assert known == event.id

    async def execute(self, wanted: Any) -> str | None:
        return None


class Fragile(InProcess):
    """Engines of a release that fail, and images that cannot be had."""

    def __init__(self, reactor: Any, bad: set[str]) -> None:
        super().__init__(reactor)
        self.bad = bad

    async def images(self, names: Any) -> frozenset[str]:
        return frozenset(name for name in names if name != "none")

    async def fetch(self, image: str) -> None:
        raise EngineFailed(f"Docker has no image {image!r}")

    async def run(self, order: Any) -> None:
        if order.release.split("-")[0] in self.bad:
            raise EngineFailed("exit code 1: the rotor fell off")
        await super().run(order)


class Device:
    """One device whose process may end at any write; the next one begins by itself."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.hands = Hands()
        self.bad: set[str] = set()
        self.told: list[DeviceDeployment] = []
        self.refused: list[str] = []
        self.free_mb = 10_000
        self.writes = 0
        self.die_at: int | None = None
        self.lives = 0
        self.order: Callable[[], Any] = lambda: None
        for module in ("edge_agent.shelf", "edge_agent.deployments.store"):
            self._count_writes(monkeypatch, f"{module}.write_whole")
        self.begin()

    def _count_writes(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        def counted(path: Path, content: bytes, **how: Any) -> None:
            if self.dead:
                raise Killed
            self.writes += 1
            if self.writes * 2 - 1 == self.die_at:
                self.dead = True
                raise Killed
            write_over(path, content, **how)
            if self.writes * 2 == self.die_at:
                self.dead = True
                raise Killed

        monkeypatch.setattr(name, counted)

    dead = False

    def begin(self) -> None:
        """A new process over the same folder."""
        self.dead, self.lives = False, self.lives + 1
        clock = self.clock = Clock()
        self.runtime = Fragile(clock, self.bad)
        tags = TagTable(())
        self.releases = Releases(
            "plant",
            lambda: public_hex(KEY),
            Configuration(),
            tags,
            refused=lambda action, subject, why: self.refused.append(why),
        )
        shelf = Shelf(self.folder / "flows", prove=self.releases.prove)
        self.engines = Engines(
            clock,
            self.runtime,
            Disks(
                self.folder, warn_mb=500, least_mb=100, free_mb=lambda _: self.free_mb
            ),
            lay_out=self._lay_out,
            chance=lambda: 0.5,
        )

        def make(wanted: Wanted) -> Flow:
            return Flow(
                clock,
                wanted,
                shelf.directory(wanted.flow),
                now_s=clock.seconds,
                engines=self.engines,
                tags=tags,
                duties=self.hands,
                dial=self.runtime.connect,
            )

        self.shelf = shelf
        self.flows = Flows(
            clock,
            shelf,
            make=make,
            engines=self.engines,
            releases=self.releases,
            outbox=NoOutbox(),
        )
        self.runs = Runs(self.flows, NoOutbox(), clock.seconds)
        self.deployments = Deployments(
            "press",
            Store(self.folder / "deployments", self.releases.prove),
            self.releases,
            self.flows,
            self.engines,
            clock=clock,
            shelf=shelf,
            make=make,
            start_run=lambda request: self.runs.start(request, BY),
            within_s=30.0,
            tell=self.told.append,
            refused=lambda action, subject, why: self.refused.append(why),
        )
        self.deployments.load()
        starting = Deferred.fromCoroutine(self.flows.start())
        starting.addErrback(lambda failure: failure.trap(Killed))
        if not self.dead:
            self.deployments.start()

    def kill(self) -> None:
        """``kill -9``: whatever was not on the disk is gone."""
        self.dead = True
        for made in self.runtime._made.values():
            if made.engine is not None:
                made.engine._journal.close()
                made.engine._readings.close()
        self.clock = Clock()

    def stop(self) -> None:
        """End as an agent does."""
        self.done(self.deployments.stop())
        self.done(self.flows.stop())
        self.done(self.runtime.close(keep=False))

    def _lay_out(self, flow: str) -> None:
        tried = self.deployments.tried(flow)
        self.shelf.lay_out(tried or self.flows.get(flow).wanted)

    # --- time ---

    def done(self, work: Any) -> Any:
        """What comes of it. Raises what it raises."""
        found: list[Any] = []
        failed: list[BaseException] = []
        deferred = Deferred.fromCoroutine(work)
        deferred.addCallbacks(found.append, lambda f: failed.append(f.value))
        for _ in range(400):
            if found or failed or self.dead:
                break
            self.clock.advance(0.1)
        if self.dead:
            raise Killed
        if failed:
            raise failed[0]
        (result,) = found
        return result

    def until(self, deployment: str, *stages: DeviceStage) -> DeviceDeployment:
        """Let time pass until the device is there; whoever dies is followed."""
        last = None
        for _ in range(3000):
            if self.dead:
                self.kill()
                self.begin()
                self._again()
                continue
            last = self.answered(lambda: self.asked("status", deployment))
            if last.stage in stages and self.is_served():
                return last
            self.clock.advance(0.1)
        raise AssertionError(f"{last}, not {stages}")

    def is_served(self) -> bool:
        return all(flow.state is FlowState.READY for flow in self.flows)

    def _again(self) -> None:
        """The centre repeats an order that was not answered."""
        if not self.dead:
            try:
                self.order()
            except Killed:
                self.dead = True
            except EngineUnavailable:
                self.clock.advance(0.1)

    # --- the centre ---

    def ordered(self, order: Callable[[], Any]) -> Any:
        """An order, repeated until it is answered."""
        self.order = order
        return self.answered(order)

    def answered(self, question: Callable[[], Any]) -> Any:
        """The answer to a question, of whichever process gives it."""
        while True:
            if self.dead:
                self.kill()
                self.begin()
                self._again()
            try:
                return question()
            except Killed:
                self.dead = True
            except EngineUnavailable:
                self.clock.advance(0.1)

    def deploy(
        self, deployment: str, signed: SignedRelease, **how: Any
    ) -> DeviceDeployment:
        request = DeployRelease(deployment=deployment, release=signed, **how)
        return self.ordered(lambda: self.done(self.deployments.deploy(request, BY)))

    def asked(self, what: str, deployment: str) -> DeviceDeployment:
        ref = DeviceDeploymentRef(deployment=deployment, flow="brew")
        return self.done(getattr(self.deployments, what)(ref, BY))

    def tell(self, what: str, deployment: str) -> DeviceDeployment:
        """Order a switch, the way back, or that it is settled."""
        return self.ordered(lambda: self.asked(what, deployment))

    def start(self, run: str) -> None:
        request = StartRun(flow="brew", run=run)
        self.done(self.runs.start(request, BY))

    def all_runs(self) -> dict[str, RunReport]:
        def ask() -> Any:
            return self.done(self.runs.status(RunQuery(), BY)).runs

        return {report.run: report for report in self.answered(ask)}

    def until_runs(self, number: int) -> dict[str, RunReport]:
        """Let time pass until there are so many runs, and a little more."""
        for _ in range(300):
            if len(self.all_runs()) >= number:
                break
            self.clock.advance(0.1)
        self.pass_s(2)
        return self.all_runs()

    def pass_s(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    @property
    def version(self) -> int | None:
        wanted = self.flows.wanted("brew")
        return None if wanted is None else wanted.version


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Device]:
    made = Device(tmp_path, monkeypatch)
    yield made
    made.stop()


# --- killed at every write ---


def taken_up(device: Device) -> None:
    device.deploy("b", release(2, LONGER), start_run=True)
    told = device.until("b", ACTIVE)
    assert device.version == 2
    assert device.until_runs(1).keys() == {told.run}


def gone_back(device: Device) -> None:
    device.deploy("b", release(2, LONGER))
    device.until("b", ACTIVE)
    device.tell("revert", "b")
    device.until("b", REVERTED)
    assert device.version == 1


def failed(device: Device) -> None:
    device.bad.add("2")
    device.deploy("b", release(2, LONGER))
    told = device.until("b", FAILED)
    assert told.detail.endswith("the rotor fell off")
    assert device.version == 1


def switched(device: Device) -> None:
    device.deploy("b", release(2, LONGER), beside=True)
    device.until("b", READY)
    assert device.version == 1
    device.tell("switch", "b")
    device.until("b", ACTIVE)
    device.tell("settle", "b")
    device.until("b", SETTLED)
    assert device.version == 2


def stopped(device: Device) -> None:
    device.start("old")
    device.deploy("b", release(2, LONGER), active_runs=STOP, start_run=True)
    told = device.until("b", DeviceStage.WAITING)
    assert (told.version, device.version) == (2, 1)
    approval = ApproveRun(flow="brew", key="k")
    device.answered(lambda: device.done(device.runs.approve(approval, BY)))
    told = device.until("b", ACTIVE)
    assert device.version == 2
    runs = device.until_runs(2)
    assert runs["old"].status is RunStatus.FINISHED
    assert runs[told.run].status is RunStatus.RUNNING


def handed_over(device: Device) -> None:
    device.start("old")
    device.deploy("b", release(2, LONGER), active_runs=HAND_OVER, start_run=True)
    told = device.until("b", ACTIVE)
    assert told.run == "old"
    runs = device.all_runs()
    assert {name: r.version for name, r in runs.items()} == {"old": 2}
    device.tell("revert", "b")
    device.until("b", REVERTED)
    assert device.all_runs()["old"].version == 1  # it was not this deployment's


STORIES = [taken_up, gone_back, failed, switched, stopped, handed_over]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_however_often_it_is_killed_it_comes_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: Callable[[Device], None]
) -> None:
    for nth in range(1, 60):
        device = Device(tmp_path / str(nth), monkeypatch)
        device.deploy("a", release(1))
        device.until("a", ACTIVE)
        device.tell("settle", "a")
        device.writes, device.die_at = 0, nth
        story(device)
        lives = device.lives
        device.pass_s(1)
        assert device.shelf.trials() == ()
        device.die_at = None
        device.stop()
        if lives == 1:
            break
    else:
        raise AssertionError("it writes without end")
    assert nth > 4


# --- what is refused, and what comes in between ---


def test_a_later_deployment_takes_over_in_the_middle_of_one(device: Device) -> None:
    device.deploy("a", release(1))
    device.until("a", ACTIVE)
    device.bad.add("2")
    device.deploy("b", release(2))  # it is still on its way
    told = device.deploy("c", release(3))
    assert told.former_version == 1
    device.until("c", ACTIVE)
    told = device.asked("status", "b")
    assert (told.stage, told.detail) == (FAILED, "deployment c came after it")
    for what in ("revert", "switch", "settle"):
        with pytest.raises(DeploymentSuperseded, match="'b' of flow 'brew' is over"):
            device.tell(what, "b")
    with pytest.raises(DeploymentSuperseded):
        device.deploy("b", release(2))
    assert len(device.refused) == 4
    device.tell("revert", "c")
    device.until("c", REVERTED)
    assert device.version == 1


def test_what_is_called_back_in_the_middle_never_serves(device: Device) -> None:
    device.deploy("a", release(1), beside=True)
    assert device.tell("revert", "a").stage is DeviceStage.REVERTING
    device.until("a", REVERTED)
    device.pass_s(1)
    assert (device.version, device.shelf.trials()) == (None, ())
    assert device.done(device.runtime.found()) == ()
    assert device.tell("settle", "a").stage is REVERTED
    with pytest.raises(DeploymentUnknown):
        device.tell("settle", "never")


def test_an_installation_by_hand_ends_a_deployment(device: Device) -> None:
    device.deploy("a", release(1))
    device.until("a", ACTIVE)
    device.deploy("b", release(2), beside=True)
    device.until("b", READY)
    by_hand = InstallFlow(flow="brew", version=7, definition=brew())
    device.done(device.flows.install(by_hand))
    told = device.asked("status", "b")
    assert (told.stage, told.detail) == (
        FAILED,
        "flow brew version 7 was installed by hand",
    )
    device.pass_s(1)
    assert (device.version, device.shelf.trials()) == (7, ())
    assert len(device.done(device.runtime.found())) == 1
    with pytest.raises(DeploymentSuperseded):
        device.tell("switch", "b")


def test_an_engine_that_keeps_failing_while_active_goes(device: Device) -> None:
    device.deploy("a", release(1))
    device.until("a", ACTIVE)
    device.deploy("b", release(2))
    device.until("b", ACTIVE)
    device.bad.add("2")
    _crash(device)
    told = device.until("b", FAILED)
    assert "its engine keeps failing: exit code 1: the rotor fell off" in told.detail
    assert (device.version, told.former_version) == (1, 1)
    assert max(each.engine_restarts for each in device.told) >= 1


def test_one_restart_is_counted_and_no_more(device: Device) -> None:
    device.deploy("a", release(1))
    device.until("a", ACTIVE)
    _crash(device)
    device.pass_s(1)
    assert device.until("a", ACTIVE).engine_restarts == 1
    device.pass_s(100)
    device.kill()
    device.begin()
    assert device.until("a", ACTIVE).engine_restarts == 1


def _crash(device: Device) -> None:
    """The engine that runs ends by itself."""
    for made in device.runtime._made.values():
        if made.engine is not None:
            engine, made.engine = made.engine, None
            made.become(Condition.EXITED, "it crashed")
            engine.stop()


def test_an_image_that_cannot_be_had_leaves_the_former_as_it_is(
    device: Device,
) -> None:
    device.deploy("a", release(1))
    device.until("a", ACTIVE)
    before = device.done(device.runtime.found())
    device.deploy("b", release(2, image="none"))
    told = device.until("b", FAILED)
    assert told.detail.endswith("cannot be had: Docker has no image 'none'")
    assert device.done(device.runtime.found()) == before


def test_an_engine_that_may_have_too_little_memory_fails(device: Device) -> None:
    device.runtime._takes_mb = 64
    device.deploy("a", release(1, memory_mb=48))
    told = device.until("a", FAILED)
    assert told.detail == (
        "version 1 does not serve: its engine failed: "
        "out of memory: it takes 64 MB and may have 48"
    )
    assert device.version is None
    device.deploy("b", release(2, memory_mb=64))
    device.until("b", ACTIVE)


def test_the_former_engine_and_image_are_kept_until_it_is_settled(
    device: Device,
) -> None:
    device.deploy("a", release(1, image="one"))
    device.until("a", ACTIVE)
    device.deploy("b", release(2, image="two"))
    device.until("b", ACTIVE)
    assert {"one", "two"} <= device.engines.images
    device.pass_s(1)
    assert len(device.done(device.runtime.found())) == 2
    device.tell("settle", "b")
    device.pass_s(1)
    assert "one" not in device.engines.images
    (engine,) = device.done(device.runtime.found())
    assert engine.release.startswith("2-")


def test_an_order_the_disk_has_no_room_for_is_refused(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.free_mb = 50
    device.engines.poke()
    with pytest.raises(StorageFull, match="deploying flow 'brew' is refused"):
        device.deploy("a", release(1))
    device.free_mb = 10_000
    device.engines.poke()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(device.deployments._store, "_write", full)
        with pytest.raises(StorageFull, match="nothing changed"):
            device.deploy("a", release(1))
    with pytest.raises(DeploymentUnknown):
        device.asked("status", "a")
    device.deploy("a", release(1))
    device.until("a", ACTIVE)


def test_variables_are_bound_and_checked(device: Device) -> None:
    definition = {
        **workflow(
            *(phase("p"), timer("t", "p", 1), dispatcher("end")), links="start>p t>end"
        ),
        "variables": [{"name": "wait", "type": "integer", "value": "500"}],
    }
    definition["elements"][2]["durationInMS"] = "${wait}"
    with pytest.raises(VariableInvalid, match="there is no variable 'pause'"):
        device.deploy("a", release(1, definition), variables={"pause": 3})
    with pytest.raises(VariableInvalid, match="wait must be a whole number"):
        device.deploy("a", release(1, definition), variables={"wait": "soon"})
    with pytest.raises(FlowInvalid):
        device.deploy("a", release(1, {"id": "w"}))
    device.deploy("a", release(1, definition), variables={"wait": 700})
    device.until("a", ACTIVE)
    wanted = device.flows.get("brew").wanted
    assert wanted.definition["elements"][2]["durationInMS"] == 700
    device.kill()
    device.begin()
    assert device.flows.get("brew").wanted == wanted


def test_what_is_not_the_projects_is_refused_before_anything_is_kept(
    device: Device,
) -> None:
    with pytest.raises(ReleaseRefused, match="signed with the key"):
        device.deploy("a", release(1, key=SigningKey.generate()))
    assert len(device.refused) == 1
    assert not (device.folder / "deployments").exists()


def test_a_record_that_was_changed_is_put_aside(device: Device) -> None:
    device.deploy("a", release(1))
    device.until("a", ACTIVE)
    file = device.folder / "deployments" / "brew.json"
    file.write_bytes(file.read_bytes().replace(b'"version":1', b'"version":2'))
    device.kill()
    device.begin()
    with pytest.raises(DeploymentUnknown):
        device.asked("status", "a")
    assert file.with_suffix(".unusable").exists()
    assert device.version == 1


def test_only_so_many_deployments_are_remembered(device: Device) -> None:
    for n in range(REMEMBERED + 1):
        assert device.tell("revert", f"d{n}").stage is REVERTED
    assert device.deploy("d1", release(1)).stage is REVERTED
    assert device.deploy("d0", release(1)).stage is PREPARING
