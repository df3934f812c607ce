"""The agent's link to an engine, before there is one."""

from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import MemoryReactorClock

from edge_agent.link import EngineLink, connect


def test_who_gives_up_while_it_connects_is_told_so_and_of_no_defect(
    tmp_path: Path,
) -> None:
    reactor: Any = MemoryReactorClock()
    duties: Any = None
    link = EngineLink(reactor, "brew", duties)
    connecting = Deferred.fromCoroutine(connect(reactor, tmp_path, link))
    ends: list[Any] = []
    connecting.addErrback(ends.append)
    assert len(reactor.unixClients) == 1
    connecting.cancel()
    assert [end.type for end in ends] == [CancelledError]
