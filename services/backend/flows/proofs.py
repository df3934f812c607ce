"""Strict checks of workflows, on a thread of their own: a proof may take a second."""

from dataclasses import dataclass
from typing import Any

from heddle.contract.flows import Finding
from heddle.wamp.blocking import Blocking
from heddle.workflow import soundness
from services.backend.flows.doubts import doubts
from services.backend.flows.text import told


@dataclass(frozen=True, slots=True)
class Proof:
    """What keeps a workflow from being published, and what its author should know."""

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()


class Proofs:
    """Proves workflows one after the other."""

    def __init__(self, reactor: Any) -> None:
        self._blocking = Blocking(reactor, "proofs", 1)

    def start(self) -> None:
        """Start the thread."""
        self._blocking.start()

    def stop(self) -> None:
        """Wait for the proof under way."""
        self._blocking.stop()

    async def __call__(self, definition: dict[str, Any]) -> Proof:
        """The verdict on a workflow with the defaults of its variables."""
        return await self._blocking(prove, definition)


def prove(definition: dict[str, Any]) -> Proof:
    """Form, rules and soundness: errors, and apart from them what is in doubt."""
    verdict = soundness.check(definition)
    if not verdict.valid:
        return Proof(told(verdict.findings))
    return Proof((), doubts(definition, verdict))
