"""What a person on the spot can do with flows: look at them, add, replace, remove.

It is done by the part that serves the centre. Added is what the spot needs: nobody
overwrites what they have not seen, and every change is written down for the centre
before it is made.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from edge_agent.flow import Flow
from edge_agent.flows import Flows
from edge_agent.local.answers import FlowChange, FlowDefinition, FlowFull, NewFlow
from edge_agent.local.change import Change, Installed
from edge_agent.local.changes import Changes
from heddle.contract.declare import InvalidRequest, LocalError, check_id
from heddle.contract.flows import InstalledFlow, InstallFlow, RemoveFlow
from heddle.contract.local_changes import ChangeKind
from heddle.contract.runs import FlowNotInstalled

log = Logger()


class FlowExists(LocalError):
    """A flow of this id is on the device already."""


class Outdated(LocalError):
    """The flow is not what its editor has seen."""


class Unseen(LocalError):
    """A flow is to be replaced, and nothing tells that its editor has seen it."""


class Desk:
    """The flows of this device, for somebody who stands beside it."""

    def __init__(
        self, flows: Flows, changes: Changes, changed: Callable[[], None]
    ) -> None:
        """``changed`` hears that there is something for the centre."""
        self._flows = flows
        self._changes = changes
        self._changed = changed
        self._lock = DeferredLock()  # editors queue
        self._etags: dict[str, tuple[object, str]] = {}

    # --- what there is ---------------------------------------------------------------

    def installed(self, flow: str) -> Installed | None:
        """A flow's version and definition, if it is installed."""
        try:
            wanted = self._flows.get(flow).wanted
        except FlowNotInstalled:
            return None
        return wanted.version, wanted.definition

    def reports(self) -> dict[str, InstalledFlow]:
        """Every flow, also those of which nobody can read what is wanted; by id."""
        return {report.flow: report for report in self._flows.list().flows}

    def one(self, flow: str) -> FlowFull:
        """A flow with its workflow. Raises ``FlowNotInstalled``."""
        found = self._flows.get(flow)
        report = found.report
        return FlowFull(
            flow=flow,
            version=report.version,
            state=report.state,
            runtime=report.runtime,
            etag=self.etag(found),
            definition=dict(found.wanted.definition),
            detail=report.detail,
            engine=report.engine,
            change=self.change(flow),
        )

    def etag_of(self, flow: str) -> str:
        """The same by id; empty if nobody can read what is wanted."""
        try:
            return self.etag(self._flows.get(flow))
        except FlowNotInstalled:
            return ""

    def etag(self, flow: Flow) -> str:
        """Names a flow as it is now; another when its workflow or version changes."""
        wanted = flow.wanted
        known = self._etags.get(wanted.flow)
        if known is None or known[0] is not wanted:
            text = msgspec.json.encode((wanted.version, wanted.definition))
            known = wanted, f'"{hashlib.sha256(text).hexdigest()[:20]}"'
            self._etags[wanted.flow] = known
        return known[1]

    def change(self, flow: str) -> FlowChange | None:
        """The last change made to a flow here."""
        last = self._changes.newest(flow)
        return None if last is None else told(last)

    # --- changing --------------------------------------------------------------------

    async def turn(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something while nobody changes flows here."""
        await self._lock.acquire()
        try:
            await work()
        finally:
            self._lock.release()

    async def install(self, request: InstallFlow) -> InstalledFlow:
        """Install what the centre has: nothing that it must be told of."""
        return await self._flows.install(self._as_it_rests(request))

    async def add(self, request: NewFlow) -> FlowFull:
        """Install a flow that is not here yet. Raises ``FlowExists``."""
        await self._lock.acquire()
        try:
            if self.installed(request.flow) is not None:
                raise FlowExists(
                    f"flow {request.flow!r} is on this device already: change it with "
                    f"PUT /flows/{request.flow}, or take another id"
                )
            await self._save(request.flow, request.definition)
        finally:
            self._lock.release()
        return self.one(request.flow)

    async def put(
        self, flow: str, request: FlowDefinition, seen: str | None, *, only_new: bool
    ) -> tuple[FlowFull, bool]:
        """Install or replace a flow, and whether it is new. ``seen`` is the ETag that
        its editor saw, or "*". Raises ``Outdated`` and ``Unseen``.
        """
        check_id("flow", flow)
        await self._lock.acquire()
        try:
            is_new = self.installed(flow) is None
            if not is_new and only_new:
                raise Outdated(f"flow {flow!r} is on this device already")
            self._check_seen(flow, seen, must=True)
            await self._save(flow, request.definition)
        finally:
            self._lock.release()
        return self.one(flow), is_new

    async def remove(self, flow: str, seen: str | None) -> None:
        """Remove a flow. Raises ``FlowNotInstalled`` and ``RunAlreadyActive``."""
        await self._lock.acquire()
        try:
            if flow not in self.reports():
                self._flows.get(flow)
            self._check_seen(flow, seen, must=False)
            begun = self._changes.begin(flow, ChangeKind.REMOVED, self.installed(flow))
            await self._carry_out(begun, self._remove(flow))
        finally:
            self._lock.release()

    def is_done(self, change: Change) -> bool:
        """Whether what a change says is how it is."""
        if change.kind is ChangeKind.REMOVED:
            return change.flow not in self.reports()
        return change.made(self.installed(change.flow))

    def _check_seen(self, flow: str, seen: str | None, *, must: bool) -> None:
        if self.installed(flow) is None:
            if seen is not None:
                raise Outdated(f"flow {flow!r} is not on this device (any more)")
            return
        now = self.etag(self._flows.get(flow))
        if seen is None and must:
            raise Unseen(
                f"flow {flow!r} is on this device already: send its ETag as If-Match, "
                "so that no other's change is lost"
            )
        if seen not in (None, "*", now):
            raise Outdated(
                f"flow {flow!r} was changed since you read it: read it again, "
                "and make your change anew"
            )

    async def _save(self, flow: str, definition: dict[str, Any]) -> None:
        installed = self.installed(flow)
        if installed is not None and installed[1] == definition:
            return
        _check_carried(definition)
        begun = self._changes.begin(flow, ChangeKind.SAVED, installed, definition)
        request = InstallFlow(flow=flow, version=begun.version, definition=definition)
        await self._carry_out(begun, self.install(request))

    def _as_it_rests(self, request: InstallFlow) -> InstallFlow:
        """Another definition does not wake a flow that is installed to be at rest."""
        try:
            running = self._flows.get(request.flow).wanted.running
        except FlowNotInstalled:
            return request
        return replace(request, running=running)

    async def _remove(self, flow: str) -> None:
        await self._flows.remove(RemoveFlow(flow=flow))

    async def _carry_out(
        self, begun: Change, work: Awaitable[InstalledFlow | None]
    ) -> None:
        """A flow whose engine does not come up is changed nevertheless."""
        try:
            await work
        finally:
            if self.is_done(begun):
                self._changes.done(begun)
                log.info("{flow} {kind} on the spot", flow=begun.flow, kind=begun.kind)
                self._changed()
            else:
                self._changes.undone(begun)


def told(change: Change) -> FlowChange:
    """A change as it is shown."""
    return FlowChange(
        flow=change.flow,
        kind=change.kind,
        state=change.state,
        at_ms=change.at_ms,
        base=change.base,
        centre_version=change.centre_version,
        told=change.told or "it waits for the centre",
    )


def _check_carried(definition: dict[str, Any]) -> None:
    """What JSON can say and the wire cannot carry would never reach the centre."""
    try:
        msgspec.msgpack.encode(definition)
    except OverflowError:
        raise InvalidRequest(
            "the workflow has a whole number of more than 64 bits"
        ) from None
