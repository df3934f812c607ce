"""The whole memory of one deployment and of its targets.

Goes through ``msgspec.json`` and comes back equal. Instants are unix ms (``_at_ms``).
"""

import enum

import msgspec

from heddle.rollout.spec import Spec


class Status(enum.StrEnum):
    """Where a deployment stands."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    ROLLING_BACK = "rolling_back"  # also while those under way are taken back: cancel
    COMPLETED = "completed"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"


class TargetStatus(enum.StrEnum):
    """Where a target stands."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    VERIFYING = "verifying"
    SUCCESS = "success"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"


TERMINAL = frozenset(
    {Status.COMPLETED, Status.FAILED, Status.ROLLED_BACK, Status.CANCELLED}
)
ENDED = frozenset(
    {
        TargetStatus.SUCCESS,
        TargetStatus.FAILED,
        TargetStatus.ROLLED_BACK,
        TargetStatus.SKIPPED,
        TargetStatus.TIMED_OUT,
    }
)


class Order(enum.StrEnum):
    """What a device is told."""

    DEPLOY = "deploy"
    SWITCH = "switch"
    REVERT = "revert"
    SETTLE = "settle"


class Phase(enum.StrEnum):
    """Who is to act on a target's order."""

    IDLE = "idle"  # nobody: it is not its turn, or nothing is owed any more
    SENDING = "sending"  # the outside is to deliver it
    RESTING = "resting"  # it got no answer and is delivered again at ``retry_at_ms``
    DORMANT = "dormant"  # it got no answer and waits until the device returns
    TAKEN = "taken"  # the device has it and is to say how it went
    READY = "ready"  # blue-green: prepared beside, waits for the others
    WATCHED = "watched"  # the outside is to say whether the device is healthy


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One device in a deployment.

    Once ``status`` has ended, what still goes on aside is told by ``order``,
    ``caught_up`` and ``reverted`` only.
    """

    wave: int = -1  # from 0; before the start there are none
    status: TargetStatus = TargetStatus.PENDING
    order: Order | None = None
    phase: Phase = Phase.IDLE
    attempt: int = 0  # how many deliveries got no answer, of all its orders
    silent: int = 0  # and in a row, since it was told anew or returned
    retry_at_ms: int | None = None
    deadline_at_ms: int | None = None  # until when the device is to have acted
    watch_until_ms: int | None = None
    touched: bool = False  # was sent the release, so it may have it
    absent: bool = False  # timed out without a word and may catch up: proves nothing
    caught_up: bool = False  # got the release after it had timed out
    reverted: bool = False  # said that it is on its former release again
    stuck: bool = False  # said that it cannot get back by itself
    gone: bool = False  # nothing is owed to it any more
    ended_at_ms: int | None = None
    detail: str = ""  # one sentence, why it ended so


class Deployment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One deployment. ``id`` is the key by which devices know a repeated order."""

    id: str
    spec: Spec
    targets: dict[str, Target]  # in the order of the waves; never changed in place
    created_by: str = ""
    created_at_ms: int = 0
    status: Status = Status.PENDING
    detail: str = ""  # one sentence, why it is so
    started_by: str | None = None
    approved_by: str | None = None
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    paused_at_ms: int | None = None
    waves: int = 0  # how many there are, once it started
    wave: int = -1  # the open one, from 0
    deadline_at_ms: int | None = None  # the open wave's, for those whose turn is ours
    prepare_at_ms: int | None = None  # blue-green: until when they may get ready
    next_at_ms: int | None = None  # when the next wave may open
    switch_at_ms: int | None = None  # blue-green: when those ready may switch
    revert_at_ms: int | None = None  # until when a rollback waits for answers
    halted: bool = False  # a threshold fired, or a person ended it: no more Deploys
    ending: Status | None = None  # what a rollback ends as
