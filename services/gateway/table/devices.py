"""Devices, the runs on them, and commands to many of them."""

from http import HTTPStatus
from typing import Any

from heddle.contract.declare import Procedure
from heddle.contract.devices import CREATE_CODE, GET_DEVICE, LIST_DEVICES
from heddle.contract.fleet import COMMAND_FLEET, LABEL_DEVICE, RESOLVE_TARGETS
from heddle.contract.flows import LIST_INSTALLED, REMOVE_FLOW
from heddle.contract.history import RUN_EVENTS
from heddle.contract.run_records import RUNS
from heddle.contract.runs import (
    APPROVE_RUN,
    PAUSE_RUN,
    RESUME_RUN,
    RUN_STATUS,
    START_RUN,
    STOP_RUN,
    TRIGGER_LISTENER,
    RunList,
    RunReport,
)
from heddle.contract.upkeep import (
    DECOMMISSION,
    DEVICE_INFO,
    PRUNE_IMAGES,
    READ_LOG,
    RESTART_AGENT,
    ROTATE_KEY,
)
from services.gateway.route import Pages, Route

_DEVICES, _RUNS, _FLEET = "Devices", "Runs", "Fleet"


def _one(found: RunList) -> RunReport:
    return found.runs[0]


def _of_run(word: str, procedure: Procedure[Any, RunReport], **more: Any) -> Route:
    return Route(
        method="POST",
        path=f"/devices/{{device}}/runs/{{run}}/{word}",
        procedure=procedure,
        tag=_RUNS,
        hidden=frozenset({"flow", "key", "by"}),
        **more,
    )


DEVICES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/devices",
        procedure=LIST_DEVICES,
        tag=_DEVICES,
        names={"most": "limit"},
        pages=Pages("devices", "device"),
    ),
    Route(method="GET", path="/devices/{device}", procedure=GET_DEVICE, tag=_DEVICES),
    Route(
        method="DELETE",
        path="/devices/{device}",
        procedure=DECOMMISSION,
        tag=_DEVICES,
    ),
    Route(
        method="PATCH",
        path="/devices/{device}/labels",
        procedure=LABEL_DEVICE,
        tag=_DEVICES,
        example={"set": {"site": "graz"}, "remove": ["spare"]},
    ),
    Route(
        method="GET",
        path="/devices/{device}/info",
        procedure=DEVICE_INFO,
        tag=_DEVICES,
    ),
    Route(
        method="GET", path="/devices/{device}/logs", procedure=READ_LOG, tag=_DEVICES
    ),
    Route(
        method="GET",
        path="/devices/{device}/flows",
        procedure=LIST_INSTALLED,
        tag=_DEVICES,
    ),
    Route(
        method="DELETE",
        path="/devices/{device}/flows/{flow}",
        procedure=REMOVE_FLOW,
        tag=_DEVICES,
    ),
    Route(
        method="POST",
        path="/devices/{device}/restart",
        procedure=RESTART_AGENT,
        tag=_DEVICES,
    ),
    Route(
        method="POST",
        path="/devices/{device}/prune",
        procedure=PRUNE_IMAGES,
        tag=_DEVICES,
    ),
    Route(
        method="POST",
        path="/devices/{device}/rotate-key",
        procedure=ROTATE_KEY,
        tag=_DEVICES,
    ),
    Route(
        method="POST",
        path="/enrolment-codes",
        procedure=CREATE_CODE,
        tag=_DEVICES,
        is_secret=True,
        success=HTTPStatus.CREATED,
        example={"device": "press_7"},
    ),
    Route(
        method="GET",
        path="/runs",
        procedure=RUNS,
        tag=_RUNS,
        names={"statuses": "status"},
    ),
    Route(
        method="GET",
        path="/devices/{device}/runs",
        procedure=RUN_STATUS,
        tag=_RUNS,
        summary="Every run the device knows, newest first.",
        hidden=frozenset({"run"}),
    ),
    Route(
        method="POST",
        path="/devices/{device}/runs",
        procedure=START_RUN,
        tag=_RUNS,
        success=HTTPStatus.CREATED,
        example={"flow": "bioreactor"},
    ),
    Route(
        method="GET",
        path="/devices/{device}/runs/{run}",
        procedure=RUN_STATUS,
        tag=_RUNS,
        summary="The state of one run.",
        reply=RunReport,
        tell=_one,
    ),
    Route(
        method="GET",
        path="/devices/{device}/runs/{run}/events",
        procedure=RUN_EVENTS,
        tag=_RUNS,
    ),
    _of_run("pause", PAUSE_RUN),
    _of_run("resume", RESUME_RUN),
    _of_run("stop", STOP_RUN, example={"mode": "soft"}),
    _of_run("approve", APPROVE_RUN, example={"comment": "checked"}),
    _of_run("trigger", TRIGGER_LISTENER, example={"listener": "eventListener_2"}),
    Route(
        method="POST",
        path="/fleet/commands",
        procedure=COMMAND_FLEET,
        tag=_FLEET,
        hidden=frozenset({"key"}),
        example={
            "verb": "pause",
            "flow": "bioreactor",
            "targets": {"labels": "site=graz and not spare"},
        },
    ),
    Route(
        method="POST",
        path="/fleet/targets",
        procedure=RESOLVE_TARGETS,
        tag=_FLEET,
        example={"targets": {"labels": "site=graz and not spare"}},
    ),
)
