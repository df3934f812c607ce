"""A project that signs releases, and its backend as one device knows it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
from nacl.signing import SigningKey

from heddle.contract.audit import REPORT_REFUSAL, RefusalNoted, ReportRefusal
from heddle.contract.device_deployments import (
    DEPLOY_RELEASE,
    DEPLOYMENT_REPORT,
    DEPLOYMENT_STATUS,
    REVERT_RELEASE,
    SETTLE_RELEASE,
    SWITCH_RELEASE,
    DeployRelease,
    DeviceDeployment,
    DeviceDeploymentRef,
    DeviceStage,
)
from heddle.contract.devices import Enrolled
from heddle.contract.flows import SignedRelease
from heddle.releases import make_release
from heddle.wamp.keys import public_hex
from heddle.wamp.session import Caller, Session
from tests.support.device import DEVICE, PROJECT, Site, example, running_site
from tests.support.router import InProcRouter
from tests.support.waiting import until

KEY = SigningKey(b"heddle release key of the tests!")


def release(version: int = 1, key: SigningKey = KEY, **changes: Any) -> SignedRelease:
    """A release of the example; ``changes`` are of its definition, but for ``flow``,
    ``project``, ``image`` and ``memory_mb``.
    """
    project, flow = changes.pop("project", PROJECT), changes.pop("flow", "brew")
    image, memory_mb = changes.pop("image", ""), changes.pop("memory_mb", None)
    return make_release(
        key,
        project=project,
        flow=flow,
        version=version,
        definition={**example(), **changes},
        engine_image=image,
        engine_memory_mb=memory_mb,
        published_by="ada",
        published_at_ms=1_000 * version,
    )


@dataclass
class Centre:
    """The backend's side of one device's deployments."""

    session: Session
    reports: list[DeviceDeployment] = field(default_factory=list)
    refusals: list[ReportRefusal] = field(default_factory=list)

    async def begin(self) -> None:
        """Hear what the device tells."""
        await self.session.hear(DEPLOYMENT_REPORT, self._hear, device=DEVICE)
        await self.session.serve(REPORT_REFUSAL, self._note)

    async def deploy(
        self, deployment: str, signed: SignedRelease, **how: Any
    ) -> DeviceDeployment:
        """Order a release."""
        request = DeployRelease(deployment=deployment, release=signed, **how)
        return await self.session.call(DEPLOY_RELEASE, request, device=DEVICE)

    async def switch(self, deployment: str) -> DeviceDeployment:
        """Order the switch."""
        return await self._ask(SWITCH_RELEASE, deployment)

    async def revert(self, deployment: str) -> DeviceDeployment:
        """Order the way back."""
        return await self._ask(REVERT_RELEASE, deployment)

    async def settle(self, deployment: str) -> DeviceDeployment:
        """Tell that it has ended well."""
        return await self._ask(SETTLE_RELEASE, deployment)

    async def status(self, deployment: str) -> DeviceDeployment:
        """Ask."""
        return await self._ask(DEPLOYMENT_STATUS, deployment)

    async def until(self, deployment: str, *stages: DeviceStage) -> DeviceDeployment:
        """Ask until the device is there."""
        seen: list[DeviceDeployment] = []

        async def there() -> bool:
            seen.append(await self.status(deployment))
            return seen[-1].stage in stages

        try:
            await until(self.session._clock, there, within_s=90)
        except AssertionError as late:
            raise AssertionError(f"{late}; last: {seen[-1:]}") from None
        return seen[-1]

    def stages(self, deployment: str) -> list[DeviceStage]:
        """What was told of a deployment, each stage once in a row."""
        told = [each.stage for each in self.reports if each.deployment == deployment]
        return [s for n, s in enumerate(told) if n == 0 or told[n - 1] != s]

    async def _ask(self, procedure: Any, deployment: str) -> DeviceDeployment:
        request = DeviceDeploymentRef(deployment=deployment, flow="brew")
        return await self.session.call(procedure, request, device=DEVICE)

    def _hear(self, told: DeviceDeployment, _: object) -> None:
        self.reports.append(told)

    async def _note(self, refusal: ReportRefusal, _: Caller) -> RefusalNoted:
        self.refusals.append(refusal)
        return RefusalNoted()


def pin(data: Path, key: SigningKey = KEY) -> None:
    """Have the device know the project's key, as after an enrolment."""
    file = data / "enrolled.json"
    enrolled = msgspec.json.decode(file.read_bytes(), type=Enrolled)
    known = replace(enrolled, release_key=public_hex(key))
    file.write_bytes(msgspec.json.encode(known))


@asynccontextmanager
async def signing_site(
    router: InProcRouter, folder: Path
) -> AsyncIterator[tuple[Site, Centre]]:
    """A site whose device knows the key, and the backend that deploys there."""
    realm = f"project_{PROJECT}"
    async with (
        running_site(router, folder) as site,
        router.joined(realm, router.service_key("backend")) as session,
    ):
        pin(site.data)
        centre = Centre(session)
        await centre.begin()
        yield site, centre
