"""What the agent does for its flows: keeps their events, carries out their commands.

A command is told at least once; by its run and number it is carried out once, and a
repeat is answered as the first time. Writing is idempotent besides: a setpoint written
twice is the same setpoint.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.logger import Logger

from edge_agent.alerts import Alert
from edge_agent.drivers.driver import Driver, Value, WriteRefused
from edge_agent.engine.protocol import Execute
from edge_agent.outbox import Outbox, OutboxFailed
from edge_agent.tags import TagTable
from heddle.contract.runs import RunEvents

log = Logger()

ERROR_CHARACTERS = 500


class DeviceDuties:
    """The hands of one device."""

    def __init__(
        self,
        *,
        driver: Driver,
        tags: TagTable,
        outbox: Outbox,
        tell: Callable[[RunEvents], None],
    ) -> None:
        self._driver = driver
        self._tags = tags
        self._outbox = outbox
        self._tell = tell

    async def keep(self, told: RunEvents, alerts: Sequence[Alert]) -> None:
        """Put events into the outbox, with the alerts that come of them, then tell
        those that are new live.
        """
        fresh = await self._outbox.keep_events(told, alerts)
        if fresh is not None:
            self._tell(fresh)

    async def execute(self, wanted: Execute) -> str | None:
        """Carry out a phase's command once; what went wrong, if something did."""
        try:
            before = await self._outbox.executed(wanted.run, wanted.number)
            if before is not None:
                return before.error
            error = await self._carry_out(
                wanted.command, f"{wanted.run}/{wanted.number}"
            )
            if error is not None:
                log.warn(
                    "run {run}, phase {phase}: command failed: {error}",
                    run=wanted.run,
                    phase=wanted.phase,
                    error=error,
                )
            await self._outbox.record_executed(wanted.run, wanted.number, error)
        except OutboxFailed as failed:
            return f"the agent cannot keep its records: {failed}"[:ERROR_CHARACTERS]
        return error

    async def _carry_out(self, command: Mapping[str, Any], key: str) -> str | None:
        if command.get("type") != "SET_TARGETS":
            return f"command type {command.get('type')!r} is unknown to this agent"
        errors = []
        for target in command["data"]["targets"]:
            error = await self._write(target["inputNodeId"], target["target"], key)
            if error is not None:
                errors.append(error)
        return "; ".join(errors)[:ERROR_CHARACTERS] if errors else None

    async def _write(self, node: str, value: Value, key: str) -> str | None:
        tag = self._tags.of_node(node)
        if tag is None:
            return f"inputNodeId {node} is no tag of this device"
        try:
            await self._driver.write(tag.tag, value, key=f"{key}/{tag.tag}")
        except WriteRefused as refused:
            return str(refused)
        log.info("{tag} set to {value}", tag=tag.tag, value=value)
        return None
