"""Flows of one project: workflows checked and kept in versions."""

import json
from dataclasses import asdict
from typing import Any

from typing_extensions import override

from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.flows import Finding, FlowInvalid, FlowNotFound
from heddle.contract.lifecycle import (
    GET_FLOW,
    LIST_FLOWS,
    SAVE_FLOW,
    FlowList,
    FlowSummary,
    FlowVersion,
    GetFlow,
    ListFlows,
    SaveFlow,
)
from heddle.wamp.session import Caller, Session
from heddle.workflow.findings import WorkflowInvalid
from heddle.workflow.parse import parse
from services.backend.realm import Part, Serve
from services.backend.store import flows
from services.backend.store.database import Connection, Database
from services.backend.text import check_name
from services.backend.times import unix_ms

MOST_FINDINGS = 100  # in one reply


class Flows(Part):
    """Serves the flow procedures of one project."""

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(SAVE_FLOW, self.save)
        await serve(GET_FLOW, self.get)
        await serve(LIST_FLOWS, self.every)

    async def save(self, request: SaveFlow, caller: Caller) -> FlowVersion:
        """Serve SAVE_FLOW."""
        flow = check_id("flow", request.flow)
        name = check_name("name", request.name)
        if request.definition is None:
            raise InvalidRequest("definition is missing")
        text = definition_text(request.definition)
        check_workflow(request.definition)
        row = await self._database(save, self._project, flow, name, text, caller.authid)
        return _version(row)

    async def get(self, request: GetFlow, _caller: Caller) -> FlowVersion:
        """Serve GET_FLOW."""
        flow = check_id("flow", request.flow)
        row = await self._database(flows.get, self._project, flow, request.version)
        if row is None:
            version = "" if request.version is None else f" version {request.version}"
            raise FlowNotFound(
                f"project {self._project} has no flow {flow}{version}: list its flows"
            )
        return _version(row)

    async def every(self, _request: ListFlows, _caller: Caller) -> FlowList:
        """Serve LIST_FLOWS."""
        rows = await self._database(flows.every, self._project)
        return FlowList(
            flows=tuple(
                FlowSummary(
                    flow=row.flow,
                    name=row.name,
                    version=row.version,
                    saved_at_ms=unix_ms(row.saved_at),
                    saved_by=row.saved_by,
                )
                for row in rows
            )
        )


def save(
    connection: Connection, project: str, flow: str, name: str, text: str, user: str
) -> flows.FlowVersionRow:
    """Keep a workflow as the flow's next version, unless the newest is its equal."""
    flows.upsert(connection, project, flow, name)
    newest = flows.get(connection, project, flow)
    if newest is None or not equal(newest.definition, json.loads(text)):
        flows.append(connection, project, flow, text, user)
        newest = flows.get(connection, project, flow)
    assert newest is not None  # noqa: S101 -- appended above, in this transaction
    return newest


def check_workflow(definition: dict[str, Any]) -> None:
    """Raises ``FlowInvalid`` with what is wrong."""
    try:
        parse(definition)
    except WorkflowInvalid as flaw:
        findings = [
            asdict(
                Finding(rule=one.rule.value, element=one.element, message=one.message)
            )
            for one in flaw.findings[:MOST_FINDINGS]
        ]
        raise FlowInvalid(str(flaw), findings=findings) from None


def definition_text(definition: dict[str, Any]) -> str:
    """The author's JSON with its order of keys, for MessagePack and CBOR carry more."""
    try:
        text = json.dumps(definition, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as flaw:
        raise InvalidRequest(f"definition is not JSON: {flaw}") from None
    return text


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two workflows say the same, in whatever order of keys."""
    return _canonical(one) == _canonical(other)


def _canonical(definition: dict[str, Any]) -> str:
    return json.dumps(definition, sort_keys=True)


def _version(row: flows.FlowVersionRow) -> FlowVersion:
    return FlowVersion(
        flow=row.flow,
        name=row.name,
        version=row.version,
        saved_at_ms=unix_ms(row.saved_at),
        saved_by=row.saved_by,
        definition=row.definition,
    )
