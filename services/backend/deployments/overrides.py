"""Which values a device's variables get: the deployment's, by labels, by device."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from heddle.contract.deployments import CreateDeployment, LabelVariables
from services.backend.fleet.targets import read_selector
from services.backend.flows.variables import (
    check_values,
    resolved_variables,
    variables_of,
)
from services.backend.store.devices import Labelled
from services.backend.store.releases import ReleaseRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What was asked for, and what comes of it.

    ``every`` is what a device gets for which nothing of its own was asked; ``devices``
    has the others.
    """

    asked: dict[str, Any] = field(default_factory=dict)
    labels: tuple[LabelVariables, ...] = ()
    named: dict[str, dict[str, Any]] = field(default_factory=dict)
    every: dict[str, Any] = field(default_factory=dict)
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, device: str) -> dict[str, Any]:
        """The values a device gets."""
        return self.devices.get(device, self.every)

    @property
    def differ(self) -> bool:
        """Whether there are devices that may get values of their own."""
        return bool(self.labels or self.named)


@dataclass(frozen=True, slots=True)
class _Document:
    definition: dict[str, Any]


def asked_of(request: CreateDeployment) -> Overrides:
    """What was asked for; nothing comes of it yet."""
    return Overrides(
        asked=request.variables,
        labels=request.label_variables,
        named=request.device_variables,
    )


def resolved(
    overrides: Overrides, release: ReleaseRow, devices: Iterable[Labelled]
) -> Overrides:
    """With the values of these devices, too, by the labels they have now.

    Raises ``VariableInvalid``, ``SelectorInvalid``.
    """
    definition = msgspec.json.decode(release.document, type=_Document).definition
    variables = variables_of(definition)
    common = ("the deployment", overrides.asked)
    every = resolved_variables(variables, [common])
    by_labels = [(read_selector(one.labels), one) for one in overrides.labels]
    found = dict(overrides.devices)
    for device in devices if overrides.differ else ():
        layers = [common]
        layers += [
            (f"devices with {one.labels}", one.variables)
            for selector, one in by_labels
            if selector.matches(device.labels)
        ]
        if device.device in overrides.named:
            layers.append((device.device, overrides.named[device.device]))
        values = resolved_variables(variables, layers)
        if values != every:
            found[device.device] = values
    _check_all(definition, [every, *found.values()])
    return replace(overrides, every=every, devices=found)


def _check_all(definition: dict[str, Any], values: Iterable[dict[str, Any]]) -> None:
    """Each set of values once: of a thousand devices most get the same."""
    distinct = {msgspec.json.encode(one, order="sorted"): one for one in values}
    for one in distinct.values():
        check_values(definition, one)
