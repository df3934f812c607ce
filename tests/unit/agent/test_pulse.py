"""When an engine hangs, and when it only has nothing to say."""

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from edge_agent.pulse import Pulse
from heddle.contract.runs import RunNotFound


class Line:
    """A link to an engine that answers, or does not."""

    def __init__(self) -> None:
        self.heard = self.asked = 0
        self.answers, self.closed = True, False

    def request(self, command):
        self.asked += 1
        if not self.answers:
            return Deferred()
        self.heard += 1
        return fail(RunNotFound("there is no run"))

    def close(self):
        self.closed = True


def passing(clock: Clock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1)


def test_an_idle_engine_is_asked_and_left_alone() -> None:
    clock, line = Clock(), Line()
    pulse = Pulse(clock, line, 30)
    passing(clock, 300)
    assert (line.asked, line.closed, pulse.silent) == (30, False, False)
    pulse.stop()
    assert clock.getDelayedCalls() == []


def test_one_that_answers_nothing_for_long_is_cut_off() -> None:
    clock, line = Clock(), Line()
    pulse = Pulse(clock, line, 30)
    passing(clock, 100)
    line.answers = False
    passing(clock, 29)
    assert not line.closed
    passing(clock, 11)
    assert (line.closed, pulse.silent) == (True, True)
    assert clock.getDelayedCalls() == []


def test_whatever_it_says_is_a_sign_of_life() -> None:
    clock, line = Clock(), Line()
    line.answers = False
    pulse = Pulse(clock, line, 30)
    for _ in range(20):
        passing(clock, 19)
        line.heard += 1  # an event, say
    assert not pulse.silent
    pulse.stop()


def test_an_agent_that_was_held_up_itself_blames_nobody() -> None:
    clock, line = Clock(), Line()
    pulse = Pulse(clock, line, 30)
    for _ in range(3):
        line.answers = False  # the answer is there but not read yet
        clock.advance(3600)
        line.answers = True
        line.heard += 1
        passing(clock, 30)
    assert not pulse.silent
    pulse.stop()
