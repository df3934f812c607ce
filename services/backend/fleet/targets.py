"""Which devices are meant: those named, those whose labels fit, or all.

The one place that turns ``Targets`` into devices, for commands to a fleet and for
deployments alike; and where labels are set.
"""

import re
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.devices import DeviceNotFound, SelectorInvalid
from heddle.contract.fleet import (
    LABEL_DEVICE,
    RESOLVE_TARGETS,
    DeviceLabels,
    LabelDevice,
    ResolvedTargets,
    ResolveTargets,
    Targets,
)
from heddle.rollout import selector
from heddle.wamp.session import Caller, Session
from services.backend import audit
from services.backend.realm import Part, Serve
from services.backend.store import devices
from services.backend.store.database import Connection, Database
from services.backend.store.devices import Labelled as Device
from services.backend.text import check_name

MOST_LABELS = 32  # of one device
MOST_NAMED = 10  # missing devices named in one sentence
LONGEST_VALUE = 64
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,63}")


class Labels(Part):
    """Serves labels and their looking up for one project."""

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(LABEL_DEVICE, self.label)
        await serve(RESOLVE_TARGETS, self.resolve)

    async def label(self, request: LabelDevice, caller: Caller) -> DeviceLabels:
        """Serve LABEL_DEVICE."""
        check_id("device", request.device)
        check_labels(request.set)
        for name in request.remove:
            check_name("remove", name)
        labels = await self._database(label, self._project, request, caller)
        return DeviceLabels(device=request.device, labels=labels)

    async def resolve(
        self, request: ResolveTargets, _caller: Caller
    ) -> ResolvedTargets:
        """Serve RESOLVE_TARGETS."""
        found = await self._database(resolve, self._project, request.targets)
        return ResolvedTargets(devices=tuple(one.device for one in found))


def resolve(
    connection: Connection, project: str, targets: Targets
) -> tuple[Device, ...]:
    """The devices meant, by id: the named ones, and those that the selector matches.

    There may be none. Raises ``DeviceNotFound``, ``SelectorInvalid``, and
    ``InvalidRequest`` if nothing is asked for at all.
    """
    for device in targets.devices:
        check_id("device", device)
    if not (targets.devices or targets.all or targets.labels is not None):
        raise InvalidRequest("no device is meant: name some, give labels, or say all")
    meant = read_selector(targets.labels) if targets.labels is not None else None
    named = frozenset(targets.devices)
    every = devices.labelled(connection, project)
    if missing := sorted(named.difference(one.device for one in every)):
        told = ", ".join(missing[:MOST_NAMED])
        more = f" and {len(missing) - MOST_NAMED} more" * (len(missing) > MOST_NAMED)
        raise DeviceNotFound(
            f"project {project} has no device {told}{more}", devices=missing
        )
    return tuple(
        one
        for one in every
        if targets.all
        or one.device in named
        or (meant is not None and meant.matches(one.labels))
    )


def label(
    connection: Connection, project: str, request: LabelDevice, caller: Caller
) -> dict[str, str]:
    """Change a device's labels, and write down who did."""
    labels = devices.label(
        connection, project, request.device, request.set, request.remove
    )
    if labels is None:
        raise DeviceNotFound(f"project {project} has no device {request.device}")
    if len(labels) > MOST_LABELS:
        raise InvalidRequest(
            f"{request.device} would have {len(labels)} labels; it may have "
            f"{MOST_LABELS}: remove some"
        )
    changes: dict[str, Any] = {"set": request.set, "removed": list(request.remove)}
    entry = audit.by(caller, "device.label", request.device, **changes)
    audit.record(connection, project, entry)
    return labels


def read_selector(text: str) -> selector.Selector:
    """A selector of labels. Raises ``SelectorInvalid``."""
    try:
        return selector.read(text)
    except selector.SelectorInvalid as flaw:
        raise SelectorInvalid(str(flaw)) from None


def check_labels(labels: Mapping[str, str]) -> None:
    """Raises ``InvalidRequest`` naming the label that a selector could not name."""
    for name, value in labels.items():
        if not _NAME.fullmatch(name) or name.lower() in selector.WORDS:
            words = ", ".join(sorted(selector.WORDS))
            raise InvalidRequest(
                f"{name!r} cannot be a label: use 1 to 64 letters, digits and "
                f"_ . : / -, the first a letter, digit or _; and none of {words}"
            )
        if len(value) > LONGEST_VALUE or not value.isprintable() or '"' in value:
            raise InvalidRequest(
                f"label {name} cannot be {value!r}: a value is at most {LONGEST_VALUE} "
                'printable characters, and has no "'
            )
