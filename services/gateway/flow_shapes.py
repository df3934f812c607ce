"""Flows as EdgeFlow 002 writes them: ``id``, ``tags``, ``status``, instants as text.

What is saved over REST may be unfinished: it is kept with its findings. Publishing
checks it strictly.
"""

from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec

from heddle.contract.declare import message
from heddle.contract.flows import Finding
from heddle.contract.lifecycle import (
    FlowList,
    FlowStage,
    FlowStanding,
    FlowSummary,
    FlowVersion,
    Release,
    ReleaseList,
    VersionList,
)
from services.gateway.instants import instant
from services.gateway.route import Id, Version


class NewFlow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flow to be made; its id is made up if none is given."""

    definition: dict[str, Any]
    name: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    id: Id | None = None


class FlowUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall change of a flow; what is left out stays."""

    name: str = ""
    description: str | None = None
    tags: tuple[str, ...] | None = None
    definition: dict[str, Any] | None = None
    revise: bool = False  # begin the next draft of a published flow


class FlowCopy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a flow is copied to."""

    id: Id | None = None  # made up if none is given
    name: str = ""
    version: Version | None = None  # the newest if absent


@message
class Flow:
    """A flow with the workflow of one version."""

    id: str
    name: str
    description: str
    tags: tuple[str, ...]
    status: FlowStage
    version: int
    published: bool  # whether this version is a release
    revision: int  # counts every change of the flow
    definition: dict[str, Any]
    findings: tuple[Finding, ...]  # of an unfinished draft, when it is saved
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


@message
class FlowItem:
    """A flow without its workflow."""

    id: str
    name: str
    description: str
    tags: tuple[str, ...]
    status: FlowStage
    version: int
    published_version: int | None
    revision: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


@message
class FlowPage:
    """Flows, by id."""

    flows: tuple[FlowItem, ...]
    more: bool


@message
class FlowStatus:
    """How a flow stands after a change of its status."""

    id: str
    status: FlowStage
    revision: int


@message
class PublishedRelease:
    """A version that is frozen and signed."""

    flow_id: str
    version: int
    content_hash: str
    published_at: datetime
    published_by: str
    note: str
    engine_image: str
    engine_memory_mb: int | None
    warnings: tuple[Finding, ...]  # what could not be proved of it


@message
class ReleasePage:
    """Releases of a flow, newest first."""

    releases: tuple[PublishedRelease, ...]


@message
class FlowVersionItem:
    """One version without its workflow."""

    version: int
    published: bool
    saved_at: datetime
    saved_by: str


@message
class VersionPage:
    """A flow's versions, newest first."""

    versions: tuple[FlowVersionItem, ...]


@message
class DeletedFlow:
    """It is gone."""

    id: str


def made_up_id() -> str:
    """An id for a flow nobody named."""
    return f"flow_{uuid4().hex[:12]}"


def new_flow(asked: NewFlow) -> dict[str, Any]:
    """What is asked of the backend."""
    return {
        "flow": asked.id or made_up_id(),
        "name": asked.name,
        "definition": asked.definition,
        "description": asked.description,
        "labels": asked.tags,
        "unfinished": True,
        "if_revision": 0,  # there is none yet
    }


def flow_update(asked: FlowUpdate) -> dict[str, Any]:
    """What is asked of the backend."""
    return {
        "name": asked.name,
        "definition": asked.definition,
        "description": asked.description,
        "labels": asked.tags,
        "unfinished": True,
        "revise": asked.revise,
    }


def flow_copy(asked: FlowCopy) -> dict[str, Any]:
    """What is asked of the backend."""
    to = asked.id or made_up_id()
    return {"to": to, "name": asked.name, "version": asked.version}


def flow(found: FlowVersion) -> Flow:
    """As REST tells it."""
    return Flow(
        id=found.flow,
        name=found.name,
        description=found.description,
        tags=found.labels,
        status=found.stage,
        version=found.version,
        published=found.published,
        revision=found.revision,
        definition=found.definition,
        findings=found.findings,
        created_at=instant(found.created_at_ms),
        created_by=found.created_by,
        updated_at=instant(found.saved_at_ms),
        updated_by=found.saved_by,
    )


def _item(found: FlowSummary) -> FlowItem:
    return FlowItem(
        id=found.flow,
        name=found.name,
        description=found.description,
        tags=found.labels,
        status=found.stage,
        version=found.version,
        published_version=found.published_version,
        revision=found.revision,
        created_at=instant(found.created_at_ms),
        created_by=found.created_by,
        updated_at=instant(found.saved_at_ms),
        updated_by=found.saved_by,
    )


def flow_page(found: FlowList) -> FlowPage:
    """As REST tells it."""
    return FlowPage(flows=tuple(map(_item, found.flows)), more=found.more)


def flow_status(found: FlowStanding) -> FlowStatus:
    """As REST tells it."""
    return FlowStatus(id=found.flow, status=found.stage, revision=found.revision)


def release(found: Release) -> PublishedRelease:
    """As REST tells it."""
    return PublishedRelease(
        flow_id=found.flow,
        version=found.version,
        content_hash=found.content_hash,
        published_at=instant(found.published_at_ms),
        published_by=found.published_by,
        note=found.note,
        engine_image=found.engine_image,
        engine_memory_mb=found.engine_memory_mb,
        warnings=found.warnings,
    )


def release_page(found: ReleaseList) -> ReleasePage:
    """As REST tells it."""
    return ReleasePage(releases=tuple(map(release, found.releases)))


def version_page(found: VersionList) -> VersionPage:
    """As REST tells it."""
    return VersionPage(
        versions=tuple(
            FlowVersionItem(
                version=one.version,
                published=one.published,
                saved_at=instant(one.saved_at_ms),
                saved_by=one.saved_by,
            )
            for one in found.versions
        )
    )


def etag(found: FlowVersion | FlowStanding) -> str:
    """Names the state of the flow, and of the version that is told."""
    if isinstance(found, FlowVersion):
        return f'"{found.revision}.{found.version}"'
    return f'"{found.revision}"'
