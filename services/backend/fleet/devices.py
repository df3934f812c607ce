"""Devices of one project: what they announce, how they are listed."""

from typing import Any

import msgspec
from typing_extensions import override

from heddle.contract.declare import InvalidRequest, NotPermitted, check_id
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
from services.backend.fleet.presence import Online
from services.backend.fleet.targets import read_selector
from services.backend.flows.release_keys import ReleaseKeys
from services.backend.pages import fitting
from services.backend.realm import Part, Serve
from services.backend.store import devices
from services.backend.store.database import Database
from services.backend.text import check_name
from services.backend.times import unix_ms


class Devices(Part):
    """Serves the device procedures of one project."""

    def __init__(
        self,
        clock: Any,
        database: Database,
        project: str,
        *,
        online: Online,
        keys: ReleaseKeys,
    ) -> None:
        self._clock = clock
        self._database = database
        self._project = project
        self._online = online
        self._keys = keys

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
        release_key = await self._keys.public(self._project)
        return Announced(device=caller.authid, release_key=release_key)

    async def every(self, request: ListDevices, _caller: Caller) -> DeviceList:
        """Serve LIST_DEVICES."""
        check_name("search", request.search)
        check_name("after", request.after)
        if request.most < 1:
            raise InvalidRequest(f"most is {request.most}: ask for 1 or more devices")
        meant = None if request.labels is None else read_selector(request.labels)
        found = await self._database(
            devices.labelled, self._project, request.search, request.after
        )
        ids = [
            one.device
            for one in found
            if request.online in (None, self._online.has(one.device))
            and (meant is None or meant.matches(one.labels))
        ]
        asked = ids[: request.most]
        rows = await self._database(devices.those, self._project, asked)
        reports = tuple(self._detail(row).report for row in rows)
        told = fitting(reports)
        return DeviceList(
            devices=told, more=len(asked) < len(ids) or len(told) < len(reports)
        )

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
            labels=row.labels,
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
