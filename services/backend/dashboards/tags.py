"""Which tags devices have, by name: what charts and dashboards choose from."""

from collections.abc import Iterable, Mapping
from typing import Any

from typing_extensions import override

from heddle.contract.dashboards import FIND_TAGS, FindTags, FoundTag, FoundTags
from heddle.contract.declare import InvalidRequest, check_id
from heddle.contract.devices import TagType
from heddle.contract.fleet import Targets
from heddle.wamp.session import Caller, Session
from services.backend.fleet.targets import resolve
from services.backend.pages import fitting
from services.backend.realm import Part, Serve
from services.backend.store import dashboards
from services.backend.store.dashboards import AnnouncedRow
from services.backend.store.database import Connection, Database

MOST_TAGS = 1_000  # in one reply
MOST_DEVICES = 1_000  # named for each tag
LONGEST_SEARCH = 200

Key = tuple[str, str, str, bool]  # tag, unit, type, writable


class Tags(Part):
    """Serves the looking up of tags for one project."""

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self._project = project

    @override
    async def settle(self, _session: Session, serve: Serve) -> None:
        """Serve what is ours."""
        await serve(FIND_TAGS, self.find)

    async def find(self, request: FindTags, _caller: Caller) -> FoundTags:
        """Serve FIND_TAGS."""
        if not 1 <= request.most <= MOST_TAGS:
            raise InvalidRequest(f"most must be 1 to {MOST_TAGS}")
        if len(request.search) > LONGEST_SEARCH:
            raise InvalidRequest(f"search has at most {LONGEST_SEARCH} characters")
        if request.device is not None:
            check_id("device", request.device)
        rows = await self._database(announced, self._project, request)
        return found(rows, request)


def announced(
    connection: Connection, project: str, request: FindTags
) -> list[AnnouncedRow]:
    """The tags of all devices that are asked about."""
    devices = None if request.device is None else {request.device}
    if request.labels is not None:
        meant = resolve(connection, project, Targets(labels=request.labels))
        fit = {one.device for one in meant}
        devices = fit if devices is None else devices & fit
    named = None if devices is None else sorted(devices)
    return dashboards.tags(connection, project, named)


def found(rows: Iterable[AnnouncedRow], request: FindTags) -> FoundTags:
    """Those that fit, by name, as many as were asked for."""
    having: dict[Key, list[str]] = {}
    for row in rows:
        for tag in row.announcement.get("tags", ()):
            if _fits(row.device, tag, request):
                having.setdefault(_key(tag), []).append(row.device)
    keys = sorted(having)
    kept = _whole(keys, request.most)
    tags = tuple(
        FoundTag(
            tag=tag,
            unit=unit,
            type=TagType(kind),
            writable=writable,
            devices=tuple(having[tag, unit, kind, writable][:MOST_DEVICES]),
            count=len(having[tag, unit, kind, writable]),
        )
        for tag, unit, kind, writable in kept
    )
    fit = fitting(tags)
    return FoundTags(tags=fit, more=len(fit) < len(keys))


def _whole(keys: list[Key], most: int) -> list[Key]:
    """The first ``most`` of them, and the rest of the last one's name: a page ends
    between two names.
    """
    end = min(most, len(keys))
    while 0 < end < len(keys) and keys[end][0] == keys[end - 1][0]:
        end += 1
    return keys[:end]


def _fits(device: str, tag: Mapping[str, Any], request: FindTags) -> bool:
    name = str(tag["tag"])
    text = request.search.casefold()
    return (
        name.isprintable()  # of others fleetdata takes no sample
        and name > request.after
        and request.tag in (None, name)
        and (text in name.casefold() or text in device)
    )


def _key(tag: Mapping[str, Any]) -> Key:
    return (
        str(tag["tag"]),
        str(tag.get("unit", "")),
        str(tag.get("type", TagType.FLOAT)),
        bool(tag.get("writable", False)),
    )
