"""A device whose cable is pulled: nobody is told, and packets just vanish."""

from pathlib import Path

import pytest_twisted
from twisted.internet import reactor

from heddle.contract.flows import LIST_INSTALLED, ListInstalled
from heddle.contract.runs import RunStatus
from heddle.wamp.session import NotServed
from tests.support.device import Site, running_agent, running_site, settings
from tests.support.edge import story, undisturbed, until_over
from tests.support.firewall import pulled
from tests.support.neighbours import need
from tests.support.router import InProcRouter, router
from tests.support.waiting import until

__all__ = ["router"]


async def until_gone(site: Site) -> None:
    """Until the router has noticed that the device does not answer."""

    async def gone() -> bool:
        try:
            await site.ask(LIST_INSTALLED, ListInstalled())
        except NotServed:
            return True
        return False

    await until(reactor, gone, within_s=120)


@pytest_twisted.ensureDeferred
async def test_a_run_ends_as_if_the_cable_had_not_been_pulled(
    router: InProcRouter, tmp_path: Path
) -> None:
    need("firewall")
    as_ever = await undisturbed(router, tmp_path / "undisturbed")
    async with running_site(router, tmp_path) as site:
        config = settings(router, site.data, router_url=router.ws_url, time_scale=40.0)
        async with running_agent(reactor, config):
            await site.until_online()
            await site.install()
            run = await site.start()
            with pulled(router.port):
                await until_gone(site)
                await until_over(reactor, site.data, run, as_ever)
                heard = len(site.ledger.numbers(run))
                samples = len(site.ledger.samples)
            await site.until_online()
            report = await site.until_ended(run)
        assert report.status is RunStatus.FINISHED
        assert story(site.ledger, run) == as_ever
        assert heard < report.events
        assert len(site.ledger.samples) > samples
        assert site.ledger.losses == []
