"""Brings one stream of the outbox to fleetdata, a few batches on their way at a time.

It lives as long as a session. Whatever goes wrong at the other end, the items stay in
the outbox and are tried again, slower and slower; only a receipt makes them leave. Each
stream has a delivery of its own, so none waits behind another's backlog.

What comes of a command to a whole fleet is told live, and gathered for a second before
it is delivered: a burst is one batch, and answers go before it.

Batches are sent in order. When one fails, nothing is sent until every answer is there;
then it begins anew with a single batch. Only what is said of a batch that was alone on
its way is taken for more than a matter of order.
"""

from collections import deque
from dataclasses import dataclass

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from edge_agent.budget import BATCH_ITEMS
from edge_agent.outbox import Outbox
from edge_agent.pace import Pace, Verdict
from edge_agent.packing import count
from heddle.backoff import backoff_s
from heddle.contract.declare import FleetError, InvalidRequest
from heddle.contract.samples import INGEST, Ingest, Receipt, SequenceGap, Stream
from heddle.wamp.session import ConnectionLost, MessageTooLarge, Session

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S = 0.5, 30.0
CALL_TIMEOUT_S = 30.0
GATHER_S = {Stream.RUN_EVENTS: 1.0}  # samples come gathered already


@dataclass(frozen=True, slots=True)
class _Sent:
    """A batch on its way; ``answer`` never fails, it gives what came or went wrong."""

    batch: Ingest
    at_s: float
    answer: Deferred[Receipt | FleetError]
    alone: bool


class Delivery:
    """Drains one stream while there is a session."""

    def __init__(self, clock: IReactorTime, outbox: Outbox, stream: Stream) -> None:
        self._clock = clock
        self._outbox = outbox
        self._stream = stream
        self._session: Session | None = None
        self._draining: Deferred[None] | None = None
        self._on_way: deque[_Sent] = deque()
        self._pace = Pace(BATCH_ITEMS[stream])
        self._pause_s = 0.0
        self._failures = 0

    def start(self, session: Session) -> None:
        """Begin, or go on with a new session."""
        self.stop()
        self._session, self._failures, self._pause_s = session, 0, 0.0
        self._pace.failed()
        self._draining = Deferred.fromCoroutine(self._drain(session))
        _ = self._draining.addErrback(self._ended)

    def stop(self) -> None:
        """The session is gone."""
        self._session = None
        draining, self._draining = self._draining, None
        on_way, self._on_way = self._on_way, deque()
        if draining is not None:
            draining.cancel()
        for sent in tuple(on_way):
            sent.answer.cancel()

    def _ended(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            log.failure("delivering {stream} ended", failure, stream=self._stream)

    async def _drain(self, session: Session) -> None:
        on_way = self._on_way  # its own: the next session's drain has another
        while self._session is session:
            try:
                filled = self._outbox.filled(self._stream)
                await self._send_more(session, on_way)
                if on_way:
                    answer = await on_way[0].answer
                    await self._heed(answer, on_way)
                else:
                    await filled
                    if gather_s := GATHER_S.get(self._stream):
                        await deferLater(self._clock, gather_s)
            except ConnectionLost:
                return  # the next session goes on
            except FleetError as error:
                if self._session is session:
                    await self._wait_after(error)

    async def _send_more(self, session: Session, on_way: deque[_Sent]) -> None:
        """Fill the window."""
        while len(on_way) < self._pace.window:
            last = on_way[-1].batch if on_way else None
            if self._pause_s:
                if last is not None:
                    return
                pause_s, self._pause_s = self._pause_s, 0.0
                await deferLater(self._clock, pause_s)
            batch = await self._outbox.batch(self._stream, last, self._pace.items)
            if batch is None:
                return
            sent_at = self._clock.seconds()
            answer = Deferred.fromCoroutine(_answer(session, batch))
            on_way.append(_Sent(batch, sent_at, answer, alone=last is None))

    async def _heed(self, answer: Receipt | FleetError, on_way: deque[_Sent]) -> None:
        """Take the answer to the oldest batch on its way."""
        sent = on_way.popleft()
        if isinstance(answer, Receipt):
            await self._take(sent, answer, on_way)
            return
        self._pace.failed()
        alone = sent.alone and not on_way
        await self._end(on_way)
        match answer:
            case SequenceGap() if alone:
                await self._resume(sent.batch, answer)
            case InvalidRequest() | MessageTooLarge() if alone:
                await self._refused(sent.batch, answer)
            case SequenceGap() | InvalidRequest() | MessageTooLarge():
                pass  # again, alone
            case _:
                raise answer

    async def _take(self, sent: _Sent, receipt: Receipt, on_way: deque[_Sent]) -> None:
        if self._failures > 1:
            log.info("{stream} are delivered again", stream=self._stream.value)
        self._failures = 0
        latency_s = self._clock.seconds() - sent.at_s
        self._pace.accepted(latency_s, receipt.most_items)
        self._pause_s = max(receipt.pause_ms, 0) / 1000
        if not await self._outbox.acknowledge(receipt):
            await self._end(on_way)
            await self._outbox.resume_at(
                self._stream, sent.batch.epoch, receipt.next_number
            )

    async def _end(self, on_way: deque[_Sent]) -> None:
        """Wait for all answers still to come; receipts among them count."""
        while on_way:
            answer = await on_way[0].answer
            on_way.popleft()
            if isinstance(answer, Receipt):
                await self._outbox.acknowledge(answer)

    async def _resume(self, batch: Ingest, gap: SequenceGap) -> None:
        wanted = int(str(gap.details["wanted"]))
        log.warn(
            "{stream}: fleetdata wants number {wanted}, we offered {first}",
            stream=self._stream.value,
            wanted=wanted,
            first=batch.first,
        )
        await self._outbox.resume_at(self._stream, batch.epoch, wanted)

    async def _refused(self, batch: Ingest, refusal: FleetError) -> None:
        match self._pace.refused(count(batch)):
            case Verdict.SMALLER:
                pass
            case Verdict.LATER:
                raise refusal
            case Verdict.GIVE_UP:
                log.warn(
                    "{count} {stream} are refused for good: {why}",
                    count=count(batch),
                    stream=self._stream.value,
                    why=str(refusal),
                )
                await self._outbox.discard(batch, str(refusal))

    async def _wait_after(self, error: FleetError) -> None:
        self._failures += 1
        if self._failures == 2:  # noqa: PLR2004 -- once is nothing to tell
            log.warn(
                "{stream} wait in the outbox: {error}",
                stream=self._stream.value,
                error=str(error),
            )
        delay_s = backoff_s(FIRST_RETRY_S, self._failures - 1, MAX_RETRY_S)
        told_ms = error.details.get("retry_in_ms")
        if isinstance(told_ms, int | float) and told_ms >= 0:
            delay_s = min(told_ms / 1000, MAX_RETRY_S)
        await deferLater(self._clock, delay_s)


async def _answer(session: Session, batch: Ingest) -> Receipt | FleetError:
    try:
        return await session.call(INGEST, batch, timeout_s=CALL_TIMEOUT_S)
    except FleetError as error:
        return error
