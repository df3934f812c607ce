"""Devices of one project: what they announce, how they are listed."""

from typing import Any

import msgspec
from typing_extensions import override

from heddle.contract.declare import NotPermitted, check_id
from heddle.contract.devices import (
    ANNOUNCE,
    GET_DEVICE,
    LIST_DEVICES,
    Announce,
    Announced,
    DeviceDetail,
    DeviceKind,
    DeviceList,
    DeviceNotFound,
    DeviceReport,
    GetDevice,
    ListDevices,
)
from heddle.wamp.session import Caller, Session
from services.backend.presence import Online
from services.backend.realm import Part, Serve
from services.backend.store import devices
from services.backend.store.database import Database
from services.backend.times import unix_ms


class Devices(Part):
    """Serves the device procedures of one project."""

    def __init__(
        self, clock: Any, database: Database, project: str, online: Online
    ) -> None:
        self._clock = clock
        self._database = database
        self._project = project
        self._online = online

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(ANNOUNCE, self.announce)
        await serve(LIST_DEVICES, self.every)
        await serve(GET_DEVICE, self.get)

    async def announce(self, request: Announce, caller: Caller) -> Announced:
        """Serve ANNOUNCE; the device is the caller."""
        known = await self._database(
            devices.announce,
            self._project,
            caller.authid,
            request.kind.value,
            msgspec.to_builtins(request),
        )
        if not known:
            raise NotPermitted(
                f"{caller.authid} is no device of project {self._project} any more: "
                "enrol it again"
            )
        return Announced(device=caller.authid)

    async def every(self, _request: ListDevices, _caller: Caller) -> DeviceList:
        """Serve LIST_DEVICES."""
        rows = await self._database(devices.every, self._project)
        return DeviceList(devices=tuple(self._detail(row).report for row in rows))

    async def get(self, request: GetDevice, _caller: Caller) -> DeviceDetail:
        """Serve GET_DEVICE."""
        device = check_id("device", request.device)
        row = await self._database(devices.one, self._project, device)
        if row is None:
            raise DeviceNotFound(f"project {self._project} has no device {device}")
        return self._detail(row)

    def _detail(self, row: devices.DeviceRow) -> DeviceDetail:
        told = _announcement(row)
        online = self._online.has(row.device)
        seen_at_ms = None if row.last_seen_at is None else unix_ms(row.last_seen_at)
        report = DeviceReport(
            device=row.device,
            kind=DeviceKind(row.kind),
            online=online,
            enrolled_at_ms=unix_ms(row.enrolled_at),
            last_seen_at_ms=round(self._clock.seconds() * 1000)
            if online
            else seen_at_ms,
            version=told.version if told else None,
            runtime=told.runtime if told else None,
        )
        return DeviceDetail(
            report=report,
            facts=told.facts if told else None,
            tags=told.tags if told else (),
        )


def _announcement(row: devices.DeviceRow) -> Announce | None:
    """What the device told, if it did and in words of today."""
    try:
        return msgspec.convert(row.announcement, Announce | None)
    except msgspec.ValidationError:
        return None  # told to an earlier backend; the next join brings a fresh one
