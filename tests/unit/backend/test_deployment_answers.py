"""What devices answer and report, as inputs of the machine."""

from typing import Any

import pytest

from heddle.contract.declare import FleetError
from heddle.contract.device_deployments import (
    DeploymentSuperseded,
    DeploymentUnknown,
    DeviceDeployment,
    DeviceStage,
)
from heddle.contract.flows import ReleaseRefused
from heddle.contract.runs import EngineUnavailable, StorageFull
from heddle.rollout.inputs import (
    Activated,
    Delivered,
    Failed,
    Gone,
    Prepared,
    Reverted,
    RevertFailed,
    Undelivered,
)
from heddle.rollout.state import Order
from heddle.wamp.session import CallTimedOut, NotServed
from services.backend.deployments.answers import answered, refused, told

AT, A = 7, "a"


def report(stage: DeviceStage, detail: str = "", **more: Any) -> DeviceDeployment:
    return DeviceDeployment(
        deployment="dep_1", flow="brew", version=1, stage=stage, detail=detail, **more
    )


@pytest.mark.parametrize(
    ("stage", "order", "given"),
    [
        (DeviceStage.PREPARING, Order.DEPLOY, Delivered(AT, A, Order.DEPLOY)),
        (DeviceStage.WAITING, Order.DEPLOY, Delivered(AT, A, Order.DEPLOY)),
        (DeviceStage.PREPARING, Order.REVERT, None),
        (DeviceStage.READY, Order.DEPLOY, Prepared(AT, A)),
        (DeviceStage.ACTIVE, Order.SWITCH, Activated(AT, A)),
        (DeviceStage.FAILED, Order.DEPLOY, Failed(AT, A, "why")),
        (DeviceStage.FAILED, Order.REVERT, None),
        (DeviceStage.REVERTING, Order.REVERT, Delivered(AT, A, Order.REVERT)),
        (DeviceStage.REVERTED, Order.REVERT, Reverted(AT, A)),
        (DeviceStage.SETTLED, None, None),
        (DeviceStage.SETTLED, Order.DEPLOY, Activated(AT, A)),
        (
            DeviceStage.SETTLED,
            Order.REVERT,
            RevertFailed(AT, A, "it has forgotten its former release"),
        ),
    ],
)
def test_a_report_is_what_its_stage_means_to_the_order(stage, order, given) -> None:
    assert told(A, report(stage, "why"), order, AT) == given


def test_an_engine_that_was_restarted_is_no_active_release() -> None:
    restarted = report(DeviceStage.ACTIVE, engine_restarts=2)
    assert told(A, restarted, Order.DEPLOY, AT) == Failed(
        AT, A, "its engine ended 2 times and was restarted"
    )


def test_an_answer_tells_that_the_order_is_taken_and_how_far_the_device_is() -> None:
    assert answered(A, report(DeviceStage.ACTIVE), Order.DEPLOY, AT) == [
        Delivered(AT, A, Order.DEPLOY),
        Activated(AT, A),
    ]
    assert answered(A, report(DeviceStage.SETTLED), Order.SETTLE, AT) == [
        Delivered(AT, A, Order.SETTLE)
    ]


@pytest.mark.parametrize(
    ("order", "error", "given"),
    [
        (
            Order.DEPLOY,
            NotServed(""),
            Undelivered(AT, A, Order.DEPLOY, "it is offline"),
        ),
        (
            Order.REVERT,
            CallTimedOut(""),
            Undelivered(AT, A, Order.REVERT, "it does not answer"),
        ),
        (Order.DEPLOY, ReleaseRefused("bad key"), Failed(AT, A, "bad key")),
        (Order.REVERT, FleetError("no"), RevertFailed(AT, A, "no")),
        (Order.DEPLOY, StorageFull("full"), Failed(AT, A, "full")),
        (
            Order.SWITCH,
            EngineUnavailable("not yet"),
            Undelivered(AT, A, Order.SWITCH, "not yet"),
        ),
        (Order.REVERT, DeploymentUnknown("?"), Reverted(AT, A)),
        (Order.SETTLE, DeploymentUnknown("?"), Delivered(AT, A, Order.SETTLE)),
        (
            Order.SETTLE,
            DeploymentSuperseded("newer"),
            Gone(AT, A, "another deployment came after: newer"),
        ),
        (
            Order.SWITCH,
            DeploymentUnknown("?"),
            Failed(AT, A, "it has forgotten the deployment"),
        ),
    ],
)
def test_what_failed_is_no_answer_or_an_outcome(order, error, given) -> None:
    assert refused(A, order, error, AT) == given
