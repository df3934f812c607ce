"""Deployments (EdgeFlow 002, "Deployment API")."""

from http import HTTPStatus

from heddle.contract.declare import Procedure
from heddle.contract.deployments import (
    APPROVE_DEPLOYMENT,
    CANCEL_DEPLOYMENT,
    CREATE_DEPLOYMENT,
    DEPLOYMENT_HISTORY,
    GET_DEPLOYMENT,
    LIST_DEPLOYMENTS,
    PAUSE_DEPLOYMENT,
    PREVIEW_DEPLOYMENT,
    RESUME_DEPLOYMENT,
    ROLL_BACK_DEPLOYMENT,
    START_DEPLOYMENT,
    DeploymentRef,
    DeploymentReport,
)
from services.gateway import examples
from services.gateway.deployment_shapes import (
    Aim,
    Deployment,
    DeploymentEntries,
    DeploymentPage,
    NewDeployment,
    aim,
    deployment,
    detail,
    history,
    new_deployment,
    page,
)
from services.gateway.route import Pages, Route

_TAG = "Deployments"


def _command(word: str, procedure: Procedure[DeploymentRef, DeploymentReport]) -> Route:
    return Route(
        method="POST",
        path=f"/deployments/{{deployment}}/{word}",
        procedure=procedure,
        tag=_TAG,
        reply=Deployment,
        tell=deployment,
        example={"reason": "maintenance"},
    )


DEPLOYMENTS: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/deployments",
        procedure=CREATE_DEPLOYMENT,
        tag=_TAG,
        summary="Make a deployment; it starts when told, or at `start_at`.",
        body=NewDeployment,
        ask=new_deployment,
        reply=Deployment,
        tell=deployment,
        success=HTTPStatus.CREATED,
        location="/deployments/{id}",
        example=examples.NEW_DEPLOYMENT,
    ),
    Route(
        method="GET",
        path="/deployments",
        procedure=LIST_DEPLOYMENTS,
        tag=_TAG,
        names={"flow": "flow_id", "before": "after", "most": "limit"},
        reply=DeploymentPage,
        tell=page,
        pages=Pages("deployments", "id"),
    ),
    Route(
        method="POST",
        path="/deployments/preview",
        procedure=PREVIEW_DEPLOYMENT,
        tag=_TAG,
        body=Aim,
        ask=aim,
        example=examples.PREVIEW,
    ),
    Route(
        method="GET",
        path="/deployments/{deployment}",
        procedure=GET_DEPLOYMENT,
        tag=_TAG,
        summary="A deployment with its targets, by device.",
        names={"status": "target_status", "most": "limit"},
        reply=Deployment,
        tell=detail,
        pages=Pages("targets", "device_id"),
        example_reply=examples.WHOLE_DEPLOYMENT,
    ),
    _command("start", START_DEPLOYMENT),
    _command("pause", PAUSE_DEPLOYMENT),
    _command("resume", RESUME_DEPLOYMENT),
    _command("rollback", ROLL_BACK_DEPLOYMENT),
    _command("cancel", CANCEL_DEPLOYMENT),
    _command("approve", APPROVE_DEPLOYMENT),
    Route(
        method="GET",
        path="/deployments/{deployment}/history",
        procedure=DEPLOYMENT_HISTORY,
        tag=_TAG,
        names={"most": "limit"},
        reply=DeploymentEntries,
        tell=history,
        pages=Pages("entries", "number"),
    ),
)
