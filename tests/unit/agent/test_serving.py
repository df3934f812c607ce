"""Work that is done side by side."""

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred

from edge_agent.serving import together


@pytest_twisted.ensureDeferred
async def test_all_is_begun_before_any_is_done() -> None:
    begun: list[int] = []
    gates: list[Deferred[None]] = [Deferred(), Deferred()]

    async def work(number: int) -> None:
        begun.append(number)
        await gates[number]

    done = Deferred.fromCoroutine(together(work(0), work(1)))
    assert begun == [0, 1]
    gates[1].callback(None)
    assert not done.called
    gates[0].callback(None)
    await done


@pytest_twisted.ensureDeferred
async def test_the_first_failure_is_raised_as_itself_and_ends_the_others() -> None:
    ended: list[str] = []
    never: Deferred[None] = Deferred()

    async def waits() -> None:
        try:
            await never
        except CancelledError:
            ended.append("waits")
            raise

    async def fails() -> None:
        raise ZeroDivisionError("of work")

    with pytest.raises(ZeroDivisionError, match="of work"):
        await together(waits(), fails())
    assert ended == ["waits"]


@pytest_twisted.ensureDeferred
async def test_who_gives_up_ends_all_of_it() -> None:
    never: Deferred[None] = Deferred()

    async def waits() -> None:
        await never

    giving_up = Deferred.fromCoroutine(together(waits()))
    giving_up.cancel()
    with pytest.raises(CancelledError):
        await giving_up
