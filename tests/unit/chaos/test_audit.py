"""The audit in an outbox knows what was produced, and what never came to its disk."""

import struct
from pathlib import Path

from edge_agent.budget import Budget
from edge_agent.engine.records import event_id
from edge_agent.outbox_store import OutboxStore
from heddle.contract.runs import WorkflowEvent
from heddle.contract.samples import Receipt, SampleColumns, SampleTag, Stream
from tests.chaos.auditor import _flaws
from tests.soak.audit import _produced, _unkept, prepare

TAGS = (SampleTag(tag="level", unit="m"),)


def columns(*values: float) -> SampleColumns:
    n = len(values)
    return SampleColumns(
        tags=TAGS,
        tag=bytes(2 * n),
        at=struct.pack(f"<{n}q", *range(n)),
        value=struct.pack(f"<{n}d", *values),
        quality=bytes(n),
    )


def test_what_was_acknowledged_dropped_and_never_kept_is_all_known(
    tmp_path: Path,
) -> None:
    prepare(tmp_path, Budget(1 << 20))
    store = OutboxStore(tmp_path / "outbox.sqlite", Budget(1 << 20))
    store.append_samples(columns(1.0, 2.0))
    batch = store.batch(Stream.SAMPLES)
    assert batch is not None
    store.acknowledge(Receipt(stream=Stream.SAMPLES, epoch=batch.epoch, next_number=2))
    store.append_unkept(Stream.SAMPLES, 7, "no room", None)
    store.append_samples(columns(3.0))
    store.close()
    produced = [row[2] for row in _produced(tmp_path, Stream.SAMPLES)]
    assert produced == [1.0, 2.0, 3.0]
    assert _unkept(tmp_path, Stream.SAMPLES) == 7
    assert _unkept(tmp_path, Stream.RUN_EVENTS) == 0
    assert [row[3] for row in _produced(tmp_path, Stream.LOSSES)] == [7]


def told(*types: str) -> dict[int, WorkflowEvent]:
    return {
        n: WorkflowEvent(
            id=event_id("r", n), type=type_, createdAt=n, number=n, data={}
        )
        for n, type_ in enumerate(types)
    }


def test_a_run_ends_once_and_last() -> None:
    whole = told("WORKFLOW_STARTED", "PHASE_STARTED", "WORKFLOW_FINISHED")
    assert list(_flaws("r", whole)) == []
    assert len(list(_flaws("other", whole))) == 1  # ids that are another run's
    assert len(list(_flaws("r", told("WORKFLOW_STARTED")))) == 1
    twice = told("WORKFLOW_FINISHED", "WORKFLOW_FINISHED")
    assert len(list(_flaws("r", twice))) == 1
    assert len(list(_flaws("r", {}))) == 1
