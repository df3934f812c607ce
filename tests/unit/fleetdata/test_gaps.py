"""The proof of completeness, from what the ledger knows."""

from dataclasses import replace

import pytest

from heddle.contract.samples import EpochState, Gaps, GapsQuery, Loss, Stream
from services.fleetdata.gaps import MOST_EPOCHS, judge
from services.fleetdata.store.gaps import KnownEpoch, Ledger
from tests.support.batches import loss

OPEN, CLOSED, UNEXPLAINED = (
    EpochState.OPEN,
    EpochState.CLOSED,
    EpochState.UNEXPLAINED,
)
NOW_S = 1_800_000_000.0
NOW_MS = int(NOW_S * 1000)


def known(epoch: str, next_number: int, stream: Stream = Stream.SAMPLES) -> KnownEpoch:
    return KnownEpoch(stream, epoch, next_number, 0, NOW_MS)


def judged(epochs: list[KnownEpoch], losses: list[Loss] = [], **span: int) -> Gaps:  # noqa: B006
    query = GapsQuery(device="press_7", **span)
    return judge(query, Ledger(tuple(epochs), tuple(losses)))


def states(of: Gaps) -> list[tuple[str, EpochState]]:
    return [(epoch.epoch, epoch.state) for epoch in of.epochs]


def test_one_epoch_is_open_and_complete() -> None:
    found = judged([known("a", 50)])
    assert (states(found), found.complete) == ([("a", OPEN)], True)


def test_of_a_device_never_heard_of_nothing_is_missing() -> None:
    assert judged([]) == Gaps(device="press_7", complete=True, epochs=(), losses=())


@pytest.mark.parametrize(
    ("first", "count", "state", "complete"),
    [
        (50, 0, CLOSED, True),  # an end without loss
        (50, 10, CLOSED, False),
        (45, 10, CLOSED, False),  # a batch on its way was stored after all
        (51, 10, UNEXPLAINED, False),  # and number 50?
        (30, 10, UNEXPLAINED, False),  # then why are 41 to 49 there?
    ],
)
def test_an_ended_epoch_is_explained_by_a_loss_where_it_breaks_off(
    first: int, count: int, state: EpochState, complete: bool
) -> None:
    found = judged([known("a", 50), known("b", 3)], [loss("a", first, count, NOW_S)])
    assert states(found) == [("a", state), ("b", OPEN)]
    assert found.complete == complete


def test_an_epoch_that_ended_without_a_word_is_unexplained() -> None:
    found = judged([known("a", 50), known("b", 3)])
    assert (states(found), found.complete) == (
        [("a", UNEXPLAINED), ("b", OPEN)],
        False,
    )


def test_the_newest_epoch_may_have_ended_already() -> None:
    found = judged([known("a", 50)], [loss("a", 50, 0, NOW_S)])
    assert (states(found), found.complete) == ([("a", CLOSED)], True)


def test_an_epoch_of_which_nothing_arrived_is_known_by_its_loss() -> None:
    whole, cut = loss("a", 0, 99, NOW_S), loss("b", 7, 1, NOW_S)
    found = judged([known("c", 50)], [whole, cut])
    assert states(found) == [("a", CLOSED), ("b", UNEXPLAINED), ("c", OPEN)]
    assert found.epochs[0].next_number == 0


def test_each_stream_has_a_newest_epoch_of_its_own() -> None:
    found = judged(
        [known("a", 5, Stream.RUN_EVENTS), known("b", 5)],
        [loss("a", 5, 1, NOW_S)],  # of an epoch `a` of the samples
    )
    assert {(e.stream, e.epoch): e.state for e in found.epochs} == {
        (Stream.RUN_EVENTS, "a"): OPEN,
        (Stream.SAMPLES, "a"): UNEXPLAINED,
        (Stream.SAMPLES, "b"): OPEN,
    }


@pytest.mark.parametrize(
    ("span", "inside"),
    [
        ({}, True),
        ({"from_ms": NOW_MS}, True),
        ({"from_ms": NOW_MS + 1}, False),
        ({"to_ms": NOW_MS - 60_000}, False),
        ({"to_ms": NOW_MS - 59_999}, True),
        ({"from_ms": NOW_MS - 50_000, "to_ms": NOW_MS - 40_000}, True),
    ],
)
def test_a_range_is_asked_for(span: dict[str, int], inside: bool) -> None:
    lost = loss("a", 50, 10, NOW_S)  # of the minute before
    found = judged([known("a", 50), known("b", 5)], [lost], **span)
    assert found.losses == ((lost,) if inside else ())
    assert found.complete == (not inside)
    assert states(found) == [("a", CLOSED), ("b", OPEN)]


def test_items_of_an_unknown_moment_may_be_of_any() -> None:
    lost = replace(loss("a", 50, 10, NOW_S), from_ms=None, to_ms=None)
    assert not judged([known("a", 50)], [lost], from_ms=0, to_ms=5).complete
    assert judged([known("a", 50)], [lost], from_ms=NOW_MS + 1).complete


def test_of_too_many_epochs_the_oldest_closed_ones_are_left_out() -> None:
    count = MOST_EPOCHS + 10
    epochs = [known(f"e{n}", 1) for n in range(count)]
    losses = [loss(f"e{n}", 1, 0, NOW_S) for n in range(1, count - 1)]
    found = judged(epochs, losses)
    assert len(found.epochs) == MOST_EPOCHS
    assert states(found)[:2] == [("e0", UNEXPLAINED), ("e11", CLOSED)]
    assert not found.complete
