"""Every WAMP procedure, topic, message and error of the fleet, declared once.

Services, agents, the router's permissions and the browser reference are all
derived from these declarations; no other module spells a URI.
"""

from types import ModuleType
from typing import Any

from heddle.contract import (
    accounts,
    alarm_notices,
    alarm_procedures,
    audit,
    dashboards,
    deployments,
    device_deployments,
    devices,
    fleet,
    flows,
    gate,
    history,
    lifecycle,
    local_changes,
    people,
    run_records,
    runs,
    samples,
    trials,
    upkeep,
)
from heddle.contract.declare import COMMON_ERRORS, FleetError, Procedure, Topic

CHAPTERS: tuple[ModuleType, ...] = (
    runs,
    fleet,
    flows,
    lifecycle,
    trials,
    deployments,
    device_deployments,
    local_changes,
    devices,
    upkeep,
    samples,
    history,
    run_records,
    dashboards,
    alarm_procedures,
    alarm_notices,
    people,
    accounts,
    audit,
    gate,
)


def _declared(kind: type[Any]) -> tuple[Any, ...]:
    return tuple(
        value
        for chapter in CHAPTERS
        for value in vars(chapter).values()
        if isinstance(value, kind)
    )


PROCEDURES: tuple[Procedure[Any, Any], ...] = _declared(Procedure)
TOPICS: tuple[Topic[Any], ...] = _declared(Topic)
ERRORS: tuple[type[FleetError], ...] = tuple(
    dict.fromkeys(
        (
            *COMMON_ERRORS,
            *(e for procedure in PROCEDURES for e in procedure.raises),
            *gate.REFUSALS,
        )
    )
)
