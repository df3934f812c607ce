"""What may be done with a flow in each stage of its life. Pure.

Stage: archived if it is so marked; else published if its newest version is a release;
else a draft. A version never changes once it is saved, a release never again.
"""

from dataclasses import dataclass

from heddle.contract.lifecycle import (
    FlowArchived,
    FlowChanged,
    FlowInUse,
    FlowPublished,
    FlowStage,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a flow stands. ``newest`` is 0 before the first version."""

    flow: str
    revision: int
    newest: int
    released: int | None = None  # the newest release
    archived: bool = False

    @property
    def stage(self) -> FlowStage:
        """The stage of its life."""
        if self.archived:
            return FlowStage.ARCHIVED
        if self.newest and self.newest == self.released:
            return FlowStage.PUBLISHED
        return FlowStage.DRAFT


def check_save(
    standing: Standing, *, new_version: bool, revise: bool, if_revision: int | None
) -> None:
    """Raises ``FlowArchived``, ``FlowChanged`` or ``FlowPublished``."""
    check_not_archived(standing, "changed")
    check_revision(standing, if_revision)
    if new_version and not revise and standing.stage is FlowStage.PUBLISHED:
        raise FlowPublished(
            f"version {standing.newest} of {standing.flow} is published and stays as "
            f"it is: begin the next draft with `heddle flow edit {standing.flow}`, or "
            "save with revise"
        )


def check_not_archived(standing: Standing, what: str) -> None:
    """Raises ``FlowArchived``; ``what`` cannot be done, as in "published"."""
    if standing.archived:
        raise FlowArchived(
            f"flow {standing.flow} is archived and cannot be {what}: restore it first, "
            f"as with `heddle flow restore {standing.flow}`"
        )


def check_revision(standing: Standing, if_revision: int | None) -> None:
    """Raises ``FlowChanged`` if somebody changed the flow since."""
    if if_revision is not None and if_revision != standing.revision:
        raise FlowChanged(
            f"flow {standing.flow} was changed meanwhile: it is at revision "
            f"{standing.revision}, not {if_revision}: look at it again",
            revision=standing.revision,
        )


def check_delete(standing: Standing, if_revision: int | None) -> None:
    """Raises ``FlowInUse`` or ``FlowChanged``."""
    if standing.released is not None:
        raise FlowInUse(
            f"flow {standing.flow} has releases, which stay: archive it instead, as "
            f"with `heddle flow archive {standing.flow}`"
        )
    check_revision(standing, if_revision)
