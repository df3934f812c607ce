"""Deployments, told as what happens and what is owed then."""

from msgspec.structs import replace

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
from heddle.rollout.refusal import needs_second_person, refusal
from heddle.rollout.spec import DEFAULTS, MINUTE_MS, Strategy
from heddle.rollout.state import Deployment, Order, Status, TargetStatus
from heddle.rollout.summary import asleep, counts, is_terminal
from heddle.rollout.targets import holds_place
from heddle.rollout.windows import DAY_MS, Window

ALL, ROLLING = Strategy.ALL_AT_ONCE, Strategy.ROLLING
CANARY, BLUE_GREEN = Strategy.CANARY, Strategy.BLUE_GREEN
DEPLOY, REVERT = Order.DEPLOY, Order.REVERT


def made(strategy: Strategy, devices: str, **settings: object) -> Deployment:
    """``made(ROLLING, "abc", batch_size=2)``: devices a, b and c, two in a wave."""
    spec = replace(DEFAULTS[strategy], **{"health_check": False, **settings})
    return begin(spec, devices, 0, id="dep", by="ada")


def started(strategy: Strategy, devices: str, **settings: object) -> Deployment:
    return after(made(strategy, devices, **settings), Start(0, "ada"))


def after(state: Deployment, *inputs: Input) -> Deployment:
    return step_all(state, inputs).state


def up(at_ms: int, devices: str) -> list[Input]:
    return [Activated(at_ms, x) for x in devices]


def told(state: Deployment, kind: type[Effect], at_ms: int = 0) -> str:
    owed = outstanding(state, at_ms)
    return "".join(x.device for x in owed if isinstance(x, kind))


def of(state: Deployment, device: str) -> TargetStatus:
    return state.targets[device].status


# --- waves ---


def test_all_at_once_is_settled_once_all_succeeded() -> None:
    state = started(ALL, "abc")
    assert told(state, Deploy) == "abc"
    state = after(state, *up(1, "abc"))
    assert state.status is Status.COMPLETED
    assert not state.detail
    assert told(state, Settle) == "abc"
    settled = after(state, *(Delivered(2, x, Order.SETTLE) for x in "abc"))
    assert outstanding(settled, 2) == ()
    assert due_at_ms(settled, 2) is None


def test_a_wave_opens_after_the_delay() -> None:
    state = after(started(ROLLING, "abcd", batch_size=2), *up(1_000, "ab"))
    assert due_at_ms(state, 1_000) == 1_000 + 5 * MINUTE_MS
    assert told(after(state, Tick(5 * MINUTE_MS)), Deploy) == ""
    opened = step(state, Tick(1_000 + 5 * MINUTE_MS))
    assert opened.effects == (Deploy("c"), Deploy("d"))


def test_what_the_threshold_allows_does_not_stop() -> None:
    state = started(ROLLING, "abcdefghijk", delay_ms=0)
    state = after(state, Failed(1, "a", "x"), Failed(1, "b", "x"), *up(2, "cdefghij"))
    assert state.status is Status.RUNNING
    assert told(state, Deploy, 2) == "k"
    assert told(state, Revert, 2) == "ab"
    done = after(state, Activated(3, "k"))
    assert done.status is Status.COMPLETED
    assert done.detail == "9 of 11 devices succeeded, 2 failed"


def test_more_than_the_threshold_rolls_back_at_once() -> None:
    state = started(ROLLING, "abcdefghijk", delay_ms=0)
    state = after(state, *up(1, "a"), *(Failed(2, x, "it burns") for x in "bcd"))
    assert state.status is Status.ROLLING_BACK
    why = "3 of 10 devices of wave 1 failed, more than 20 %: b: it burns"
    assert state.detail == why
    assert told(state, Revert) == "abcdefghij"
    assert of(state, "k") is TargetStatus.SKIPPED
    back = after(state, *(Reverted(3, x) for x in "abcdefghij"))
    assert back.status is Status.ROLLED_BACK
    assert back.detail == why
    assert of(back, "a") is TargetStatus.ROLLED_BACK
    assert of(back, "b") is TargetStatus.FAILED
    assert outstanding(back, 3) == ()


def test_one_failed_canary_rolls_everything_back() -> None:
    state = started(CANARY, "abcdefghij", canary_percent=25.0)
    assert told(state, Deploy) == "abc"
    reason = "engine exited (out of memory)"
    state = after(state, *up(1, "bc"), Failed(2, "a", reason))
    assert state.detail == f"1 of 3 canaries failed: a: {reason}"
    assert told(state, Revert) == "abc"


def test_a_canary_that_fails_during_the_delay_counts() -> None:
    state = after(started(CANARY, "abc"), *up(1, "a"))
    assert of(state, "a") is TargetStatus.SUCCESS
    state = after(state, Failed(MINUTE_MS, "a", "engine exited"))
    assert state.status is Status.ROLLING_BACK


def test_after_the_canaries_all_others_go_out() -> None:
    state = after(started(CANARY, "abcd"), *up(1, "a"), Tick(1 + 30 * MINUTE_MS))
    assert told(state, Deploy, 1 + 30 * MINUTE_MS) == "bcd"


def test_without_auto_rollback_it_stops_and_leaves_devices_alone() -> None:
    state = started(ROLLING, "abcd", batch_size=3, auto_rollback=False)
    state = after(state, Delivered(1, "a", DEPLOY), Failed(2, "b", "x"))
    assert (state.status, state.halted) == (Status.RUNNING, True)
    assert told(state, Revert) == "c"  # was not heard of: withdrawn
    assert [of(state, x) for x in "cd"] == [TargetStatus.SKIPPED] * 2
    done = after(state, Activated(3, "a"))
    assert done.status is Status.FAILED
    assert of(done, "a") is TargetStatus.SUCCESS


def test_if_nobody_succeeds_it_failed_whatever_the_threshold() -> None:
    state = started(ALL, "ab", failure_percent=100.0)
    state = after(state, Failed(1, "a", "x"), Failed(1, "b", "x"))
    assert state.status is Status.FAILED
    assert state.detail == "0 of 2 devices succeeded, 2 failed"


def test_without_devices_there_is_nothing_to_do() -> None:
    state = started(ALL, "")
    assert state.status is Status.COMPLETED
    assert state.detail == "there was no device to deploy to"
    gone = after(made(ROLLING, "a"), Gone(0, "a"), Start(0, "ada"))
    assert gone.status is Status.COMPLETED


def test_who_is_gone_does_not_count() -> None:
    state = started(ALL, "abcdef")
    state = after(state, Failed(1, "a", "x"), Gone(2, "b"))
    assert state.status is Status.RUNNING  # 1 of 5
    assert after(state, Gone(3, "c")).status is Status.ROLLING_BACK  # 1 of 4


# --- checks ---


def test_a_device_succeeds_once_its_watch_is_over() -> None:
    state = started(ALL, "a", health_check=True)
    state = after(state, Delivered(1, "a", DEPLOY), Activated(5, "a"))
    assert of(state, "a") is TargetStatus.VERIFYING
    assert outstanding(state, 5) == (Watch("a", 30_005),)
    assert after(state, Healthy(30_005, "a")).status is Status.COMPLETED


def test_without_a_verdict_the_watch_ends_with_the_timeout() -> None:
    state = after(started(ALL, "a", health_check=True), Activated(5, "a"))
    state = after(state, Tick(30 * MINUTE_MS))
    assert of(state, "a") is TargetStatus.TIMED_OUT
    assert state.targets["a"].detail == "no verdict on its health within 30m"


# --- silence ---


def test_a_delivery_is_repeated_more_and_more_seldom() -> None:
    state, at_ms, waits = started(ALL, "a"), 0, []
    for _ in range(8):
        state = after(state, Undelivered(at_ms, "a", DEPLOY, "offline"))
        due = due_at_ms(state, at_ms)
        assert due is not None
        waits.append((due - at_ms) // 1_000)
        at_ms = due
        state = after(state, Tick(at_ms))
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert outstanding(state, at_ms) == (Deploy("a", attempt=8),)


def test_who_never_answers_times_out_and_is_put_back_on_return() -> None:
    state = started(ALL, "a")
    state = after(state, Undelivered(0, "a", DEPLOY, "offline"), Tick(30 * MINUTE_MS))
    target = state.targets["a"]
    assert target.status is TargetStatus.TIMED_OUT
    assert target.detail == "it did not answer within 30m: offline"
    assert state.detail == (
        "1 of 1 device timed out, more than 20 %: a: it did not answer within 30m: "
        "offline"
    )
    at_ms = 40 * MINUTE_MS
    state = after(state, Tick(at_ms))
    assert state.status is Status.ROLLED_BACK
    assert state.detail.endswith("; a did not answer and will be put back on return")
    assert asleep(state) == {"a"}
    back = step(state, Returned(at_ms + 1, "a"))
    assert back.effects == (Revert("a", attempt=1),)
    done = after(back.state, Reverted(at_ms + 2, "a"))
    assert done.targets["a"].reverted
    assert of(done, "a") is TargetStatus.TIMED_OUT
    assert due_at_ms(done, at_ms + 2) is None


def test_who_returns_is_asked_at_once() -> None:
    state = after(started(ALL, "a"), Undelivered(0, "a", DEPLOY, "offline"))
    assert outstanding(state, 1) == ()
    assert step(state, Returned(1, "a")).effects == (Deploy("a", attempt=1),)


def test_what_is_sent_again_differs_from_what_got_no_answer() -> None:
    """In one step, too: else whoever sends would take it for the one under way."""
    state = started(ALL, "a")
    again = step_all(state, [Undelivered(1, "a", DEPLOY), Returned(2, "a")])
    assert again.effects == (Deploy("a", attempt=1),)
    back = step_all(state, [Undelivered(1, "a", DEPLOY), RollBack(2, "ada")]).state
    more = step_all(back, [Undelivered(3, "a", REVERT), Returned(4, "a")])
    assert more.effects == (Revert("a", attempt=2),)


def test_a_silent_device_keeps_its_place_until_its_retries_are_used_up() -> None:
    state = started(ALL, "ab", max_in_flight=1, retries=1)
    state = after(state, Undelivered(0, "a", DEPLOY))
    assert told(state, Deploy) == ""
    state = after(state, Tick(2_000), Undelivered(2_000, "a", DEPLOY))
    assert told(state, Deploy, 2_000) == "b"
    state = after(state, Tick(10_000))
    assert told(state, Deploy, 10_000) == "b"  # no place for a
    state = after(state, Activated(10_001, "b"))
    due = due_at_ms(state, 10_001)
    assert due is not None
    assert told(after(state, Tick(due)), Deploy, due) == "a"


def test_whose_turn_does_not_come_times_out() -> None:
    state = after(started(ALL, "ab", max_in_flight=1), Tick(30 * MINUTE_MS))
    assert state.targets["b"].detail == "its turn did not come within 30m"


def test_the_late_answer_of_an_old_order_is_not_taken_for_the_new() -> None:
    state = after(started(ALL, "a"), RollBack(1, "ada"), Delivered(2, "a", DEPLOY))
    assert outstanding(state, 2) == (Revert("a"),)
    taken = after(state, Delivered(3, "a", REVERT))
    assert outstanding(taken, 3) == (Await("a"),)


# --- catching up ---


def test_who_was_absent_catches_up_and_does_not_count() -> None:
    state = started(ALL, "ab", catch_up=True)
    state = after(state, Activated(1, "a"), Undelivered(1, "b", DEPLOY, "offline"))
    state = after(state, Tick(30 * MINUTE_MS))
    assert state.status is Status.COMPLETED
    assert state.detail == "1 of 2 devices succeeded, 1 timed out"
    at_ms = 90 * MINUTE_MS
    late = step(state, Returned(at_ms, "b"))
    assert Deploy("b", attempt=1) in late.effects
    late_state = after(late.state, Activated(at_ms + 5, "b"))
    target = late_state.targets["b"]
    assert (target.status, target.caught_up) == (TargetStatus.TIMED_OUT, True)
    assert told(late_state, Settle, at_ms) == "ab"
    counted = counts(late_state)
    assert (counted.total, counted.completed, counted.failed) == (2, 1, 1)
    assert (counted.caught_up, counted.asleep) == (1, 0)


def test_who_took_the_order_and_came_to_no_end_counts() -> None:
    state = started(ALL, "ab", catch_up=True)
    state = after(state, Activated(1, "a"), Delivered(1, "b", DEPLOY))
    assert after(state, Tick(30 * MINUTE_MS)).status is Status.ROLLING_BACK


def test_absent_canaries_prove_nothing() -> None:
    state = after(started(CANARY, "ab", catch_up=True), Tick(120 * MINUTE_MS))
    assert state.detail == "none of the canaries was there to try the release"
    assert of(state, "b") is TargetStatus.SKIPPED


def test_a_late_failure_is_put_back_and_moves_nothing() -> None:
    state = started(ALL, "ab", catch_up=True)
    state = after(state, Activated(1, "a"), Tick(30 * MINUTE_MS))
    state = after(state, Returned(40 * MINUTE_MS, "b"))
    state = after(state, Failed(40 * MINUTE_MS, "b", "it burns"))
    assert state.status is Status.COMPLETED
    assert state.targets["b"].detail.endswith("; then: it burns")
    assert told(state, Revert, 40 * MINUTE_MS) == "b"


# --- blue-green ---


def test_all_switch_at_once_after_the_delay() -> None:
    state = started(BLUE_GREEN, "ab")
    assert outstanding(state, 0) == (Deploy("a", beside=True), Deploy("b", beside=True))
    state = after(state, Prepared(1, "a"))
    assert outstanding(state, 1) == (Deploy("b", beside=True),)
    state = after(state, Prepared(2, "b"))
    assert due_at_ms(state, 2) == 2 + 10 * MINUTE_MS
    switched = step(state, Tick(2 + 10 * MINUTE_MS))
    assert switched.effects == (Switch("a"), Switch("b"))
    at_ms = 11 * MINUTE_MS
    bad = after(switched.state, Activated(at_ms, "a"), Failed(at_ms, "b", "x"))
    assert told(bad, Revert) == "ab"


def test_a_mute_device_does_not_keep_the_others_from_switching() -> None:
    state = started(BLUE_GREEN, "abcde")
    state = after(state, *(Prepared(1, x) for x in "abcd"))
    due = due_at_ms(state, 1)
    assert due == state.spec.prepare_ms
    state = after(state, Tick(due))
    assert of(state, "e") is TargetStatus.TIMED_OUT
    at_ms = due + 10 * MINUTE_MS
    state = after(state, Tick(at_ms))
    assert told(state, Switch, at_ms) == "abcd"
    assert after(state, *up(at_ms, "abcd")).status is Status.COMPLETED


def test_only_getting_ready_takes_a_place() -> None:
    state = started(BLUE_GREEN, "ab", max_in_flight=1)
    assert told(state, Deploy) == "a"
    state = after(state, Prepared(1, "a"))
    assert told(state, Deploy) == "b"
    at_ms = 11 * MINUTE_MS
    state = after(state, Prepared(2, "b"), Tick(at_ms))
    assert told(state, Switch, at_ms) == "ab"
    silent = after(state, Undelivered(at_ms, "a", Order.SWITCH))
    assert not any(holds_place(x.spec, x.targets["a"]) for x in (state, silent))


# --- people ---


def test_a_second_person_has_to_agree() -> None:
    state = after(made(ALL, "a", needs_approval=True), Start(0, "ada"))
    assert state.status is Status.PENDING
    own = Approve(1, "ada")
    assert step(state, own).state is state
    assert needs_second_person(state, own)
    assert refusal(state, own) == (
        "deployment dep is pending: who made it cannot approve it; ask a second person"
    )
    agreed = after(state, Approve(2, "bob"))
    assert (agreed.status, agreed.approved_by) == (Status.RUNNING, "bob")


def test_it_starts_by_itself_when_its_time_has_come() -> None:
    state = made(ALL, "a", start_at_ms=500)
    assert due_at_ms(state, 0) == 500
    assert after(state, Tick(499)) is state
    assert after(state, Tick(500)).status is Status.RUNNING
    assert after(state, Start(1, "ada")).status is Status.RUNNING


def test_paused_moves_nothing_and_the_delay_stands() -> None:
    state = started(ROLLING, "ab", batch_size=1)
    state = after(state, Activated(0, "a"), Pause(MINUTE_MS, "ada"))
    later_ms = 100 * MINUTE_MS
    assert after(state, Tick(later_ms)) is state
    assert due_at_ms(state, later_ms) is None
    state = after(state, Resume(later_ms, "ada"))
    assert due_at_ms(state, later_ms) == later_ms + 4 * MINUTE_MS


def test_while_paused_who_is_under_way_may_end() -> None:
    state = started(ALL, "ab", max_in_flight=1)
    state = after(state, Delivered(1, "a", DEPLOY), Pause(2, "ada"))
    assert outstanding(state, 2) == (Await("a"),)
    late_ms = 31 * MINUTE_MS
    held = after(state, Tick(late_ms))
    assert of(held, "a") is TargetStatus.TIMED_OUT
    assert of(held, "b") is TargetStatus.PENDING
    assert outstanding(held, late_ms) == ()
    judged = after(held, Resume(late_ms, "ada"))
    assert judged.status is Status.ROLLING_BACK
    assert told(judged, Revert) == "a"


def test_of_waves_that_failed_during_a_pause_the_first_is_told() -> None:
    devices = "abcdefghij"
    state = started(ROLLING, devices, batch_size=1, delay_ms=0)
    state = after(state, *up(1, devices[:-1]))
    whole = [Failed(n, x, "it ended") for n, x in enumerate(reversed(devices), 3)]
    for failed in (whole, [*reversed(whole)]):
        inputs = (Pause(2, "ada"), *failed, Resume(20, "ada"))
        singly = state
        for one in inputs:
            singly = step(singly, one).state
        assert after(state, *inputs) == singly
        assert ": a: it ended" in singly.detail


def test_a_pause_leaves_those_who_wait_their_whole_time() -> None:
    state = started(ALL, "ab", max_in_flight=1, failure_percent=100.0)
    state = after(state, Pause(10 * MINUTE_MS, "ada"), Resume(50 * MINUTE_MS, "ada"))
    assert of(state, "a") is TargetStatus.TIMED_OUT
    assert state.targets["b"].deadline_at_ms == 70 * MINUTE_MS


def test_cancel_puts_back_only_those_under_way() -> None:
    state = started(ROLLING, "abc", batch_size=2, max_in_flight=1)
    state = after(state, Activated(1, "a"), Cancel(2, "bob"))
    assert (state.status, state.detail) == (Status.ROLLING_BACK, "cancelled by bob")
    assert outstanding(state, 2) == (Revert("b"),)
    done = after(state, Reverted(3, "b"))
    assert done.status is Status.CANCELLED
    wanted = [TargetStatus.SUCCESS, TargetStatus.ROLLED_BACK, TargetStatus.SKIPPED]
    assert [of(done, x) for x in "abc"] == wanted
    assert outstanding(done, 3) == (Settle("a"),)


def test_what_was_cancelled_can_still_be_rolled_back_meanwhile() -> None:
    state = started(ALL, "ab")
    state = after(state, Activated(1, "a"), Cancel(2, "bob"), RollBack(3, "ada"))
    assert told(state, Revert) == "ab"
    assert state.detail == "rolled back by ada"


def test_a_device_that_cannot_go_back_makes_the_rollback_fail() -> None:
    state = after(started(ALL, "ab"), RollBack(1, "ada"), Reverted(2, "a"))
    state = after(state, RevertFailed(3, "b", "disk full"))
    assert state.status is Status.FAILED
    assert state.detail == "rolled back by ada; b could not be put back"
    assert state.targets["b"].detail == "it could not be put back: disk full"


def test_commands_out_of_season_change_nothing_and_are_explained() -> None:
    pending, running = made(ALL, "a"), started(ALL, "a")
    ended = after(running, Activated(1, "a"))
    refused: list[tuple[Deployment, Input, str]] = [
        (pending, RollBack(2, "x"), "no device has the release yet; cancel it"),
        (pending, Pause(2, "x"), "only a running one can be paused"),
        (running, Start(2, "x"), "it has started already"),
        (running, Resume(2, "x"), "only a paused one can go on"),
        (running, Approve(2, "x"), "it needs no approval"),
        (ended, RollBack(2, "x"), "it has ended; make a new deployment"),
    ]
    for state, given, why in refused:
        assert step(state, given).state is state
        said = refusal(state, given)  # type: ignore[arg-type]
        assert said == f"deployment dep is {state.status}: {why}"


# --- windows ---


def test_nothing_new_outside_windows_and_the_clock_of_those_who_wait_stands() -> None:
    windows = (Window(60, 70),)  # 01:00 to 01:10, every day
    state = started(ALL, "ab", windows=windows, max_in_flight=1, failure_percent=100.0)
    assert told(state, Deploy) == ""
    opens_ms = 60 * MINUTE_MS
    assert due_at_ms(state, 0) == opens_ms
    state = after(state, Tick(opens_ms))
    assert told(state, Deploy, opens_ms) == "a"
    shuts_ms = 70 * MINUTE_MS
    state = after(state, Failed(shuts_ms, "a", "x"))
    assert told(state, Revert, shuts_ms) == "a"
    assert told(state, Deploy, shuts_ms) == ""
    assert of(after(state, Tick(20 * 60 * MINUTE_MS)), "b") is TargetStatus.PENDING
    assert due_at_ms(state, shuts_ms) == DAY_MS + opens_ms
    state = after(state, Tick(DAY_MS + opens_ms))
    assert told(state, Deploy, DAY_MS + opens_ms) == "b"
    left_ms = DAY_MS + opens_ms + 20 * MINUTE_MS
    assert state.targets["b"].deadline_at_ms == left_ms


# --- who appears ---


def test_new_devices_join_the_last_wave_while_there_is_room() -> None:
    state = started(ROLLING, "abc", batch_size=2, dynamic=True)
    state = after(state, Appeared(1, "d"), Appeared(1, "e"), Appeared(1, "a"))
    assert {x: y.wave for x, y in state.targets.items()} == {
        "a": 0,
        "b": 0,
        "c": 1,
        "d": 1,
        "e": 2,
    }
    fixed = started(ALL, "a")
    assert after(fixed, Appeared(1, "b")) is fixed


def test_nobody_joins_what_has_ended() -> None:
    state = after(started(ALL, "a", dynamic=True), Activated(1, "a"))
    assert is_terminal(state)
    assert after(state, Appeared(2, "b")) is state


# --- cost ---


def test_many_inputs_are_one_step() -> None:
    names = [f"d{n}" for n in range(1_000)]
    state = begin(DEFAULTS[ALL], names, 0, id="dep")
    state = step(state, Start(0, "ada")).state
    singly = state
    inputs = [Activated(n, x) for n, x in enumerate(names[:50])]
    for one in inputs:
        singly = step(singly, one).state
    together = step_all(state, inputs)
    assert together.state == singly
    assert together.changed == set(names[:50])
    assert set(together.effects) == {
        Watch(x, n + 30_000) for n, x in enumerate(names[:50])
    }
