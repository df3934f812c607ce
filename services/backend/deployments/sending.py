"""Calls to the devices of one deployment, so many at a time.

What is asked for is told by an effect; each answer goes back with the effect it
answers. A call that has no answer yet does not keep another device's from being sent.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from heddle.contract.declare import FleetError, Procedure
from heddle.contract.deployments import StrategyKind
from heddle.contract.device_deployments import (
    DEPLOY_RELEASE,
    DEPLOYMENT_STATUS,
    REVERT_RELEASE,
    SETTLE_RELEASE,
    SWITCH_RELEASE,
    DeployRelease,
    DeviceDeployment,
    DeviceDeploymentRef,
)
from heddle.rollout.effects import Await, Deploy, Revert, Settle, Switch
from heddle.rollout.state import Order
from heddle.wamp.session import Session
from heddle.wamp.spawn import spawn
from services.backend.deployments.keeping import Taken

AT_A_TIME = 1_000
ANSWER_WITHIN_S = 20.0

Asked: TypeAlias = Deploy | Switch | Revert | Settle | Await
"""``Await`` asks how far the device is."""

Answer: TypeAlias = DeviceDeployment | FleetError


ORDERS: dict[type[Asked], Order] = {
    Deploy: Order.DEPLOY,
    Switch: Order.SWITCH,
    Revert: Order.REVERT,
    Settle: Order.SETTLE,
}


_PROCEDURES: dict[type[Asked], Procedure[DeviceDeploymentRef, DeviceDeployment]] = {
    Switch: SWITCH_RELEASE,
    Revert: REVERT_RELEASE,
    Settle: SETTLE_RELEASE,
    Await: DEPLOYMENT_STATUS,
}


class Orders:
    """What is sent, made once for all who get the same."""

    def __init__(self, taken: Taken) -> None:
        self.overrides = taken.overrides
        self.ref = DeviceDeploymentRef(deployment=taken.known.state.id, flow=taken.flow)
        self._common = DeployRelease(
            deployment=taken.known.state.id,
            release=taken.release,
            variables=taken.overrides.every,
            active_runs=taken.plan.active_runs,
            start_run=taken.plan.start_run,
            beside=taken.plan.strategy is StrategyKind.BLUE_GREEN,
        )

    def release_for(self, device: str) -> DeployRelease:
        """What a device is told to run."""
        own = self.overrides.devices.get(device)
        return self._common if own is None else replace(self._common, variables=own)


class Sending:
    """``answered`` hears what comes of what was asked."""

    def __init__(
        self,
        session: Session,
        orders: Orders,
        answered: Callable[[Asked, Answer], None],
    ) -> None:
        self._session = session
        self._orders = orders
        self._answered = answered
        self._waiting: dict[str, Asked] = {}  # in their order
        self._under_way: set[Asked] = set()
        self._stopped = False

    def ask(self, asked: Asked) -> None:
        """Send it as soon as there is room, in place of what waits for the device.

        What is under way already is not sent again.
        """
        if asked not in self._under_way:
            self._waiting[asked.device] = asked

    def drop(self, device: str) -> None:
        """Do not send what still waits for room: it is not wanted any more."""
        self._waiting.pop(device, None)

    def pump(self) -> None:
        """Send what there is room for."""
        while self._waiting and len(self._under_way) < AT_A_TIME:
            asked = self._waiting.pop(next(iter(self._waiting)))
            self._under_way.add(asked)
            spawn(self._send(asked), "asking {device}", device=asked.device)

    def stop(self) -> None:
        """Send nothing more, and hear nothing more."""
        self._stopped = True
        self._waiting.clear()

    async def _send(self, asked: Asked) -> None:
        try:
            answer: Answer = await self._call(asked)
        except FleetError as error:
            answer = error
        finally:
            self._under_way.discard(asked)
        if not self._stopped:
            self._answered(asked, answer)
            if self._waiting:
                self.pump()

    async def _call(self, asked: Asked) -> DeviceDeployment:
        device, session = asked.device, self._session
        match asked:
            case Deploy():
                return await session.call(
                    DEPLOY_RELEASE,
                    self._orders.release_for(device),
                    timeout_s=ANSWER_WITHIN_S,
                    device=device,
                )
            case _:
                return await session.call(
                    _PROCEDURES[type(asked)],
                    self._orders.ref,
                    timeout_s=ANSWER_WITHIN_S,
                    device=device,
                )
