"""Releases of one project: a flow version proved, frozen and signed.

A release never changes: publishing its version again gives the same one.
"""

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

import msgspec
from typing_extensions import override

from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.flows import Finding
from heddle.contract.lifecycle import (
    GET_RELEASE,
    LIST_RELEASES,
    PUBLISH_FLOW,
    GetRelease,
    ListReleases,
    PublishFlow,
    Release,
    ReleaseDetail,
    ReleaseList,
    ReleaseNotFound,
)
from heddle.releases import make_release
from heddle.wamp.session import Caller, Session
from services.backend.audit import by, record
from services.backend.flows.keeping import locked, not_found, read, standing_of
from services.backend.flows.proofs import Proof, Proofs
from services.backend.flows.release_keys import ReleaseKeys
from services.backend.flows.rules import check_not_archived, check_revision
from services.backend.flows.text import invalid
from services.backend.pages import fitting
from services.backend.realm import Part, Serve
from services.backend.store import flows, releases
from services.backend.store.database import Connection, Database
from services.backend.store.releases import ReleaseRow
from services.backend.text import check_name

LEAST_MEMORY_MB, MOST_MEMORY_MB = 32, 1_048_576
_IMAGE = re.compile(  # [HOST[:PORT]/]NAME[:TAG][@DIGEST], as Docker reads it
    r"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:[./]|__?|-+)[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


class Checked(NamedTuple):
    """A version that was proved, and how it shall be published."""

    version: int
    warnings: tuple[Finding, ...]
    request: PublishFlow
    at_ms: int


class Releases(Part):
    """Serves the release procedures of one project."""

    def __init__(
        self,
        clock: Any,
        database: Database,
        project: str,
        *,
        keys: ReleaseKeys,
        proofs: Proofs,
    ) -> None:
        self._clock = clock
        self._database = database
        self._project = project
        self._keys = keys
        self._proofs = proofs

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(PUBLISH_FLOW, self.publish)
        await serve(GET_RELEASE, self.get)
        await serve(LIST_RELEASES, self.every)

    async def publish(self, request: PublishFlow, caller: Caller) -> Release:
        """Serve PUBLISH_FLOW."""
        flow = check_id("flow", request.flow)
        _check_engine(request)
        check_name("note", request.note)
        row, version = await self._database(read, self._project, flow, request.version)
        check_not_archived(standing_of(row), "published")
        proof = Proof(())
        if not version.published:
            proof = await self._proofs(version.definition)
        if proof.errors:
            raise invalid(
                f"version {version.version} of {flow} cannot be published: "
                f"{proof.errors[0].message}",
                proof.errors,
            )
        at_ms = round(self._clock.seconds() * 1000)
        checked = Checked(version.version, proof.warnings, request, at_ms)
        published = await self._database(
            publish, self._project, checked, caller, self._keys.signing
        )
        return told(published)

    async def get(self, request: GetRelease, _caller: Caller) -> ReleaseDetail:
        """Serve GET_RELEASE."""
        flow = check_id("flow", request.flow)
        row = await self._database(
            release_of, self._project, flow, request.version, archived=True
        )
        return ReleaseDetail(release=told(row), signed=row.signed)

    async def every(self, request: ListReleases, _caller: Caller) -> ReleaseList:
        """Serve LIST_RELEASES."""
        flow = check_id("flow", request.flow)
        rows = await self._database(_every, self._project, flow)
        return ReleaseList(releases=fitting([told(row) for row in rows]))


def publish(
    connection: Connection,
    project: str,
    checked: Checked,
    caller: Caller,
    signing: Callable[[Connection, str], Any],
) -> ReleaseRow:
    """Sign a version that was proved, unless it is a release already."""
    request = checked.request
    flow = request.flow
    standing = standing_of(locked(connection, project, flow))
    check_not_archived(standing, "published")
    known = releases.get(connection, project, flow, checked.version)
    if known is not None:
        _check_same(known, request)
        return known
    check_revision(standing, request.if_revision)
    version = flows.version(connection, project, flow, checked.version)
    if version is None:  # deleted meanwhile
        raise not_found(project, flow, checked.version)
    signed = make_release(
        signing(connection, project),
        project=project,
        flow=flow,
        version=checked.version,
        definition=version.definition,
        engine_image=request.engine_image,
        engine_memory_mb=request.engine_memory_mb,
        published_by=caller.authid,
        published_at_ms=checked.at_ms,
    )
    row = ReleaseRow(
        flow=flow,
        version=checked.version,
        document=signed.document,
        content_hash=signed.content_hash,
        signature=signed.signature,
        key=signed.key,
        engine_image=request.engine_image,
        engine_memory_mb=request.engine_memory_mb,
        note=request.note,
        warnings=[asdict(one) for one in checked.warnings],
        published_by=caller.authid,
        published_at_ms=checked.at_ms,
    )
    releases.insert(connection, project, row)
    flows.changed(connection, project, flow)
    entry = by(
        caller,
        "flow.publish",
        flow,
        version=row.version,
        content_hash=row.content_hash,
        engine_image=row.engine_image,
        warnings=len(row.warnings),
    )
    record(connection, project, entry)
    return row


def release_of(
    connection: Connection,
    project: str,
    flow: str,
    version: int | None = None,
    *,
    archived: bool = False,
) -> ReleaseRow:
    """A release, the newest if ``version`` is None; of archived flows if asked for.

    Raises ``FlowNotFound``, ``FlowArchived`` and ``ReleaseNotFound``.
    """
    row = flows.one(connection, project, flow)
    if row is None:
        raise not_found(project, flow)
    if not archived:
        check_not_archived(standing_of(row), "deployed")
    found = releases.get(connection, project, flow, version)
    if found is None:
        what = f"flow {flow}" if version is None else f"version {version} of {flow}"
        raise ReleaseNotFound(
            f"{what} is not published: publish it first, as with "
            f"`heddle flow publish {flow}`"
        )
    return found


def told(row: ReleaseRow) -> Release:
    """A release as it travels, without its document."""
    return Release(
        flow=row.flow,
        version=row.version,
        content_hash=row.content_hash,
        published_by=row.published_by,
        published_at_ms=row.published_at_ms,
        note=row.note,
        engine_image=row.engine_image,
        engine_memory_mb=row.engine_memory_mb,
        warnings=msgspec.convert(row.warnings, tuple[Finding, ...]),
    )


def _every(connection: Connection, project: str, flow: str) -> list[ReleaseRow]:
    if flows.one(connection, project, flow) is None:
        raise not_found(project, flow)
    return releases.every(connection, project, flow)


def _check_engine(request: PublishFlow) -> None:
    check_name("engine_image", request.engine_image)
    if request.engine_image and not _IMAGE.fullmatch(request.engine_image):
        raise InvalidRequest(
            "engine_image must be an image's name: registry.example.com/engine:1, or, "
            "so that nobody can put another in its place, engine@sha256:…"
        )
    memory_mb = request.engine_memory_mb
    if memory_mb is not None and not LEAST_MEMORY_MB <= memory_mb <= MOST_MEMORY_MB:
        raise InvalidRequest(
            f"engine_memory_mb must be {LEAST_MEMORY_MB} to {MOST_MEMORY_MB}"
        )


def _check_same(known: ReleaseRow, request: PublishFlow) -> None:
    """A release does not change: its engine cannot be another one now."""
    asked = (
        (request.engine_image or known.engine_image),
        (request.engine_memory_mb or known.engine_memory_mb),
    )
    if asked != (known.engine_image, known.engine_memory_mb):
        raise InvalidRequest(
            f"version {known.version} of {known.flow} is a release already, with "
            "another engine, and never changes: save the next version and publish that"
        )
