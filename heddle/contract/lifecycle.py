"""Flows at the centre: drafted, published as signed releases, archived.

A flow has versions 1, 2, 3 and so on, each as its author saved it, for ever. Publishing
freezes one of them as a release: signed, deployable, never changed.
"""

import enum
from dataclasses import field
from typing import Any

from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    Procedure,
    message,
    of_backend,
)
from heddle.contract.flows import Finding, FlowInvalid, FlowNotFound, SignedRelease


class FlowStage(enum.StrEnum):
    """Where a flow stands in its life (EdgeFlow 002, "Flow Lifecycle")."""

    DRAFT = "draft"  # its newest version is being edited
    PUBLISHED = "published"  # its newest version is a release
    ARCHIVED = "archived"  # inactive, hidden from default lists


@message
class SaveFlow:
    """Save a workflow as the flow's next version; an equal definition makes none.

    What is None stays as it is. ``name`` "" stays, too.
    """

    flow: str
    name: str = ""
    definition: dict[str, Any] | None = None  # None: only what is told about the flow
    description: str | None = None
    labels: tuple[str, ...] | None = None  # EdgeFlow's tags, for finding it again
    unfinished: bool = False  # keep it in spite of findings, which are told
    revise: bool = False  # begin the next draft of a published flow
    if_revision: int | None = None  # only if nobody changed the flow since


@message
class GetFlow:
    """Ask for one version of a flow, the newest when ``version`` is absent."""

    flow: str
    version: int | None = None


@message
class FlowVersion:
    """One version of a flow with its workflow."""

    flow: str
    name: str
    version: int
    saved_at_ms: int
    saved_by: str
    definition: dict[str, Any]
    stage: FlowStage = FlowStage.DRAFT  # of the flow
    published: bool = False  # whether this version is a release
    description: str = ""
    labels: tuple[str, ...] = ()
    revision: int = 1  # counts every change of the flow; what ``if_revision`` names
    created_at_ms: int = 0  # when the flow's first version was saved
    created_by: str = ""
    findings: tuple[Finding, ...] = ()  # of an unfinished draft, when it is saved


@message
class FlowSummary:
    """A flow without its workflow."""

    flow: str
    name: str
    version: int  # the newest
    saved_at_ms: int
    saved_by: str
    stage: FlowStage = FlowStage.DRAFT
    published_version: int | None = None  # the newest release
    description: str = ""
    labels: tuple[str, ...] = ()
    revision: int = 1
    created_at_ms: int = 0
    created_by: str = ""


@message
class ListFlows:
    """Ask for the project's flows, by id."""

    search: str = ""  # in id, name, description, labels; any case
    label: str | None = None
    stage: FlowStage | None = None  # None: all but the archived
    created_by: str | None = None
    after: str = ""  # the last id of the page before
    most: int = 1000


@message
class FlowList:
    """The project's flows, by id."""

    flows: tuple[FlowSummary, ...]
    more: bool = False  # there are more after the last


@message
class FlowRef:
    """Names a flow."""

    flow: str
    if_revision: int | None = None


@message
class PublishFlow:
    """Freeze a version, the newest when absent, as a signed release."""

    flow: str
    version: int | None = None
    engine_image: str = ""  # the image its engines run; "": each device's own
    engine_memory_mb: int | None = None  # their limit; None: each device's own
    note: str = ""
    if_revision: int | None = None


@message
class Release:
    """A published flow version."""

    flow: str
    version: int
    content_hash: str  # sha256 of its document, 64 hex digits
    published_by: str
    published_at_ms: int
    note: str = ""
    engine_image: str = ""
    engine_memory_mb: int | None = None
    warnings: tuple[Finding, ...] = ()  # what could not be proved of it


@message
class GetRelease:
    """Ask for one release, the newest when ``version`` is absent."""

    flow: str
    version: int | None = None


@message
class ReleaseDetail:
    """A release with its proof."""

    release: Release
    signed: SignedRelease


@message
class ListReleases:
    """Ask for a flow's releases, newest first."""

    flow: str


@message
class ReleaseList:
    """Releases of a flow, newest first."""

    releases: tuple[Release, ...]


@message
class CloneFlow:
    """Copy one version of a flow, the newest when absent, into a new flow."""

    flow: str
    to: str
    version: int | None = None
    name: str = ""


@message
class ListVersions:
    """Ask for all versions of a flow, newest first."""

    flow: str


@message
class VersionSummary:
    """One version without its workflow."""

    version: int
    saved_at_ms: int
    saved_by: str
    published: bool


@message
class VersionList:
    """A flow's versions, newest first."""

    versions: tuple[VersionSummary, ...]


@message
class DiffFlow:
    """Ask what changed from one version of a flow to another."""

    flow: str
    before: int | None = None  # None: the newest release, else the version before
    after: int | None = None  # None: the newest


class ChangeWord(enum.StrEnum):
    """What became of a part of a workflow."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@message
class PartChange:
    """One element, link or variable that differs."""

    what: ChangeWord
    kind: str  # phase, listener, gateway, dispatcher, link, variable, or field
    id: str
    fields: tuple[str, ...] = ()  # of a changed one: which, as dotted paths
    before: Any = None
    after: Any = None


@message
class FlowDiff:
    """What changed between two versions."""

    flow: str
    before: int
    after: int
    changes: tuple[PartChange, ...]


@message
class Deleted:
    """It is gone."""

    flow: str


@message
class FlowStanding:
    """How a flow stands after a change of its stage."""

    flow: str
    stage: FlowStage
    revision: int = field(default=1)


class FlowPublished(FleetError):
    """The newest version is published, and so immutable: begin the next draft."""

    uri = "heddle.error.flow_published"


class FlowArchived(FleetError):
    """The flow is archived: restore it first."""

    uri = "heddle.error.flow_archived"


class FlowChanged(FleetError):
    """Somebody changed the flow meanwhile; ``details["revision"]`` is today's."""

    uri = "heddle.error.flow_changed"


class FlowExists(FleetError):
    """The project already has a flow of this id."""

    uri = "heddle.error.flow_exists"


class FlowInUse(FleetError):
    """The flow has releases or deployments, which stay: archive it instead."""

    uri = "heddle.error.flow_in_use"


class ReleaseNotFound(FleetError):
    """The flow, or this version of it, is not published."""

    uri = "heddle.error.release_not_found"


SAVE_FLOW: Procedure[SaveFlow, FlowVersion] = of_backend(
    "flow.save",
    SaveFlow,
    FlowVersion,
    "Check a workflow and keep it as the flow's next version.",
    FlowInvalid,
    FlowPublished,
    FlowArchived,
    FlowChanged,
    FlowNotFound,
)
GET_FLOW: Procedure[GetFlow, FlowVersion] = of_backend(
    "flow.get", GetFlow, FlowVersion, "One version of a flow.", FlowNotFound,
    called_by=PEOPLE,
)  # fmt: skip
LIST_FLOWS: Procedure[ListFlows, FlowList] = of_backend(
    "flow.list", ListFlows, FlowList, "The project's flows.", called_by=PEOPLE
)
LIST_VERSIONS: Procedure[ListVersions, VersionList] = of_backend(
    "flow.versions", ListVersions, VersionList, "All versions of a flow.", FlowNotFound,
    called_by=PEOPLE,
)  # fmt: skip
DIFF_FLOW: Procedure[DiffFlow, FlowDiff] = of_backend(
    "flow.diff", DiffFlow, FlowDiff, "What changed between two versions of a flow.",
    FlowNotFound, called_by=PEOPLE,
)  # fmt: skip
CLONE_FLOW: Procedure[CloneFlow, FlowVersion] = of_backend(
    "flow.clone", CloneFlow, FlowVersion, "Copy a flow into a new one.",
    FlowNotFound, FlowExists,
)  # fmt: skip
PUBLISH_FLOW: Procedure[PublishFlow, Release] = of_backend(
    "flow.publish",
    PublishFlow,
    Release,
    "Check a version strictly and freeze it as a signed release.",
    FlowInvalid,
    FlowNotFound,
    FlowArchived,
    FlowChanged,
)
GET_RELEASE: Procedure[GetRelease, ReleaseDetail] = of_backend(
    "flow.release", GetRelease, ReleaseDetail, "A release with its signature.",
    FlowNotFound, ReleaseNotFound, called_by=PEOPLE,
)  # fmt: skip
LIST_RELEASES: Procedure[ListReleases, ReleaseList] = of_backend(
    "flow.releases", ListReleases, ReleaseList, "A flow's releases, newest first.",
    FlowNotFound, called_by=PEOPLE,
)  # fmt: skip
ARCHIVE_FLOW: Procedure[FlowRef, FlowStanding] = of_backend(
    "flow.archive", FlowRef, FlowStanding,
    "Hide a flow; it can neither be changed nor deployed until it is restored.",
    FlowNotFound, FlowChanged,
)  # fmt: skip
RESTORE_FLOW: Procedure[FlowRef, FlowStanding] = of_backend(
    "flow.restore", FlowRef, FlowStanding, "Take a flow out of the archive.",
    FlowNotFound, FlowChanged,
)  # fmt: skip
DELETE_FLOW: Procedure[FlowRef, Deleted] = of_backend(
    "flow.delete", FlowRef, Deleted, "Remove a flow that was never published.",
    FlowNotFound, FlowInUse, FlowChanged,
)  # fmt: skip
