"""Commands to many devices, on a clock of the test's own: who answers, who does not."""

from dataclasses import replace

import pytest
from autobahn.wamp.exception import ApplicationError, TransportLost
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from heddle.contract.declare import InvalidId, InvalidRequest, Role
from heddle.contract.fleet import (
    FleetCommand,
    FleetOutcome,
    FleetResult,
    FleetVerb,
    Targets,
)
from heddle.contract.runs import (
    ListenerReport,
    RunAlreadyActive,
    RunReport,
    RunStatus,
    StopMode,
    WrongRunState,
)
from heddle.wamp.session import Caller, ConnectionLost, Session
from services.backend.fleet.commands import (
    Begun,
    FleetCommands,
    check,
    fitting,
    tallied,
)
from services.backend.fleet.repeats import Elsewhere, Mine, fingerprint, run_id
from services.backend.fleet.targets import check_labels
from services.backend.realm import serving
from services.backend.store.fleet_commands import Name

VERA = Caller(1, "vera", Role.OPERATOR, "r1")
PAUSE = FleetCommand(verb=FleetVerb.PAUSE, flow="bio", targets=Targets(all=True))
MINE = Mine(Name("plant", "vera", "k1"), 1, 1_790_000_000_000)


def report(run: str = "run_1", **more) -> dict:
    told = {"flow": "bio", "version": 1, "status": "paused", "events": 3}
    return {"run": run, **told, **more}


class Router:
    """Carries calls to devices that do what the test says."""

    def __init__(self) -> None:
        self.called: list[tuple[str, str, dict]] = []
        self.does: dict[str, object] = {}  # by device

    def register(self, _entry, _uri, options=None):
        return succeed(None)

    def call(self, uri: str, payload, request_id: str):
        _, _, device, *verb = uri.split(".")
        self.called.append((device, ".".join(verb), payload))
        does = self.does.get(device, report())
        if callable(does):
            does = does(verb[-1], payload)
        if does is None:
            return Deferred()
        return fail(does) if isinstance(does, Exception) else succeed(does)


class Online:
    def __init__(self, devices: str) -> None:
        self.devices = devices

    def has(self, device: str) -> bool:
        return device in self.devices


class Scene:
    """A project with the devices a, b, c ... of whom some are online."""

    def __init__(self, devices: str, online: str | None = None, mine=None) -> None:
        self.clock, self.router = Clock(), Router()
        self.begun = [Begun(tuple(devices), mine)]
        self.kept: list = []
        everyone = devices if online is None else online
        self.fleet = FleetCommands(self.clock, self, "plant", Online(everyone))
        session = Session(self.router, self.clock, "backend", "project_plant")
        settled = Deferred.fromCoroutine(self.fleet.settle(session, serving(session)))
        assert settled.called

    async def __call__(self, function, *args):
        """In the database's place."""
        if function.__name__ == "begin":
            return self.begun.pop(0)
        self.kept.append(args[-1])
        return None

    def command(self, request: FleetCommand = PAUSE) -> Deferred:
        return Deferred.fromCoroutine(self.fleet.command(request, VERA))

    def answered(self, command: Deferred) -> dict[str, FleetResult]:
        self.clock.pump([0] * 50)
        found: list = []
        command.addCallback(found.append)
        (results,) = found
        return {one.device: one for one in results.results}


def test_each_device_is_told_and_each_answer_comes_back_in_order() -> None:
    scene = Scene("abcd", online="abd")
    scene.router.does["b"] = ApplicationError(WrongRunState.uri, "run_1 is paused")
    scene.router.does["d"] = ApplicationError("wamp.error.no_such_procedure")
    found = scene.answered(scene.command())
    assert list(found) == ["a", "b", "c", "d"]
    assert [one.outcome.value for one in found.values()] == [
        "done",
        "refused",
        "offline",
        "offline",
    ]
    assert found["a"].run == RunReport(
        run="run_1", flow="bio", version=1, status=RunStatus.PAUSED, events=3
    )
    assert (found["b"].error, found["b"].detail) == (
        WrongRunState.uri,
        "run_1 is paused",
    )
    assert [device for device, *_ in scene.router.called] == ["a", "b", "d"]
    (kept,) = scene.kept
    assert kept.counts == {"done": 1, "refused": 1, "offline": 2, "timed_out": 0}


def test_a_mute_device_is_told_as_timed_out_and_keeps_nobody_waiting() -> None:
    scene = Scene("ab")
    scene.router.does["a"] = lambda *_: None
    command = scene.command(replace(PAUSE, within_ms=2000))
    scene.clock.advance(1.9)
    assert not command.called
    scene.clock.advance(0.2)
    found = scene.answered(command)
    assert found["a"].outcome is FleetOutcome.TIMED_OUT
    assert found["a"].detail == "no answer within 2 s; it may still do it"
    assert found["b"].outcome is FleetOutcome.DONE


def test_a_thousand_are_told_in_slices() -> None:
    scene = Scene("")
    scene.begun = [Begun(tuple(f"d_{n:04}" for n in range(1000)), None)]
    scene.fleet._online.devices = "".join(scene.begun[0].devices)
    command = scene.command()
    assert len(scene.router.called) < 100, "others have their turn"
    found = scene.answered(command)
    assert len(found) == 1000
    assert {one.outcome for one in found.values()} == {FleetOutcome.DONE}


@pytest.mark.parametrize(
    ("request_", "uri", "payload"),
    [
        (replace(PAUSE, verb=FleetVerb.START), "run.start", {"flow": "bio"}),
        (PAUSE, "run.pause", {"flow": "bio"}),
        (replace(PAUSE, verb=FleetVerb.RESUME), "run.resume", {"flow": "bio"}),
        (
            replace(PAUSE, verb=FleetVerb.STOP, mode=StopMode.HARD),
            "run.stop",
            {"flow": "bio", "mode": "hard"},
        ),
        (
            replace(PAUSE, verb=FleetVerb.APPROVE, listener="ok", comment="c", key="k"),
            "run.approve",
            {
                "flow": "bio",
                "listener": "ok",
                "comment": "c",
                "key": "vera k",
                "by": "vera",
            },
        ),
    ],
)
def test_each_verb_is_a_call_about_the_flow(request_, uri, payload) -> None:
    scene = Scene("a")
    scene.answered(scene.command(request_))
    ((_, called, sent),) = scene.router.called
    assert called == uri
    assert {key: value for key, value in sent.items() if value is not None} == payload


def test_a_start_that_was_cut_in_the_middle_starts_no_second_run() -> None:
    scene = Scene("ab", mine=MINE._replace(attempt=2))
    own = run_id(MINE, "a")

    def a(verb: str, payload: dict):
        if verb == "status":
            return {"runs": [report(payload["run"])]}
        active = {"details": {"run": payload["run"]}}
        return ApplicationError(RunAlreadyActive.uri, "active", **active)

    scene.router.does["a"] = a
    scene.router.does["b"] = ApplicationError(
        RunAlreadyActive.uri, "run_other is active", details={"run": "run_other"}
    )
    start = replace(PAUSE, verb=FleetVerb.START, key="k1")
    found = scene.answered(scene.command(start))
    assert found["a"].run is not None
    assert (found["a"].outcome, found["a"].run.run) == (FleetOutcome.DONE, own)
    assert found["b"].outcome is FleetOutcome.REFUSED


def test_a_repeat_waits_for_the_answer_and_tells_nobody_again() -> None:
    scene = Scene("a")
    done = tallied([FleetResult(device="a", outcome=FleetOutcome.DONE)])
    scene.begun = [Elsewhere(), Elsewhere(), done]
    command = scene.command(replace(PAUSE, key="k1"))
    for _ in range(3):
        assert not scene.router.called
        scene.clock.advance(0.2)
    assert scene.answered(command)["a"].outcome is FleetOutcome.DONE
    assert not scene.router.called
    assert not scene.kept


def test_an_answer_is_not_kept_when_our_own_link_broke() -> None:
    scene = Scene("ab")
    scene.router.does["b"] = TransportLost()
    command = scene.command()
    failed: list = []
    command.addErrback(failed.append)
    assert failed[0].check(ConnectionLost)
    assert not scene.kept


def test_run_ids_are_the_devices_own_and_the_same_at_each_attempt() -> None:
    assert run_id(MINE, "a") == run_id(MINE._replace(attempt=2), "a")
    assert run_id(MINE, "a") != run_id(MINE, "b")
    assert run_id(MINE, "a").startswith(f"run_{MINE.begun_at_ms:012x}")
    assert fingerprint(PAUSE) != fingerprint(replace(PAUSE, flow="other"))


def test_an_answer_fits_one_message() -> None:
    long = RunReport(
        run="r" * 60,
        flow="bio",
        version=1,
        status=RunStatus.RUNNING,
        listening=(ListenerReport(listener="l", type="TIMER"),),
    )
    one = FleetResult(device="a", outcome=FleetOutcome.DONE, run=long, detail="d" * 80)
    mute = FleetResult(device="m" * 64, outcome=FleetOutcome.TIMED_OUT, detail="x" * 80)
    few = fitting(tallied([one, mute]))
    assert few.results == (one, mute)
    without_runs = fitting(tallied([one] * 4000))
    assert without_runs.results == (replace(one, run=None),) * 4000
    without_details = fitting(tallied([one] * 6000))
    assert without_details.results[-1] == replace(one, run=None, detail="")
    only_the_mute = fitting(tallied([one] * 9000 + [mute] * 3000))
    assert only_the_mute.results == (replace(mute, detail=""),) * 3000
    cut = fitting(tallied([mute] * 20_000))
    assert cut.counts["timed_out"] == 20_000
    assert 4000 < len(cut.results) < 20_000


@pytest.mark.parametrize(
    ("request_", "refusal", "sentence"),
    [
        (replace(PAUSE, flow="No id"), InvalidId, "flow 'No id'"),
        (replace(PAUSE, within_ms=0), InvalidRequest, "1 to 300000 ms"),
        (replace(PAUSE, key=""), InvalidRequest, "key is empty"),
        (replace(PAUSE, comment="a\nb"), InvalidRequest, "one line"),
    ],
)
def test_what_cannot_be_commanded_is_refused(request_, refusal, sentence) -> None:
    with pytest.raises(refusal, match=sentence):
        check(request_)


@pytest.mark.parametrize(
    "labels",
    [{"": "x"}, {"-a": ""}, {"a b": ""}, {"Not": ""}, {"s": 'a"'}, {"s": "x" * 65}],
)
def test_labels_that_no_selector_could_name_are_refused(labels) -> None:
    with pytest.raises(InvalidRequest):
        check_labels(labels)
    check_labels({"site": "Graz West", "spare": "", "line-2": "v1.0"})
