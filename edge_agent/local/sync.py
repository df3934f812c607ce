"""Offers the centre what was changed on this device, and does as the centre decides.

Changes are offered in their order, one at a time, again and again until there is an
answer. Where the centre's version stands, or has another number, it is installed as
soon as no run of the flow is active; until then the flow stays as it is, and is told
to be on its way out. What has been installed from elsewhere meanwhile is left alone.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec.structs import replace
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from edge_agent.local.change import Change, ChangeState, Installed
from edge_agent.local.changes import Changes
from heddle.backoff import backoff_s
from heddle.contract.declare import (
    FleetError,
    InternalError,
    InvalidId,
    InvalidRequest,
)
from heddle.contract.flows import FlowInvalid, InstalledFlow, InstallFlow
from heddle.contract.local_changes import (
    OFFER_CHANGE,
    ChangeDecided,
    ChangeKind,
    ChangeOutcome,
    OfferChange,
)
from heddle.contract.runs import EngineUnavailable
from heddle.wamp.session import ConnectionLost, MessageTooLarge, Session
from heddle.wamp.spawn import spawn

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S = 0.5, 30.0
ANSWER_WITHIN_S = 15.0
INSTALL_EVERY_S = 5.0
MOST_DEFECTS = 20  # of the centre, over one change
_FOR_GOOD = (FlowInvalid, InvalidRequest, InvalidId, MessageTooLarge)


class Installs(Protocol):
    """What is installed here, and installing."""

    async def turn(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something while nobody else changes flows on the spot."""
        ...

    def installed(self, flow: str) -> Installed | None:
        """A flow's version and definition, if it is installed."""
        ...

    async def install(self, request: InstallFlow) -> InstalledFlow:
        """Install or replace a flow."""
        ...


class ChangeSync:
    """Keeps the centre and the device's own changes together."""

    def __init__(
        self,
        clock: IReactorTime,
        changes: Changes,
        installs: Installs,
    ) -> None:
        self._clock = clock
        self._changes = changes
        self._installs = installs
        self._session: Session | None = None
        self._offering: Session | None = None
        self._timer: IDelayedCall | None = None
        self._stopped = False

    def start(self) -> None:
        """Go on with what a former life was told."""
        self._look_again(0.0)

    def stop(self) -> None:
        """Do no more."""
        self._stopped = True
        self._session = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def joined(self, session: Session) -> None:
        """There is a link."""
        self._session = session
        self.nudge()

    def left(self) -> None:
        """There is none."""
        self._session = self._offering = None

    def nudge(self) -> None:
        """Something was changed."""
        session = self._session
        if session is not None and self._offering is not session:
            self._offering = session
            spawn(self._offer_all(session), "offering local changes")

    # --- offering --------------------------------------------------------------------

    async def _offer_all(self, session: Session) -> None:
        tries = 0
        while self._session is session:
            if (change := self._changes.waiting()) is None:
                self._offering = None
                return
            try:
                await self._offer(session, change)
                tries = 0
            except ConnectionLost:
                return  # the next session offers
            except FleetError as error:
                tries += 1
                if isinstance(error, InternalError) and tries >= MOST_DEFECTS:
                    self._refused(change, error)  # or it would hold up all others
                    tries = 0
                    continue
                if tries == 2:  # noqa: PLR2004 -- once is nothing to tell
                    log.warn("local changes wait: {error}", error=str(error))
                wait_s = backoff_s(FIRST_RETRY_S, tries - 1, MAX_RETRY_S)
                await deferLater(self._clock, wait_s)

    async def _offer(self, session: Session, change: Change) -> None:
        request = OfferChange(
            change=change.change,
            flow=change.flow,
            kind=change.kind,
            base=change.base,
            changed_at_ms=change.at_ms,
            definition=change.definition,
        )
        try:
            answer = await session.call(
                OFFER_CHANGE, request, timeout_s=ANSWER_WITHIN_S
            )
        except _FOR_GOOD as refusal:
            self._refused(change, refusal)
        else:
            self._heed(change, answer)

    def _refused(self, change: Change, why: FleetError) -> None:
        told = f"the centre refuses it: {why}"
        log.warn("{flow} changed here: {told}", flow=change.flow, told=told)
        self._changes.decided(replace(change, state=ChangeState.REFUSED, told=told))

    def _heed(self, change: Change, answer: ChangeDecided) -> None:
        is_conflict = answer.outcome is ChangeOutcome.CONFLICT
        decided = replace(
            change,
            state=ChangeState.CONFLICT if is_conflict else ChangeState.TAKEN,
            centre_version=answer.version,
            centre_definition=answer.definition if is_conflict else None,
            told=_told(change, answer),
            is_due=self._is_to_be_installed(change, answer),
        )
        self._changes.decided(decided)
        tell = log.warn if is_conflict else log.info
        tell("{flow}: {told}", flow=change.flow, told=decided.told)
        if decided.is_due:
            self._look_again(0.0)

    def _is_to_be_installed(self, change: Change, answer: ChangeDecided) -> bool:
        if change.kind is ChangeKind.REMOVED:
            return False
        return answer.outcome is ChangeOutcome.CONFLICT or (
            answer.version != change.version
        )

    # --- installing what the centre has ----------------------------------------------

    def _look_again(self, wait_s: float) -> None:
        if self._stopped:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.callLater(wait_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._changes.due():
            spawn(self._install_due(), "installing the centre's versions")

    async def _install_due(self) -> None:
        await self._installs.turn(self._install_each)
        if self._changes.due():
            self._look_again(INSTALL_EVERY_S)

    async def _install_each(self) -> None:
        for change in self._changes.due():
            if self._changes.newest(change.flow) != change or not self._is_here(change):
                self._settle(change, change.told)  # something else was installed since
                continue
            wanted = _centres(change)
            try:
                await self._installs.install(wanted)
            except EngineUnavailable as error:
                log.warn("{flow}: {error}", flow=change.flow, error=str(error))
            except FleetError as error:
                self._wait(change, str(error))
                continue
            if self._installs.installed(change.flow) == (
                wanted.version,
                wanted.definition,
            ):
                self._settle(change, f"{_outcome(change)}; it is installed")

    def _is_here(self, change: Change) -> bool:
        return change.made(self._installs.installed(change.flow))

    def _wait(self, change: Change, why: str) -> None:
        told = f"{_outcome(change)}; not installed yet: {why}"
        if told != change.told:
            log.info("{flow}: {told}", flow=change.flow, told=told)
            self._changes.put(replace(change, told=told))

    def _settle(self, change: Change, told: str) -> None:
        self._changes.put(replace(change, told=told, is_due=False))


def _centres(change: Change) -> InstallFlow:
    """What is to be installed: the centre's definition, or ours under its number."""
    definition = change.centre_definition
    if definition is None:
        definition = change.definition or {}
    return InstallFlow(
        flow=change.flow, version=change.centre_version or 0, definition=definition
    )


def _outcome(change: Change) -> str:
    version = change.centre_version
    if change.state is ChangeState.CONFLICT:
        return f"changed at the centre, too: the centre's version {version} stands"
    return f"the centre has it as version {version}"


def _told(change: Change, answer: ChangeDecided) -> str:
    if answer.outcome is ChangeOutcome.CONFLICT:
        return (
            f"changed at the centre, too: the centre's version {answer.version} stands"
        )
    if change.kind is ChangeKind.REMOVED:
        return "the centre knows that it was removed here"
    return f"the centre has it as version {answer.version}"
