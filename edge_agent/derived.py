"""Derived tags at the edge: those of the tag file, computed as their inputs move.

``heddle.derived`` does the work. It and Pint are loaded only where the tag file has an
expression: they cost an agent half a second at its start and 6 MB.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from edge_agent.drivers.driver import Reading
from edge_agent.mapping import Mapped
from heddle.contract.devices import Tag, TagType
from heddle.contract.samples import Quality
from heddle.wamp.process import ConfigError

_NUMBERS = (TagType.FLOAT, TagType.INTEGER)


class Derivations:
    """The derived tags of one device; by default there are none."""

    def __init__(self, tags: Sequence[Tag] = (), derivation: Any = None) -> None:
        self.tags = tuple(tags)
        self._derivation = derivation

    def readings(
        self, moved: Iterable[Reading], now: Callable[[str], Reading | None]
    ) -> tuple[Reading, ...]:
        """The derived readings that follow from these."""
        if self._derivation is None:
            return ()
        made = self._derivation.compute((reading.tag for reading in moved), now)
        return tuple(
            Reading(tag, value.at_us, value.value, Quality(value.quality))
            for tag, value in made.items()
        )


def derivations(tags: Iterable[Tag], mapping: Mapped, *, source: str) -> Derivations:
    """What the mapping derives from a device's tags. Raises ``ConfigError``."""
    wanted = {name: each for name, each in mapping.items() if each.expression}
    if not wanted:
        return Derivations()
    from heddle.derived import table  # noqa: PLC0415 -- Pint is for who needs it
    from heddle.derived.check import Input  # noqa: PLC0415

    measured = {tag.tag: tag for tag in tags}
    for name in wanted:
        if name in measured:
            raise ConfigError(
                f"{source}: the driver measures {name!r} already: give the derived tag "
                "another name"
            )
    known: Mapping[str, Input] = {
        tag.tag: Input("" if tag.type is TagType.BOOLEAN else tag.unit,
                       tag.type is TagType.BOOLEAN)
        for tag in measured.values()
        if tag.type in (*_NUMBERS, TagType.BOOLEAN)
    }  # fmt: skip
    definitions = [
        table.Definition(name, each.expression or "", each.unit or "")
        for name, each in wanted.items()
    ]
    try:
        derivation = table.derive(definitions, known)
    except table.BadDerivation as flaw:
        raise ConfigError(f"{source}: {flaw}") from None
    made = []
    for each in derivation.derived:
        kind = TagType.BOOLEAN if each.boolean else TagType.FLOAT
        settings = wanted[each.tag]
        if settings.type not in (None, kind):
            raise ConfigError(
                f"{source}: tag {each.tag!r} is declared {settings.type.value}, its "
                f"expression gives {kind.value}: leave `type` out"
            )
        made.append(Tag(tag=each.tag, unit=each.unit, type=kind, node=settings.node))
    return Derivations(made, derivation)
