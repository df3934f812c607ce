"""Brings the outbox to fleetdata: one batch of each stream on its way at a time.

It lives as long as a session. Whatever goes wrong at the other end, the items stay in
the outbox and are tried again, slower and slower; only a receipt makes them leave.
"""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from edge_agent.outbox import Outbox
from edge_agent.outbox_store import count
from heddle.contract.declare import FleetError, InvalidRequest
from heddle.contract.samples import INGEST, Ingest, SequenceGap, Stream
from heddle.wamp.session import ConnectionLost, Session

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S = 0.5, 30.0
REFUSALS_BEFORE_DISCARD = 5
CALL_TIMEOUT_S = 30.0


class Delivery:
    """Drains one stream while there is a session."""

    def __init__(self, clock: IReactorTime, outbox: Outbox, stream: Stream) -> None:
        self._clock = clock
        self._outbox = outbox
        self._stream = stream
        self._session: Session | None = None
        self._draining: Deferred[None] | None = None
        self._failures = 0
        self._refusals = 0

    def start(self, session: Session) -> None:
        """Begin, or go on with a new session."""
        self.stop()
        self._session, self._failures = session, 0
        self._draining = Deferred.fromCoroutine(self._drain(session))
        _ = self._draining.addErrback(self._ended)

    def stop(self) -> None:
        """The session is gone."""
        self._session = None
        draining, self._draining = self._draining, None
        if draining is not None:
            draining.cancel()

    def _ended(self, failure: Failure) -> None:
        if not isinstance(failure.value, CancelledError):
            log.failure("delivering {stream} ended", failure, stream=self._stream)

    async def _drain(self, session: Session) -> None:
        while self._session is session:
            try:
                filled = self._outbox.filled(self._stream)
                batch = await self._outbox.batch(self._stream)
                if batch is None:
                    await filled
                    continue
                await self._deliver(session, batch)
            except ConnectionLost:
                return  # the next session goes on
            except FleetError as error:
                await self._wait_after(error)
            else:
                if self._failures > 1:
                    log.info("{stream} are delivered again", stream=self._stream.value)
                self._failures = 0

    async def _deliver(self, session: Session, batch: Ingest) -> None:
        try:
            receipt = await session.call(INGEST, batch, timeout_s=CALL_TIMEOUT_S)
        except SequenceGap as gap:
            wanted = int(str(gap.details["wanted"]))
            log.warn(
                "{stream}: fleetdata wants number {wanted}, we offered {first}",
                stream=self._stream.value,
                wanted=wanted,
                first=batch.first,
            )
            await self._outbox.resume_at(self._stream, batch.epoch, wanted)
        except InvalidRequest as refusal:
            self._refusals += 1
            if self._refusals < REFUSALS_BEFORE_DISCARD:
                raise
            self._refusals = 0
            log.warn(
                "{count} {stream} are refused for good: {why}",
                count=count(batch),
                stream=self._stream.value,
                why=str(refusal),
            )
            await self._outbox.discard(batch, str(refusal))
        else:
            self._refusals = 0
            if not await self._outbox.acknowledge(receipt):
                await self._outbox.resume_at(
                    self._stream, batch.epoch, receipt.next_number
                )

    async def _wait_after(self, error: FleetError) -> None:
        self._failures += 1
        if self._failures == 2:  # noqa: PLR2004 -- once is nothing to tell
            log.warn(
                "{stream} wait in the outbox: {error}",
                stream=self._stream.value,
                error=str(error),
            )
        delay_s = min(FIRST_RETRY_S * 2 ** (self._failures - 1), MAX_RETRY_S)
        await deferLater(self._clock, delay_s)
