"""Newest values on their way out: packed into the contract's columns."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from heddle.contract.devices import TagType
from heddle.contract.history import ValueColumns

VALUE_BYTES = 32  # of a packed value with the lengths beside it, without tag and text


def pack(
    tags: Sequence[str],
    units: Sequence[str],
    types: Sequence[str],
    at_us: NDArray[np.int64],
    value: NDArray[np.float64],
    quality: NDArray[np.uint8],
    texts: dict[int, str],
) -> ValueColumns:
    """Columns equally long; ``texts`` are the values of the rows that are text."""
    unit_places = {unit: place for place, unit in enumerate(dict.fromkeys(units))}
    type_places = {kind: place for place, kind in enumerate(dict.fromkeys(types))}
    if texts:
        value = value.copy()
        value[list(texts)] = np.arange(len(texts))
    return ValueColumns(
        tags=tuple(tags),
        units=tuple(unit_places),
        types=tuple(map(TagType, type_places)),
        unit=np.array([unit_places[unit] for unit in units], "<u2").tobytes(),
        type=bytes([type_places[kind] for kind in types]),
        at=at_us.astype("<i8").tobytes(),
        value=value.astype("<f8").tobytes(),
        quality=quality.astype("u1").tobytes(),
        texts=tuple(texts.values()),
    )


def parts(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Cuts what has ``sizes`` so that no part is larger than ``most``, if it can be."""
    first = size = 0
    for row, own in enumerate(sizes):
        if row > first and size + own > most:
            yield slice(first, row)
            first, size = row, 0
        size += own
    if sizes:
        yield slice(first, len(sizes))
