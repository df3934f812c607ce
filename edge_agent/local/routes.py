"""The local API, declared once: what can be asked, with what, and what comes back.

The server looks up and answers by this table; the OpenAPI document is made from it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from edge_agent.local.answers import (
    Approval,
    CommandResults,
    FlowBrief,
    FlowBriefs,
    FlowDefinition,
    FlowFull,
    FlowResult,
    FlowsCommand,
    FlowStatus,
    FlowStatuses,
    Health,
    NewFlow,
    Node,
    RemovedFlow,
)
from edge_agent.local.commands import Commands
from edge_agent.local.desk import Desk
from edge_agent.local.node import OK, Figures
from edge_agent.local.problems import NoneHeeded, NoSuchPath, WrongMethod, problem
from edge_agent.local.standing import Standing
from heddle.contract.declare import FleetError, InvalidRequest
from heddle.contract.flows import InstalledFlow
from heddle.contract.runs import RunReport

RESERVED = frozenset({"commands", "status"})  # paths, so no flow's ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, read."""

    ids: Mapping[str, str] = field(default_factory=dict)
    body: Any = None  # of the route's type
    if_match: str | None = None
    if_none_match: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said to it; ``body`` is of the route's reply type."""

    body: Any
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Api:
    """Everything that answers."""

    desk: Desk
    commands: Commands
    standing: Standing
    figures: Figures

    async def list_flows(self, _: Asked) -> Answer:
        """GET /flows."""
        found = map(self._brief, self.desk.reports().values())
        return Answer(body=FlowBriefs(flows=tuple(found)))

    async def add_flow(self, asked: Asked) -> Answer:
        """POST /flows."""
        request: NewFlow = asked.body
        if request.flow in RESERVED:
            raise InvalidRequest(
                f"no flow can be called {request.flow!r}: it is a path of this API"
            )
        added = await self.desk.add(request)
        return Answer(
            body=added,
            status=HTTPStatus.CREATED,
            headers={"etag": added.etag, "location": f"/flows/{added.flow}"},
        )

    async def get_flow(self, asked: Asked) -> Answer:
        """GET /flows/{flow}."""
        found = self.desk.one(asked.ids["flow"])
        return Answer(body=found, headers={"etag": found.etag})

    async def put_flow(self, asked: Asked) -> Answer:
        """PUT /flows/{flow}."""
        found, is_new = await self.desk.put(
            asked.ids["flow"],
            asked.body,
            asked.if_match,
            only_new=asked.if_none_match == "*",
        )
        return Answer(
            body=found,
            status=HTTPStatus.CREATED if is_new else HTTPStatus.OK,
            headers={"etag": found.etag},
        )

    async def remove_flow(self, asked: Asked) -> Answer:
        """DELETE /flows/{flow}."""
        await self.desk.remove(asked.ids["flow"], asked.if_match)
        return Answer(body=RemovedFlow(flow=asked.ids["flow"]))

    async def command_flows(self, asked: Asked) -> Answer:
        """PATCH /flows/commands. Raises ``NoneHeeded``."""
        command: FlowsCommand = asked.body
        asked_of = [  # all at once: an engine that hangs holds up no other flow
            Deferred.fromCoroutine(self._commanded(flow, command))
            for flow in dict.fromkeys(command.flow_ids)
        ]
        results = [await each for each in asked_of]
        failed = [each for each in results if each.problem is not None]
        if len(failed) == len(results) and failed[0].problem is not None:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise NoneHeeded(failed[0].problem.detail + more, results=tuple(results))
        return Answer(
            body=CommandResults(command=command.command, results=tuple(results)),
            status=HTTPStatus.MULTI_STATUS if failed else HTTPStatus.OK,
        )

    async def all_statuses(self, _: Asked) -> Answer:
        """GET /flows/status."""
        return Answer(body=await self.standing.all())

    async def one_status(self, asked: Asked) -> Answer:
        """GET /flows/status/{flow}."""
        return Answer(body=await self.standing.one(asked.ids["flow"]))

    async def approve(self, asked: Asked) -> Answer:
        """POST /flows/{flow}/approval."""
        return Answer(body=await self.commands.approve(asked.ids["flow"], asked.body))

    async def node(self, _: Asked) -> Answer:
        """GET /node."""
        return Answer(body=await self.figures.node())

    async def health(self, _: Asked) -> Answer:
        """GET /health."""
        health = await self.figures.health()
        is_ok = health.status == OK
        status = HTTPStatus.OK if is_ok else HTTPStatus.SERVICE_UNAVAILABLE
        return Answer(body=health, status=status)

    async def _commanded(self, flow: str, command: FlowsCommand) -> FlowResult:
        try:
            run = await self.commands.command(flow, command)
        except FleetError as error:
            return FlowResult(flow=flow, is_done=False, problem=problem(error))
        return FlowResult(flow=flow, is_done=True, run=run)

    def _brief(self, report: InstalledFlow) -> FlowBrief:
        return FlowBrief(
            flow=report.flow,
            version=report.version,
            state=report.state,
            runtime=report.runtime,
            etag=self.desk.etag_of(report.flow),
            detail=report.detail,
            engine=report.engine,
            change=self.desk.change(report.flow),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing that can be asked."""

    method: str
    path: str  # ids in braces
    handle: Callable[[Api, Asked], Awaitable[Answer]]
    summary: str
    reply: type[Any]
    body: type[Any] | None = None
    statuses: tuple[HTTPStatus, ...] = (HTTPStatus.OK,)
    problems: tuple[HTTPStatus, ...] = ()
    is_open: bool = False  # needs no token
    is_conditional: bool = False  # heeds If-Match


_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
_SAVE = (
    *_BODY,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)
_SEEN = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED)

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/health",
        handle=Api.health,
        summary="Whether the agent can do its work; needs no token.",
        reply=Health,
        statuses=(HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE),
        is_open=True,
    ),
    Route(
        method="GET",
        path="/node",
        handle=Api.node,
        summary="This device: host, versions, disk, memory, uplink, outbox, changes.",
        reply=Node,
    ),
    Route(
        method="GET",
        path="/flows",
        handle=Api.list_flows,
        summary="All flows on this device, without their workflows.",
        reply=FlowBriefs,
    ),
    Route(
        method="POST",
        path="/flows",
        handle=Api.add_flow,
        summary="Add a flow, start its engine.",
        reply=FlowFull,
        body=NewFlow,
        statuses=(HTTPStatus.CREATED,),
        problems=_SAVE,
    ),
    Route(
        method="GET",
        path="/flows/status",
        handle=Api.all_statuses,
        summary="How all flows stand, with their current phases.",
        reply=FlowStatuses,
    ),
    Route(
        method="GET",
        path="/flows/status/{flow}",
        handle=Api.one_status,
        summary="How a flow stands, with its current phases.",
        reply=FlowStatus,
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Route(
        method="PATCH",
        path="/flows/commands",
        handle=Api.command_flows,
        summary="Start, stop, pause or resume flows. 207: some did not heed it; "
        "409: none did, `results` tells why.",
        reply=CommandResults,
        body=FlowsCommand,
        statuses=(HTTPStatus.OK, HTTPStatus.MULTI_STATUS),
        problems=(*_BODY, HTTPStatus.CONFLICT),
    ),
    Route(
        method="GET",
        path="/flows/{flow}",
        handle=Api.get_flow,
        summary="A flow with its workflow; its ETag is for If-Match.",
        reply=FlowFull,
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Route(
        method="PUT",
        path="/flows/{flow}",
        handle=Api.put_flow,
        summary="Replace a flow's workflow, or add the flow.",
        reply=FlowFull,
        body=FlowDefinition,
        statuses=(HTTPStatus.OK, HTTPStatus.CREATED),
        problems=(*_SAVE, *_SEEN),
        is_conditional=True,
    ),
    Route(
        method="DELETE",
        path="/flows/{flow}",
        handle=Api.remove_flow,
        summary="Remove a flow and its engine from this device.",
        reply=RemovedFlow,
        problems=(
            HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
            HTTPStatus.PRECONDITION_FAILED,
        ),
        is_conditional=True,
    ),
    Route(
        method="POST",
        path="/flows/{flow}/approval",
        handle=Api.approve,
        summary="Give the approval that the flow's active run waits for.",
        reply=RunReport,
        body=Approval,
        problems=(*_BODY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request and the ids in its path; what is literal goes first.

    Raises ``NoSuchPath`` and ``WrongMethod``.
    """
    wanted = "GET" if method == "HEAD" else method
    matching = [(r, ids) for r in ROUTES if (ids := _ids(r.path, path)) is not None]
    if not matching:
        raise NoSuchPath(f"nothing is at {path}: /openapi.json tells what there is")
    fewest = min(len(ids) for _, ids in matching)
    here = [(route, ids) for route, ids in matching if len(ids) == fewest]
    for route, ids in here:
        if route.method == wanted:
            return route, ids
    allow = ", ".join(sorted({route.method for route, _ in here}))
    raise WrongMethod(f"{path} takes {allow}, not {method}", allow=allow)


def read_body(body: bytes, kind: type[Any]) -> Any:
    """The body as ``kind``. Raises ``InvalidRequest`` naming the field."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as flaw:
        raise InvalidRequest(f"the body does not fit: {flaw}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as flaw:
        raise InvalidRequest(f"the body is no JSON: {flaw}") from None


def _ids(template: str, path: str) -> dict[str, str] | None:
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    ids = {}
    for name, value in zip(wanted, given, strict=True):
        if name.startswith("{") and value:
            ids[name[1:-1]] = value
        elif name != value:
            return None
    return ids
