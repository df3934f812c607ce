"""The audit trail's pen: who did what, chained, in the transaction that does it.

An entry's hash covers its content and the hash of the entry before, so that nothing can
be changed or taken out without breaking every later one.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from heddle.contract.audit import AuditEntry, AuditOutcome
from heddle.wamp.session import Caller
from services.backend.store import audit
from services.backend.store.database import Connection


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written down. ``details`` never hold a secret."""

    actor: str
    role: str
    action: str  # such as flow.publish
    subject: str  # such as the flow's id
    details: Mapping[str, Any] = field(default_factory=dict)
    outcome: AuditOutcome = AuditOutcome.DONE
    request_id: str = ""


def by(caller: Caller, action: str, subject: str, **details: Any) -> Entry:
    """What a caller did."""
    return Entry(
        actor=caller.authid,
        role=caller.role.value,
        action=action,
        subject=subject,
        details=details,
        request_id=caller.request_id,
    )


def record(connection: Connection, project: str, entry: Entry) -> None:
    """Append to the project's trail; later writers wait for this transaction."""
    last = audit.lock_last(connection, project)
    number, previous = (last.number + 1, last.hash) if last else (1, "")
    written = AuditEntry(
        number=number,
        at_ms=int(time.time() * 1000),
        actor=entry.actor,
        role=entry.role,
        action=entry.action,
        subject=entry.subject,
        outcome=entry.outcome,
        details=dict(entry.details),
        request_id=entry.request_id,
        previous=previous,
    )
    audit.append(connection, project, written, digest(written))


def digest(entry: AuditEntry) -> str:
    """The hash of an entry: sha256 over its canonical JSON, ``hash`` left out."""
    content = {
        "number": entry.number,
        "at_ms": entry.at_ms,
        "actor": entry.actor,
        "role": entry.role,
        "action": entry.action,
        "subject": entry.subject,
        "outcome": entry.outcome.value,
        "details": entry.details,
        "request_id": entry.request_id,
        "previous": entry.previous,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
