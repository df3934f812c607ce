"""The queue that makes engines as they shall be, in virtual time."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.reconcile.engines import LOOK_EVERY_S, Engines
from edge_agent.reconcile.room import Disks, Room
from edge_agent.runtime.runtime import Condition, Configuration, EngineFailed, Order
from heddle.contract.runs import StorageFull
from tests.support.engines import FakeRuntime

HOME = Path("/var/lib/heddle")


def order(flow: str = "brew", release: str = "1", image: str = "image") -> Order:
    return Order(flow, HOME / "flows" / flow, release, Configuration(image))


class Scene:
    """Engines over a runtime in memory."""

    def __init__(self, lay_out: Callable[[str], None] = lambda _: None) -> None:
        self.clock = Clock()
        self.runtime = FakeRuntime()
        self.free_mb = 10_000
        self.rooms: list[Room] = []
        disks = Disks(HOME, warn_mb=500, least_mb=100, free_mb=lambda _: self.free_mb)
        self.engines = Engines(
            self.clock,
            self.runtime,
            disks,
            lay_out=lay_out,
            on_room=self.rooms.append,
            chance=lambda: 0.5,
        )

    def pass_s(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def calls(self) -> list[str]:
        """What was asked of the runtime since the last time."""
        calls, self.runtime.calls = self.runtime.calls, []
        return calls


def fired(deferred: Deferred) -> list[object]:
    """What it fired with, if it did; failures as their exceptions."""
    found: list[object] = []
    deferred.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found


def test_what_is_wanted_comes_up_and_what_is_not_goes() -> None:
    scene = Scene()
    scene.runtime.put("wash", "x", Condition.RUNNING)
    scene.engines.want(order())
    scene.engines.start()
    assert scene.calls() == [
        "end wash x",
        "remove wash x",
        "create brew 1@image",
        "run brew 1@image",
    ]
    assert fired(scene.engines.up("brew")) == ["brew-1@image"]
    scene.engines.unwant("brew")
    assert scene.calls() == ["end brew 1@image", "remove brew 1@image"]
    assert fired(scene.engines.gone("brew")) == [None]


def test_nothing_is_done_and_little_is_looked_at_when_all_is_well() -> None:
    scene = Scene()
    scene.engines.want(order())
    scene.engines.start()
    scene.calls()
    looks = scene.runtime.looks
    scene.pass_s(10 * LOOK_EVERY_S)
    assert scene.calls() == []
    assert scene.runtime.looks - looks in (9, 10)


def test_a_failing_flow_is_tried_ever_later_and_holds_up_no_other() -> None:
    scene = Scene()
    scene.runtime.flaws["run brew"] = "Docker: no"
    attempts: list[float] = []
    scene.engines.want(order())
    scene.engines.want(order("wash"))
    scene.engines.start()
    assert fired(scene.engines.up("wash")) == ["wash-1@image"]
    for _ in range(4000):
        attempts += [scene.clock.seconds() for c in scene.calls() if "run brew" in c]
        scene.clock.advance(0.1)
    assert attempts == pytest.approx([0, 0, 5, 25, 70, 150, 275], abs=1)
    told = scene.engines.told("brew")
    assert told.startswith("Docker: no; next attempt in 5")
    scene.runtime.flaws.clear()
    waiting = fired(scene.engines.up("brew"))
    assert waiting == []
    scene.pass_s(60)
    assert waiting == ["brew-1@image"]


def test_who_waits_hears_of_each_attempt_that_failed() -> None:
    scene = Scene()
    scene.runtime.flaws["create"] = "Docker: no"
    scene.engines.want(order())
    scene.engines.start()
    waiting = fired(scene.engines.up("brew"))
    scene.pass_s(6)
    (error,) = waiting
    assert isinstance(error, EngineFailed)
    setback = scene.engines.setback("brew")
    assert setback is not None
    assert setback.failures == 3


def test_an_engine_that_crashes_waits_though_docker_would_not() -> None:
    scene = Scene()
    scene.engines.want(order())
    scene.engines.start()
    for _ in range(3):
        scene.engines.fell("brew", "exit code 1")
    scene.calls()
    scene.runtime.becomes("brew", Condition.RESTARTING)
    scene.engines.poke()
    assert scene.calls() == ["end brew 1@image"]
    waiting = fired(scene.engines.up("brew"))
    scene.pass_s(19)
    assert (scene.calls(), waiting) == ([], [])
    scene.pass_s(2)
    assert scene.calls() == ["run brew 1@image"]
    assert waiting == ["brew-1@image"]


def test_a_long_life_makes_the_next_failure_the_first() -> None:
    scene = Scene()
    scene.engines.want(order())
    for lived_s, failures in ((0, 1), (30, 2), (59, 3), (61, 1), (0, 2)):
        setback = scene.engines.fell("brew", "exit code 1", lived_s=lived_s)
        assert setback.failures == failures


def test_what_docker_restarts_by_itself_is_waited_for() -> None:
    scene = Scene()
    scene.engines.want(order())
    scene.engines.start()
    scene.runtime.becomes("brew", Condition.RESTARTING)
    scene.engines.fell("brew", "killed by signal 9")
    waiting = fired(scene.engines.up("brew"))
    scene.pass_s(3)
    assert waiting == []
    scene.runtime.becomes("brew", Condition.RUNNING)
    scene.pass_s(0.3)
    assert waiting == ["brew-1@image"]


def test_what_hangs_is_ended_and_comes_up_again() -> None:
    scene = Scene()
    scene.engines.want(order())
    scene.engines.start()
    scene.calls()
    scene.engines.hangs("brew")
    assert scene.calls() == ["end brew 1@image", "run brew 1@image"]
    for _ in range(5):
        scene.engines.fell("brew", "it hung")
    scene.calls()
    ended = fired(Deferred.fromCoroutine(scene.engines.make_anew("brew")))
    assert scene.calls() == ["end brew 1@image", "run brew 1@image"]
    assert ended == [None]


def test_a_new_release_takes_over_and_the_former_is_not_taken_for_it() -> None:
    scene = Scene()
    scene.engines.want(order())
    scene.engines.start()
    scene.calls()
    scene.runtime.flaws["create"] = "Docker: no"
    scene.engines.want(order(release="2"))
    scene.pass_s(1)
    waiting = fired(scene.engines.up("brew"))
    scene.pass_s(1)
    assert waiting == []
    assert scene.runtime.conditions() == {("brew", "1@image"): "running"}
    scene.runtime.flaws.clear()
    scene.calls()
    scene.pass_s(5)
    assert scene.calls() == [
        "create brew 2@image",
        "end brew 1@image",
        "run brew 2@image",
        "remove brew 1@image",
    ]
    assert waiting == ["brew-2@image"]


def test_an_image_that_is_missing_leaves_what_runs_of_the_same_release() -> None:
    scene = Scene()
    scene.runtime.put("brew", "1@former", Condition.RUNNING, release="1")
    scene.runtime.flaws["fetch"] = "no image 'next': load it"
    scene.engines.want(order(image="next"))
    scene.engines.want(order("wash", image="next"))
    scene.engines.start()
    assert fired(scene.engines.up("brew")) == ["brew-1@former"]
    scene.pass_s(1)
    assert scene.calls() == ["fetch next", "fetch next"]
    assert scene.engines.told("wash") == "no image 'next': load it; next attempt in 4 s"
    scene.runtime.flaws.clear()
    scene.pass_s(5)
    assert scene.runtime.conditions() == {
        ("brew", "1@next"): "running",
        ("wash", "1@next"): "running",
    }


def test_a_runtime_that_is_away_is_waited_for_and_blames_no_flow() -> None:
    scene = Scene()
    scene.runtime.put("wash", "x", Condition.RUNNING)
    scene.runtime.flaws["found"] = "there is no Docker socket"
    scene.engines.want(order())
    scene.engines.start()
    waiting = fired(scene.engines.up("brew"))
    scene.pass_s(1)
    assert isinstance(waiting[0], EngineFailed)
    assert scene.engines.told("brew").startswith("there is no Docker socket; next")
    scene.pass_s(600)
    assert scene.runtime.looks < 60
    scene.runtime.flaws.clear()
    scene.pass_s(16)
    assert scene.runtime.conditions() == {("brew", "1@image"): "running"}
    assert scene.engines.setback("brew") is None


def test_what_is_unreadable_is_not_touched_until_it_is_wanted_again() -> None:
    scene = Scene()
    scene.runtime.put("brew", "x", Condition.RUNNING)
    scene.engines.leave_alone(frozenset({"brew"}))
    scene.engines.start()
    scene.pass_s(100)
    assert scene.calls() == []
    scene.engines.want(order())
    assert scene.runtime.conditions() == {("brew", "1@image"): "running"}


def test_a_disk_that_fills_is_told_pruned_and_filled_no_further() -> None:
    scene = Scene()
    scene.engines.want(order(image="next"))
    scene.runtime.put("wash", "x", Condition.RUNNING)
    scene.free_mb = 400
    scene.engines.start()
    assert [(room.is_low, room.is_tight) for room in scene.rooms][-1] == (True, False)
    assert "prune" not in " ".join(scene.calls())
    scene.engines.room.check("installing flow 'x'")  # allowed still
    scene.engines.unwant("brew")
    scene.free_mb = 99
    scene.engines.want(order(image="other"))
    scene.pass_s(100)
    assert scene.calls() == [
        "end brew 1@next",
        "remove brew 1@next",
        "prune all but ['other']",
    ]
    with pytest.raises(StorageFull, match=r"99 MB free, and 100 MB \(AGENT_DISK_LEA"):
        scene.engines.room.check("installing flow 'x'")
    assert "has 99 MB free" in scene.engines.told("brew")
    scene.runtime.flaws["prune"] = "Docker: busy"
    scene.pass_s(3600)
    assert scene.calls() == ["prune all but ['other']"]
    scene.free_mb = 5000
    scene.pass_s(61)
    assert scene.runtime.conditions() == {("brew", "1@other"): "running"}


def test_a_folder_that_cannot_be_written_is_told() -> None:
    def full(_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    scene = Scene(full)
    scene.engines.want(order())
    scene.engines.start()
    assert scene.engines.told("brew").startswith(f"{HOME}/flows/brew: the disk is full")


def test_a_stopped_queue_leaves_everything_as_it_is() -> None:
    scene = Scene()
    scene.engines.want(order())
    scene.engines.start()
    scene.engines.stop()
    scene.calls()
    scene.engines.unwant("brew")
    scene.pass_s(100)
    assert scene.calls() == []
    assert scene.clock.getDelayedCalls() == []


def test_a_flow_at_rest_has_no_engine_that_runs() -> None:
    scene = Scene()
    scene.engines.want(order())
    scene.engines.start()
    scene.engines.want(order(), running=False)
    assert scene.runtime.conditions() == {("brew", "1@image"): "exited"}
    scene.engines.want(order())
    assert scene.runtime.conditions() == {("brew", "1@image"): "running"}


def test_a_flow_that_is_removed_while_it_is_handed_over_is_not_started() -> None:
    scene = Scene()
    scene.engines.want(order())
    scene.engines.start()
    scene.runtime.meanwhile["end brew"] = lambda: scene.engines.unwant("brew")
    scene.engines.want(order(release="2"))
    scene.pass_s(1)
    assert scene.runtime.conditions() == {}
    assert "run brew 2@image" not in scene.calls()
    assert fired(scene.engines.gone("brew")) == [None]


def test_several_wait_for_one_engine_and_some_give_up() -> None:
    scene = Scene()
    scene.runtime.flaws["found"] = "there is no Docker socket"
    scene.engines.want(order())
    first, second, third = (scene.engines.up("brew") for _ in range(3))
    heard = [fired(each) for each in (first, third)]
    first.addErrback(lambda _: None).addCallback(lambda _: third.cancel())
    second.addErrback(lambda _: None)
    second.cancel()
    scene.engines.start()
    assert [len(each) for each in heard] == [1, 1]


def test_a_former_engine_is_kept_as_long_as_it_is_told() -> None:
    scene = Scene()
    scene.engines.want(order())
    scene.engines.start()
    scene.engines.keep("brew", order())
    scene.engines.want(order(release="2", image="other"))
    scene.runtime.here.add("other")
    scene.pass_s(10)
    both = {("brew", "1@image"): "exited", ("brew", "2@other"): "running"}
    assert scene.runtime.conditions() == both
    assert scene.engines.images == {"image", "other"}
    scene.engines.keep("brew", None)
    scene.pass_s(1)
    assert scene.runtime.conditions() == {("brew", "2@other"): "running"}
    assert scene.engines.images == {"other"}


def test_an_image_is_brought_or_it_is_told_why_not() -> None:
    scene = Scene()
    scene.engines.start()
    bring = lambda name: fired(Deferred.fromCoroutine(scene.engines.bring(name)))  # noqa: E731
    assert bring("image") == [None]
    assert bring("other") == [None]
    assert "fetch other" in scene.calls()
    scene.runtime.flaws["fetch"] = "no such image"
    (why,) = bring("none")
    assert isinstance(why, EngineFailed)
    assert str(why) == "no such image"
    assert scene.engines.images == frozenset()  # nobody wants them any more
    scene.free_mb = 50
    scene.engines.poke()
    (why,) = bring("more")
    assert "'more' is not fetched: the disk of" in str(why)
    scene.free_mb = 5000
    scene.engines.poke()
    scene.runtime.flaws["found"] = "there is no Docker socket"
    (why,) = bring("again")
    assert "no Docker socket" in str(why)
    assert scene.engines.is_away
