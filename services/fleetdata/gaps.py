"""The proof of completeness: which epochs are whole, which losses explain their ends.

Within an epoch nothing can be missing, for a batch that skips numbers is refused. So
what may be missing is at an epoch's end: there it is either open, or a loss tells where
it broke off, or nobody knows. A loss that was told with more than is missing (a batch
under way was stored after all) explains the end nevertheless.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.samples import Epoch, EpochState, Gaps, GapsQuery, Loss
from services.fleetdata.asking import slow
from services.fleetdata.database import Database
from services.fleetdata.store.gaps import KnownEpoch, Ledger, ledger_of
from services.fleetdata.store.links import StoreTooSlow

MOST_EPOCHS, MOST_LOSSES = 2_500, 2_000  # what fits a message of 1 MiB


async def gaps(database: Database, query: GapsQuery) -> Gaps:
    """Answer what is missing of a device. Raises ``InvalidRequest``."""
    check_id("device", query.device)
    if None not in (query.from_ms, query.to_ms) and query.from_ms >= query.to_ms:  # type: ignore[operator]
        raise InvalidRequest(
            f"the range [{query.from_ms}, {query.to_ms}) is empty: "
            "give unix milliseconds, from_ms before to_ms"
        )
    try:
        ledger = await database.read(ledger_of, query.device)
    except StoreTooSlow:
        raise slow() from None
    found = judge(query, ledger)
    if len(found.losses) > MOST_LOSSES:
        raise InvalidRequest(
            f"{query.device} has {len(found.losses)} losses in the range, of which "
            f"an answer holds {MOST_LOSSES}: ask for a shorter range"
        )
    return found


def judge(query: GapsQuery, ledger: Ledger) -> Gaps:
    """What the ledger proves. Of too many epochs the oldest closed are left out."""
    epochs = tuple(_epochs(ledger))
    losses = tuple(loss for loss in ledger.losses if _overlaps(loss, query))
    unexplained = any(epoch.state is EpochState.UNEXPLAINED for epoch in epochs)
    return Gaps(
        device=query.device,
        complete=not unexplained and not any(loss.count for loss in losses),
        epochs=_most(epochs),
        losses=losses,
    )


def _epochs(ledger: Ledger) -> Iterator[Epoch]:
    """Each stream's in their order; before them those of which only a loss is known."""
    ends: dict[tuple[str, str], list[Loss]] = defaultdict(list)
    for loss in ledger.losses:
        ends[loss.stream, loss.epoch].append(loss)
    newest = {known.stream: known for known in ledger.epochs}
    stored = {(known.stream, known.epoch) for known in ledger.epochs}
    unheard = [
        KnownEpoch(told[0].stream, told[0].epoch, 0, 0, told[0].at_ms)
        for key, told in ends.items()
        if key not in stored
    ]
    for known in sorted((*unheard, *ledger.epochs), key=lambda one: one.stream):
        told = ends.get((known.stream, known.epoch), ())
        yield Epoch(
            stream=known.stream,
            epoch=known.epoch,
            state=_state(known, told, is_newest=known is newest.get(known.stream)),
            next_number=known.next_number,
            expired=known.expired,
            changed_at_ms=known.changed_at_ms,
        )


def _state(known: KnownEpoch, told: Sequence[Loss], *, is_newest: bool) -> EpochState:
    if told:
        whole = any(
            loss.first <= known.next_number <= loss.first + loss.count for loss in told
        )
        return EpochState.CLOSED if whole else EpochState.UNEXPLAINED
    return EpochState.OPEN if is_newest else EpochState.UNEXPLAINED


def _overlaps(loss: Loss, query: GapsQuery) -> bool:
    """Whether what was lost may be of the range; an unknown moment may be any before
    it was dropped.
    """
    until = loss.to_ms if loss.to_ms is not None else loss.at_ms
    return (query.to_ms is None or (loss.from_ms or 0) < query.to_ms) and (
        query.from_ms is None or until >= query.from_ms
    )


def _most(epochs: Sequence[Epoch]) -> tuple[Epoch, ...]:
    too_many = max(len(epochs) - MOST_EPOCHS, 0)
    closed = [i for i, e in enumerate(epochs) if e.state is EpochState.CLOSED]
    left_out = set(closed[:too_many])
    return tuple(e for i, e in enumerate(epochs) if i not in left_out)[-MOST_EPOCHS:]
