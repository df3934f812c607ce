"""Stays with a deployment to its end, over lost links and restarted backends.

What moves is told by a topic, and asked for every few seconds besides, so that nothing
is missed for long. On a terminal it is a picture that stays in its place, elsewhere a
line for each thing that happens.
"""

import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

import click
from rich.console import Console
from rich.live import Live
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.task import deferLater

from heddle.cli.connect import Client, find_target, renew, run_until_done
from heddle.cli.deployment_show import (
    ENDED,
    TROUBLE,
    devices,
    picture,
    release,
    told_counts,
    told_end,
    words,
)
from heddle.cli.ending import FAILED
from heddle.cli.show import clock_time, show_json_line
from heddle.contract.declare import StorageUnavailable
from heddle.contract.deployments import (
    DEPLOYMENT_MOVED,
    GET_DEPLOYMENT,
    DeploymentDetail,
    DeploymentReport,
    DeploymentStatus,
    GetDeployment,
    TargetReport,
)
from heddle.wamp.joining import Refused, Unreachable
from heddle.wamp.session import CallTimedOut, ConnectionLost, NotServed, Session

T = TypeVar("T")

INTERRUPTED = 130
LOOK_EVERY_S = 5.0  # if nothing is heard
TICK_S = 1.0
REST_S, LONG_REST_S = 0.4, 2.0  # between looks at a small and at a large deployment
LARGE = 500
AGAIN_S, MOST_REFUSALS = 1.0, 20

Find = Callable[[Session], Awaitable[DeploymentReport]]


def watch_to_its_end(client: Client, find: Find) -> None:
    """Show a deployment until it ends; exit code 0 if it completed, else 1.

    ``find`` makes it, or finds it.
    """

    async def work(reactor: Any) -> None:
        watch = Watch(reactor, client, choose_screen(client))
        ended = Deferred.fromCoroutine(watch.to_the_end(find))
        over = first_of(ended)

        def interrupted() -> None:
            if not over.called:
                watch.interrupted()
                over.errback(SystemExit(INTERRUPTED))

        reactor.addSystemEventTrigger("before", "shutdown", interrupted)
        report = await over
        if report.status is not DeploymentStatus.COMPLETED:
            sys.exit(FAILED)

    run_until_done(work)


def first_of(work: Deferred[T]) -> Deferred[T]:
    """What comes of the work, unless something else is told before."""
    told: Deferred[T] = Deferred()

    def pass_on(result: Any) -> None:
        if not told.called:
            told.callback(result)

    _ = work.addBoth(pass_on)
    return told


class Screen(Protocol):
    """Where a deployment is shown."""

    def show(self, report: DeploymentReport, targets: Sequence[TargetReport]) -> None:
        """It stands so now."""
        ...

    def tick(self) -> None:
        """A second has passed."""
        ...

    def note(self, sentence: str) -> None:
        """Something about the watching itself."""
        ...

    def end(self, report: DeploymentReport | None) -> None:
        """It has ended, or is no longer watched."""
        ...


class Watch:
    """Follows one deployment."""

    def __init__(self, reactor: Any, client: Client, screen: Screen) -> None:
        self._reactor = reactor
        self._client = client
        self._screen = screen
        self._deployment: str | None = None
        self._refusals = 0
        self._news: Deferred[None] | None = None

    async def to_the_end(self, find: Find) -> DeploymentReport:
        """Its last report."""
        while True:
            try:
                report = await self._once(find)
            except (Unreachable, ConnectionLost, Refused) as error:
                self._give_up_or_note(error)
                await deferLater(self._reactor, AGAIN_S)
            else:
                self._screen.end(report)
                return report

    def interrupted(self) -> None:
        """The program ends: say what goes on without it."""
        self._screen.end(None)
        if self._deployment is None:
            return
        click.echo(
            f"deployment {self._deployment} goes on; see it again with "
            f"`heddle deployment watch {self._deployment}`, end it with "
            f"`heddle deployment cancel {self._deployment}`",
            err=True,
        )

    def _give_up_or_note(self, error: Exception) -> None:
        self._refusals = self._refusals + 1 if isinstance(error, Refused) else 0
        if self._deployment is None or self._refusals > MOST_REFUSALS:
            self._screen.end(None)
            raise error
        self._screen.note(f"{error}; trying again")

    async def _once(self, find: Find) -> DeploymentReport:
        """One session, from joining to the deployment's end."""
        target = find_target(self._client.data)
        async with target.link(self._reactor) as session:
            await renew(session, target)
            if self._deployment is None:
                self._deployment = (await find(session)).deployment
            await session.hear(DEPLOYMENT_MOVED, lambda moved, _: self._hear(moved))
            while True:
                found = await self._look(session, self._deployment)
                if found is not None and found.report.status in ENDED:
                    return found.report
                await self._rest(found)
                await renew(session, find_target(self._client.data))

    def _hear(self, moved: Any) -> None:
        news = self._news
        if moved.deployment == self._deployment and news and not news.called:
            news.callback(None)

    async def _look(self, session: Session, name: str) -> DeploymentDetail | None:
        try:
            found = await whole(session, name)
        except (NotServed, CallTimedOut, StorageUnavailable) as error:
            self._screen.note(f"{error}; trying again")
            return None
        self._refusals = 0
        self._screen.show(found.report, found.targets)
        return found

    async def _rest(self, found: DeploymentDetail | None) -> None:
        """Until there is news, but neither too short nor too long."""
        large = found is not None and found.report.total > LARGE
        news: Deferred[None] = Deferred()
        self._news = news
        await deferLater(self._reactor, LONG_REST_S if large else REST_S)
        until_s = self._reactor.seconds() + LOOK_EVERY_S
        while not news.called and self._reactor.seconds() < until_s:
            self._screen.tick()
            await _or_in(self._reactor, news, TICK_S)


async def _or_in(reactor: Any, news: Deferred[None], within_s: float) -> None:
    """Wait for the news, but no longer than that; they may still come afterwards."""
    try:
        await first_of(news).addTimeout(within_s, reactor)
    except TimedOut:
        return


async def whole(session: Session, deployment: str) -> DeploymentDetail:
    """A deployment with all its targets, page by page."""
    found = await session.call(GET_DEPLOYMENT, GetDeployment(deployment=deployment))
    targets = found.targets
    while found.more:
        after = targets[-1].device
        asked = GetDeployment(deployment=deployment, after=after)
        found = await session.call(GET_DEPLOYMENT, asked)
        targets += found.targets
    return DeploymentDetail(report=found.report, targets=targets)


def choose_screen(client: Client) -> Screen:
    """A picture for a terminal, lines for everything else."""
    if client.json:
        return JsonLines()
    return Picture(Console(highlight=False)) if sys.stdout.isatty() else Lines()


class Picture:
    """On a terminal: it stays in its place, and moves."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._last: tuple[DeploymentReport, Sequence[TargetReport]] | None = None

    def show(self, report: DeploymentReport, targets: Sequence[TargetReport]) -> None:
        """Draw it anew."""
        self._last = report, targets
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        self._draw()

    def tick(self) -> None:
        """Its times go on."""
        if self._last is not None:
            self._draw()

    def note(self, sentence: str) -> None:
        """Above the picture."""
        self._console.print(sentence, style="yellow")

    def end(self, report: DeploymentReport | None) -> None:
        """Leave the last picture standing, and give the terminal back."""
        if self._live is not None:
            self._live.stop()
        if report is not None and report.status is DeploymentStatus.COMPLETED:
            click.echo(f"\n{told_end(report)}")  # else the picture says why

    def _draw(self) -> None:
        if self._live is not None and self._last is not None:
            report, targets = self._last
            self._live.update(picture(report, targets, elapsed_s(report)), refresh=True)


class Lines:
    """A line for each thing that happens, for logs and pipes."""

    def __init__(self) -> None:
        self._told: tuple[object, ...] | None = None
        self._trouble: set[tuple[str, str]] = set()

    def show(self, report: DeploymentReport, targets: Sequence[TargetReport]) -> None:
        """Tell what is news."""
        if self._told is None:
            self._say(
                f"deployment {report.deployment}: {release(report)} to "
                f"{devices(report.total)}, {words(report.strategy)}"
            )
        for one in targets:
            news = one.device, one.status.value
            if one.status in TROUBLE and news not in self._trouble:
                self._trouble.add(news)
                why = f": {one.detail}" if one.detail else ""
                self._say(f"{one.device} {words(one.status)}{why}")
        told = report.status, report.wave, report.counts, report.detail
        if told != self._told:
            self._told = told
            wave = f", wave {report.wave + 1} of {report.waves}" * (report.waves > 1)
            why = f" ({report.detail})" if report.detail else ""
            counts = told_counts(report.counts)
            self._say(f"{words(report.status)}{wave}: {counts}{why}")

    def tick(self) -> None:
        """Nothing to tell."""

    def note(self, sentence: str) -> None:
        """On standard error."""
        click.echo(sentence, err=True)

    def end(self, report: DeploymentReport | None) -> None:
        """How it ended."""
        if report is not None:
            click.echo(told_end(report))

    def _say(self, sentence: str) -> None:
        click.echo(f"{clock_time(time.time() * 1000)[:8]}  {sentence}")
        sys.stdout.flush()


class JsonLines:
    """The report, one line of JSON whenever it has changed."""

    def __init__(self) -> None:
        self._last: DeploymentReport | None = None

    def show(self, report: DeploymentReport, _: Sequence[TargetReport]) -> None:
        """Tell it if it is news."""
        if report != self._last:
            self._last = report
            show_json_line(report)

    def tick(self) -> None:
        """Nothing to tell."""

    def note(self, sentence: str) -> None:
        """On standard error."""
        click.echo(sentence, err=True)

    def end(self, report: DeploymentReport | None) -> None:
        """The last line was the end."""


def elapsed_s(report: DeploymentReport) -> float | None:
    """How long it has been going, or went."""
    if report.started_at_ms is None:
        return None
    until_ms = report.ended_at_ms or time.time() * 1000
    return max(0.0, (until_ms - report.started_at_ms) / 1000)
