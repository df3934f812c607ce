"""Changes made on the spot: written down, built on each other, offered in order."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from edge_agent.local import changes as module
from edge_agent.local.change import Change, ChangeState, Installed, base_of
from edge_agent.local.changes import Changes, TooManyChanges
from edge_agent.local.sync import (
    FIRST_RETRY_S,
    INSTALL_EVERY_S,
    MAX_RETRY_S,
    MOST_DEFECTS,
    ChangeSync,
)
from heddle.contract.declare import InternalError, StorageUnavailable
from heddle.contract.flows import FlowInvalid, InstallFlow
from heddle.contract.local_changes import ChangeDecided, ChangeKind, ChangeOutcome
from heddle.contract.runs import RunAlreadyActive, StorageFull
from heddle.wamp.session import ConnectionLost

SAVED, REMOVED = ChangeKind.SAVED, ChangeKind.REMOVED
TAKEN, CONFLICT = ChangeOutcome.TAKEN, ChangeOutcome.CONFLICT


def opened(folder: Path, *, done: bool = True) -> Changes:
    found = Changes(folder, lambda: 1_700_000_000.0)
    found.load(lambda _: done)
    return found


def put(changes: Changes, name: str, installed: Installed | None) -> Change:
    begun = changes.begin("brew", SAVED, installed, {"name": name})
    changes.done(begun)
    found = changes.newest("brew")
    assert found is not None
    return found


def chain(changes: Changes) -> list[tuple[str, int, int]]:
    """Each change's state, its base and what it is called here."""
    return [(c.state.value, c.base, c.version) for c in changes]


def test_a_change_is_on_disk_before_it_is_made_and_after(tmp_path: Path) -> None:
    changes = opened(tmp_path)
    begun = changes.begin("brew", SAVED, None, {"name": "a"})
    assert [c.change for c in opened(tmp_path, done=False)] == []
    changes.put(begun)
    (kept,) = opened(tmp_path, done=True)
    assert (kept.change, kept.state) == (begun.change, ChangeState.WAITING)


def test_what_was_not_carried_out_was_never_there(tmp_path: Path) -> None:
    changes = opened(tmp_path)
    changes.undone(changes.begin("brew", SAVED, None, {}))
    assert list(changes) == []
    assert list(tmp_path.iterdir()) == []


def test_changes_build_on_each_other(tmp_path: Path) -> None:
    changes = opened(tmp_path)
    put(changes, "a", None)
    put(changes, "b", (1, {"name": "a"}))
    changes.done(changes.begin("brew", REMOVED, (2, {"name": "b"})))
    put(changes, "c", None)
    assert chain(changes) == [
        ("waiting", 0, 1),
        ("waiting", 1, 2),
        ("waiting", 2, 2),
        ("waiting", 2, 3),
    ]


def test_what_the_centre_installed_since_is_the_base(tmp_path: Path) -> None:
    changes = opened(tmp_path)
    put(changes, "a", (1, {}))
    later = put(changes, "b", (2, {"name": "the centre's"}))  # not our version 2
    assert (later.base, later.after) == (2, None)


def test_a_change_outlives_a_disk_that_takes_nothing(
    tmp_path: Path, monkeypatch
) -> None:
    changes = opened(tmp_path)
    first = put(changes, "a", None)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_whole", full)
    with pytest.raises(StorageFull, match=r"No space left.*nothing was changed"):
        changes.begin("brew", SAVED, None, {})
    assert list(changes) == [first]
    monkeypatch.undo()


def test_their_number_is_bounded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    monkeypatch.setattr(module, "MOST_DECIDED", 2)
    device = Device(tmp_path)
    for name in "abc":
        device.save(name)
    with pytest.raises(TooManyChanges, match="3 changes of this device wait"):
        device.changes.begin("brew", SAVED, None, {})
    device.join()
    for number in (1, 2, 3):
        device.answer(TAKEN, number)
    assert [c.version for c in device.changes] == [2, 3]
    assert [c.definition for c in device.changes] == [None, None]
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(module, "MOST_WAITING_BYTES", 1000)
    with pytest.raises(TooManyChanges, match="0 changes of this device wait"):
        device.changes.begin("brew", SAVED, None, {"name": "x" * 1000})


def test_a_half_written_file_is_told_and_left_alone(tmp_path: Path) -> None:
    put(opened(tmp_path), "a", None)
    (tmp_path / "000000007.json").write_text('{"number": 7,')
    assert len(list(opened(tmp_path))) == 1
    assert (tmp_path / "000000007.json").exists()


class Device:
    """A device's changes, its sync, and a session that waits for a test's answer."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.changes = opened(folder)
        self.sync = ChangeSync(self.clock, self.changes, self)
        self.here: tuple[int, Any] | None = None
        self.is_busy = False
        self.offered: list[tuple[Any, Deferred[Any]]] = []

    def join(self) -> None:
        link: Any = self
        self.sync.joined(link)

    def save(self, name: str) -> None:
        """Somebody saves the flow on the spot."""
        saved = put(self.changes, name, self.here)
        self.here = saved.version, {"name": name}
        self.sync.nudge()

    async def call(self, _: Any, request: Any, **__: Any) -> Any:
        answer: Deferred[Any] = Deferred()
        self.offered.append((request, answer))
        return await answer

    def answer(self, outcome: ChangeOutcome, version: int, name: str = "") -> None:
        request, answer = self.offered[-1]
        definition = {"name": name} if name else None
        answer.callback(
            ChangeDecided(
                change=request.change,
                outcome=outcome,
                version=version,
                definition=definition,
            )
        )

    def fail(self, error: Exception) -> None:
        self.offered[-1][1].errback(error)

    # What the sync asks of the desk.

    def installed(self, _: str) -> tuple[int, Any] | None:
        return self.here

    async def install(self, request: InstallFlow) -> Any:
        if self.is_busy:
            raise RunAlreadyActive("run 'r1' is active")
        self.here = request.version, request.definition

    async def turn(self, work: Any) -> None:
        await work()


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_changes_are_offered_in_order_one_at_a_time(device: Device) -> None:
    device.save("a")
    device.save("b")
    device.join()
    assert [(r.base, r.definition) for r, _ in device.offered] == [(0, {"name": "a"})]
    device.save("c")
    device.answer(TAKEN, 1)
    device.answer(TAKEN, 2)
    device.answer(TAKEN, 3)
    assert [r.base for r, _ in device.offered] == [0, 1, 2]
    assert {c.state for c in device.changes} == {ChangeState.TAKEN}
    assert device.clock.getDelayedCalls() == []


def test_an_offer_is_repeated_until_it_is_answered(device: Device) -> None:
    device.save("a")
    device.join()
    device.fail(StorageUnavailable("away"))
    device.clock.advance(FIRST_RETRY_S)
    device.fail(ConnectionLost("gone"))
    device.sync.left()
    device.clock.advance(100)
    assert len(device.offered) == 2
    device.join()
    device.answer(TAKEN, 1)
    assert len({r.change for r, _ in device.offered}) == 1
    assert len(device.offered) == 3


def test_the_number_that_the_centre_gives_is_taken_over(device: Device) -> None:
    device.save("a")
    device.save("b")
    device.join()
    device.answer(TAKEN, 8)
    device.answer(TAKEN, 9)
    assert [r.base for r, _ in device.offered] == [0, 8]
    device.clock.advance(0)
    assert device.here == (9, {"name": "b"})
    newest = device.changes.newest("brew")
    assert newest is not None
    assert newest.told == "the centre has it as version 9; it is installed"


def test_a_conflict_is_one_for_all_that_builds_on_it(device: Device) -> None:
    device.here = 1, {"name": "old"}
    device.save("mine")
    device.save("mine again")
    device.join()
    device.answer(CONFLICT, 2, "theirs")
    assert device.offered[-1][0].base == 1  # not the centre's namesake 2
    device.answer(CONFLICT, 2, "theirs")
    device.clock.advance(0)
    assert device.here == (2, {"name": "theirs"})
    assert [c.is_due for c in device.changes] == [False, False]


def test_the_centres_version_waits_for_the_end_of_the_run(device: Device) -> None:
    device.here = 1, {"name": "old"}
    device.save("mine")
    device.is_busy = True
    device.join()
    device.answer(CONFLICT, 2, "theirs")
    device.clock.advance(0)
    (change,) = device.changes
    assert change.told.endswith("not installed yet: run 'r1' is active")
    assert device.here == (2, {"name": "mine"})
    device.sync.stop()
    again = ChangeSync(device.clock, device.changes, device)  # after a restart
    again.start()
    device.clock.advance(0)
    device.is_busy = False
    device.clock.advance(INSTALL_EVERY_S)
    assert device.here == (2, {"name": "theirs"})
    device.clock.advance(INSTALL_EVERY_S)
    assert device.clock.getDelayedCalls() == []


def test_what_was_installed_since_is_left_alone(device: Device) -> None:
    device.here = 1, {"name": "old"}
    device.save("mine")
    device.join()
    device.here = 5, {"name": "an operator's"}
    device.answer(CONFLICT, 2, "theirs")
    device.clock.advance(0)
    assert device.here == (5, {"name": "an operator's"})
    assert device.changes.due() == ()


def test_a_refused_change_stays_here_and_holds_up_nothing(device: Device) -> None:
    device.save("a")
    device.save("b")
    device.join()
    device.fail(FlowInvalid("the workflow has no START"))
    device.answer(TAKEN, 1)
    assert [(c.state.value, c.base) for c in device.changes] == [
        ("refused", 0),
        ("taken", 0),
    ]
    first = next(iter(device.changes))
    assert first.told == "the centre refuses it: the workflow has no START"


def test_a_centre_that_fails_on_a_change_holds_up_only_so_long(device: Device) -> None:
    device.save("a")
    device.join()
    for _ in range(MOST_DEFECTS):
        device.fail(InternalError("reference 1234"))
        device.clock.advance(MAX_RETRY_S)
    assert [c.state for c in device.changes] == [ChangeState.REFUSED]
    device.save("b")
    assert device.offered[-1][0].definition == {"name": "b"}


def test_it_never_tires_of_a_centre_that_is_away(device: Device) -> None:
    device.save("a")
    device.join()
    for _ in range(1200):
        device.fail(StorageUnavailable("away"))
        device.clock.advance(MAX_RETRY_S)
    device.answer(TAKEN, 1)
    assert [c.state for c in device.changes] == [ChangeState.TAKEN]


def test_after_a_removal_the_flow_comes_back_on_what_was_known(device: Device) -> None:
    device.here = 4, {"name": "old"}
    device.changes.done(device.changes.begin("brew", REMOVED, device.here))
    device.here = None
    device.join()
    device.answer(TAKEN, 6)  # the centre has gone on; nobody here has seen that
    device.save("anew")
    assert device.offered[-1][0].base == 4


@pytest.mark.parametrize(
    ("state", "is_due", "base"),
    [
        (ChangeState.WAITING, False, 5),  # what was made here
        (ChangeState.TAKEN, True, 9),  # the number that the centre gave it
        (ChangeState.CONFLICT, True, 4),  # as before: it stays a conflict
        (ChangeState.REFUSED, False, 4),
    ],
)
def test_a_change_is_based_on_what_the_centre_is_known_to_have(
    tmp_path: Path, state: ChangeState, is_due: bool, base: int
) -> None:
    here = 5, {"name": "mine"}
    made = put(opened(tmp_path), "mine", (4, {"name": "old"}))
    last = replace(made, state=state, is_due=is_due, centre_version=9)
    assert base_of(last, here) == base
    assert base_of(last, (7, {"name": "installed since"})) == 7
    assert base_of(last, (5, {"name": "the centre's namesake"})) == 5
    assert base_of(last, None) == base
    assert base_of(None, here) == 5
    assert base_of(None, None) == 0
