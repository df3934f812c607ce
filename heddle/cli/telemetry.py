"""Telemetry: what a device measures, live."""

import click
from twisted.internet.defer import Deferred

from heddle.cli.connect import Client, client_command, device_option
from heddle.cli.connect import the_device as find_device
from heddle.cli.gaps import gaps
from heddle.cli.lazy import LazyGroup
from heddle.cli.show import clock_time, show_json_line
from heddle.contract.devices import GET_DEVICE, GetDevice
from heddle.contract.samples import TELEMETRY, Quality, Telemetry
from heddle.wamp.session import Session


@click.group(
    cls=LazyGroup,
    lazy={
        "export": "heddle.cli.export:export",
        "history": "heddle.cli.stored:history",
        "latest": "heddle.cli.stored:latest",
        "watch": "heddle.cli.watch:watch",
    },
)
def telemetry() -> None:
    """What devices measure."""


telemetry.add_command(gaps)


@telemetry.command("tail")
@device_option
@click.option("--tag", "tags", multiple=True, help="Only this tag; may be repeated.")
@click.option("--count", type=click.IntRange(1), help="Stop after so many samples.")
@client_command
def tail(
    client: Client, device: str | None, tags: tuple[str, ...], count: int | None
) -> None:
    """Samples as they come, one a line."""

    async def work(session: Session) -> None:
        target = await find_device(session, device)
        known = await session.call(GET_DEVICE, GetDevice(device=target))
        units = {tag.tag: tag.unit for tag in known.tags}
        if not known.report.online:
            click.echo(f"heddle: {target} is offline; waiting for it", err=True)
        printer = _SamplePrinter(client, target, units, frozenset(tags), count)
        await session.hear(TELEMETRY, lambda t, _: printer.hear(t), device=target)
        await printer.enough

    client.run(work)


class _SamplePrinter:
    """Prints samples until there were enough."""

    def __init__(
        self,
        client: Client,
        device: str,
        units: dict[str, str],
        tags: frozenset[str],
        count: int | None,
    ) -> None:
        self._client = client
        self._device = device
        self._units = units
        self._tags = tags
        self._left = count
        self.enough: Deferred[None] = Deferred()

    def hear(self, told: Telemetry) -> None:
        """Print a batch's samples, one a line."""
        for tag, value, quality in zip(
            told.tags, told.values, told.quality, strict=True
        ):
            if self.enough.called:
                return
            if not self._tags or tag in self._tags:
                self._print(told.at_ms, tag, value, quality)

    def _print(
        self, at_ms: int, tag: str, value: float | str | None, quality: int
    ) -> None:
        unit = self._units.get(tag, "")
        word = Quality(quality).name.lower()
        if self._client.json:
            show_json_line(
                {
                    "device": self._device,
                    "tag": tag,
                    "at_ms": at_ms,
                    "value": value,
                    "unit": unit,
                    "quality": word,
                }
            )
        else:
            number = f"{value:.3f}" if isinstance(value, float) else str(value)
            click.echo(f"{clock_time(at_ms)}  {tag:<24} {number:>12} {unit:<6} {word}")
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self.enough.callback(None)
