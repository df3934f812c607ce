"""What leaves the engine for its agent, and leaves again until it has arrived.

Events of a run go out in order, each connection beginning with the first the agent has
not acknowledged. Commands go out again on each connection until they are answered.
While the agent reads slowly, events wait where they are kept anyway.
"""

from collections.abc import Iterable
from typing import Protocol

from twisted.logger import Logger

from edge_agent.engine.journal import Journal
from edge_agent.engine.protocol import (
    MAX_FRAME_BYTES,
    Execute,
    ToAgent,
    encode,
    encode_events,
)
from edge_agent.engine.runner import Runner
from heddle.workflow import effects
from heddle.workflow.definition import Command

log = Logger()

_EVENTS_A_FRAME = 200


class Agent(Protocol):
    """The agent at the other end of the socket."""

    def send(self, frame: bytes) -> None:
        """Send one frame with the next ``flush``, or before it; never fails."""
        ...

    def flush(self) -> None:
        """Let out what was sent."""
        ...

    def is_full(self) -> bool:
        """Whether it should be spared until ``Outgoing.go_on`` is called."""
        ...

    def relieve(self) -> None:
        """The engine has caught up somewhat: it may be asked more."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class Outgoing:
    """Speaks to the agent, if there is one."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._agent: Agent | None = None
        self._behind: dict[str, Runner] = {}  # runs with events not sent yet

    def connect(
        self, agent: Agent, welcome: ToAgent, runners: Iterable[Runner]
    ) -> None:
        """Speak to this agent from now on; tell it all it may have missed."""
        if self._agent is not None:
            log.info("a new agent connection replaces the old one")
            self._agent.close()
        self._agent = agent
        self.send(welcome)
        for runner in runners:
            runner.sent = runner.acked
            self._behind[runner.id] = runner
            self.execute(runner, runner.unanswered())
        self.go_on()
        self.flush()

    def disconnect(self, agent: Agent) -> None:
        """This agent is gone."""
        if self._agent is agent:
            self._agent = None
            self._behind.clear()

    def is_connected_to(self, agent: Agent) -> bool:
        """Whether this is the agent spoken to."""
        return self._agent is agent

    def flush(self) -> None:
        """Let out what was sent: everything a turn has told leaves in one write."""
        if self._agent is not None:
            self._agent.flush()

    def relieve(self) -> None:
        """The engine has taken a turn."""
        if self._agent is not None:
            self._agent.relieve()

    def hang_up(self) -> None:
        """End the connection, if there is one."""
        if self._agent is not None:
            self._agent.close()

    def send(self, message: ToAgent) -> None:
        """Send a message, if an agent is there."""
        if self._agent is not None:
            self._agent.send(encode(message))

    def execute(self, runner: Runner, asked: Iterable[effects.Execute]) -> None:
        """Send commands of a run."""
        if self._agent is None:
            return
        for one in asked:
            command = command_json(one.command)
            self.send(
                Execute(run=runner.id, number=one.key, phase=one.phase, command=command)
            )

    def tell(self, runner: Runner) -> None:
        """Send the events of a run that were not sent yet, with the next ``go_on``."""
        if self._agent is not None:
            self._behind[runner.id] = runner

    def forget(self, runner: Runner) -> None:
        """The run is no more."""
        self._behind.pop(runner.id, None)

    def go_on(self) -> None:
        """Send what waits, as far as the agent takes it."""
        agent, behind = self._agent, self._behind
        if agent is None:
            return
        while behind and not agent.is_full():
            runner = next(iter(behind.values()))
            if runner.sent < runner.run.events:
                self._send_some(agent, runner)
            if runner.sent >= runner.run.events:
                del behind[runner.id]

    def _send_some(self, agent: Agent, runner: Runner) -> None:
        events = self._unsent(runner)
        if len(events) > 1:
            events = _as_fit_a_frame(events)
        flow = runner.flow
        agent.send(encode_events(runner.id, flow.id, flow.version, events))
        runner.sent += len(events)

    def _unsent(self, runner: Runner) -> list[bytes]:
        if runner.sent >= runner.first:
            start = runner.sent - runner.first
            return runner.events[start : start + _EVENTS_A_FRAME]
        at_most = min(_EVENTS_A_FRAME, runner.first - runner.sent)
        kept = self._journal.events(runner.key, runner.sent, at_most)
        if not kept:
            raise AssertionError(f"run {runner.id}: event {runner.sent} is not kept")
        return kept


def _as_fit_a_frame(events: list[bytes]) -> list[bytes]:
    """The first of them, at least one."""
    size = 0
    for count, event in enumerate(events):
        size += len(event)
        if count and size > MAX_FRAME_BYTES // 2:
            return events[:count]
    return events


def command_json(command: Command) -> dict[str, object]:
    """A command as its author wrote it."""
    targets = [{"inputNodeId": s.node, "target": s.value} for s in command.setpoints]
    return {"id": command.id, "type": "SET_TARGETS", "data": {"targets": targets}}
