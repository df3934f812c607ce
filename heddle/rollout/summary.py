"""What there is to tell of a deployment at a glance."""

import msgspec

from heddle.rollout.state import TERMINAL, Deployment, Phase, TargetStatus


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many targets there are of each status, and what goes on aside."""

    total: int
    by_status: dict[TargetStatus, int]  # every status, also with 0
    caught_up: int
    asleep: int  # wait for the device to return

    @property
    def completed(self) -> int:
        """How many succeeded."""
        return self.by_status[TargetStatus.SUCCESS]

    @property
    def failed(self) -> int:
        """How many failed or timed out."""
        by = self.by_status
        return by[TargetStatus.FAILED] + by[TargetStatus.TIMED_OUT]


def counts(state: Deployment) -> Counts:
    """Counted anew, in one pass."""
    by_status = dict.fromkeys(TargetStatus, 0)
    for target in state.targets.values():
        by_status[target.status] += 1
    return Counts(
        total=len(state.targets),
        by_status=by_status,
        caught_up=sum(x.caught_up for x in state.targets.values()),
        asleep=len(asleep(state)),
    )


def asleep(state: Deployment) -> frozenset[str]:
    """The devices whose ``Returned`` would make something happen."""
    return frozenset(
        device for device, x in state.targets.items() if x.phase is Phase.DORMANT
    )


def is_terminal(state: Deployment) -> bool:
    """Whether it has ended; some devices may still be owed something aside."""
    return state.status in TERMINAL
