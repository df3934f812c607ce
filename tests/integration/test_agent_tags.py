"""The tag file at work: what an agent derives and thins out, as fleetdata gets it."""

from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor

from tests.support.device import running_agent, running_site, settings
from tests.support.router import InProcRouter
from tests.support.waiting import until

TAGS = """
[tags.steady]
deadband = 1.0

[tags.doubled]
expression = "2 * moving"
unit = "kW"
"""
MAPPED = TAGS + '[tags.moving]\nunit = "W"\n'
READINGS = "time,tag,value\n" + "".join(
    f"{n * 0.02:.2f},steady,{20 + n % 2 * 0.5}\n{n * 0.02:.2f},moving,{n}\n"
    for n in range(50)
)


@pytest_twisted.ensureDeferred
async def test_derived_and_thinned_out_samples_arrive(
    router: InProcRouter, tmp_path: Path
) -> None:
    readings, tags = tmp_path / "readings.csv", tmp_path / "tags.toml"
    readings.write_text(READINGS)
    tags.write_text(MAPPED)
    async with running_site(router, tmp_path) as site:
        config = settings(
            router,
            site.data,
            driver=f"csv:{readings}",
            tags=tags,
            time_scale=1.0,
        )
        async with running_agent(reactor, config):
            samples = site.ledger.samples

            def values(tag: str) -> list[float]:
                return [value for name, _, value, _ in samples if name == tag]

            async def enough() -> bool:
                return len(values("doubled")) >= 50

            await until(reactor, enough)
            moving, doubled = values("moving"), values("doubled")
            assert doubled == pytest.approx([each / 500 for each in moving])
            assert values("steady") == [20.0]
            announced = site.backend.announced[-1]
    assert [(tag.tag, tag.unit) for tag in announced.tags] == [
        ("steady", ""),
        ("moving", "W"),
        ("doubled", "kW"),
    ]
