"""How much is sent next, and what becomes of a batch that is refused."""

from edge_agent.pace import FIRST_ITEMS, LEAST_ITEMS, PATIENCE, WINDOW, Pace, Verdict


def test_batches_grow_while_receipts_are_quick_and_shrink_when_they_are_slow() -> None:
    pace = Pace(10_000)
    assert (pace.items, pace.window) == (FIRST_ITEMS, 1)
    for _ in range(5):
        pace.accepted(0.05, None)
    assert (pace.items, pace.window) == (10_000, WINDOW)
    pace.accepted(0.2, None)
    assert pace.items == 10_000
    for _ in range(20):
        pace.accepted(0.5, None)
    assert (pace.items, pace.window) == (LEAST_ITEMS, WINDOW)
    pace.accepted(2.0, None)
    assert (pace.items, pace.window) == (LEAST_ITEMS, 1)


def test_the_other_end_says_how_much_it_takes() -> None:
    pace = Pace(10_000)
    pace.accepted(0.01, 300)
    assert pace.items == 300
    pace.accepted(0.01, 0)
    assert pace.items == 1  # or nothing would ever move again
    pace.accepted(0.01, None)
    assert pace.items == 10_000


def test_after_a_failure_one_batch_goes_at_a_time() -> None:
    pace = Pace(10_000)
    pace.accepted(0.01, None)
    pace.failed()
    assert pace.window == 1
    pace.accepted(0.01, None)
    assert pace.window == WINDOW


def rounds(pace: Pace, unfit: list[bool]) -> tuple[int, int]:
    """Deliver items; how many rounds it took, and how many fit ones were given up."""
    took = lost = 0
    while unfit:
        took += 1
        batch = unfit[: pace.items]
        if not any(batch):
            pace.accepted(0.01, None)
        elif pace.refused(len(batch)) is Verdict.GIVE_UP:
            lost += batch.count(False)
        else:
            continue
        unfit = unfit[len(batch) :]
    return took, lost


def test_one_unfit_item_is_found_and_only_it_is_given_up() -> None:
    unfit = [n == 1_234 for n in range(10_000)]
    took, lost = rounds(Pace(10_000), unfit)
    assert lost == 0
    assert took < 40 + PATIENCE


def test_a_long_unfit_stretch_costs_few_rounds_and_few_fit_items() -> None:
    unfit = [2_000 <= n < 7_000 for n in range(20_000)]
    took, lost = rounds(Pace(10_000), unfit)
    assert lost <= 5_000
    assert took < 100


def test_the_smallest_batch_is_tried_patiently() -> None:
    pace = Pace(10_000)
    verdicts = [pace.refused(1) for _ in range(PATIENCE)]
    assert verdicts == [Verdict.LATER] * (PATIENCE - 1) + [Verdict.GIVE_UP]
