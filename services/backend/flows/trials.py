"""Serves trials of workflows: checks and simulations of what need not be saved."""

from typing import Any, TypeVar

import msgspec
from typing_extensions import override

from heddle.contract.declare import FleetError, InvalidRequest
from heddle.contract.flows import FlowInvalid
from heddle.contract.trials import (
    CHECK_FLOW,
    SIMULATE_FLOW,
    CheckFlow,
    FlowVerdict,
    ScriptInvalid,
    SimulateFlow,
    Simulation,
)
from heddle.wamp.session import Caller, Session
from heddle.workflow.parse import MAX_BYTES
from services.backend.flows.text import definition_text
from services.backend.flows.trial_process import CHECK, SIMULATE
from services.backend.flows.trial_workers import TrialWorkers
from services.backend.realm import Part, Serve

T = TypeVar("T")

_ERRORS: dict[str, type[FleetError]] = {
    one.uri: one for one in (FlowInvalid, ScriptInvalid, InvalidRequest)
}


class Trials(Part):
    """Serves the trials of one project; nothing of them is kept."""

    def __init__(self, workers: TrialWorkers) -> None:
        self._workers = workers

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(CHECK_FLOW, self.check)
        await serve(SIMULATE_FLOW, self.simulate)

    async def check(self, request: CheckFlow, caller: Caller) -> FlowVerdict:
        """Serve CHECK_FLOW."""
        return await self._trial(CHECK, request, caller, FlowVerdict)

    async def simulate(self, request: SimulateFlow, caller: Caller) -> Simulation:
        """Serve SIMULATE_FLOW."""
        return await self._trial(SIMULATE, request, caller, Simulation)

    async def _trial(
        self, kind: str, request: Any, caller: Caller, reply: type[T]
    ) -> T:
        if len(definition_text(request.definition)) > MAX_BYTES:
            raise InvalidRequest(f"definition is larger than {MAX_BYTES} bytes")
        answer = msgspec.msgpack.decode(
            await self._workers(caller.authid, question(kind, request))
        )
        if (uri := answer.get("error")) is not None:
            raise _ERRORS[uri](answer["sentence"], **answer["details"])
        return msgspec.convert(answer["reply"], reply)


def question(kind: str, request: Any) -> bytes:
    """What ``trial_process`` is asked."""
    try:
        return msgspec.msgpack.encode((kind, request))
    except (TypeError, ValueError, OverflowError) as flaw:
        raise InvalidRequest(f"the request is not JSON: {flaw}") from None
