"""What a route is: one thing that can be asked, and which procedure answers it.

A route says what differs from the rule, and the rule is this. Names in its path are ids
of the procedure's URI, or fields of its request. Of the request's other fields, those
of a GET or DELETE come as query parameters, and those of the rest as the JSON body.
The reply is the procedure's. Server, API description and manual are made of that.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from heddle.contract.declare import COMMON_ERRORS, FleetError, Procedure, Scope
from heddle.wamp.session import (
    CallTimedOut,
    ConnectionLost,
    MessageTooLarge,
    NotServed,
    UnexpectedError,
)
from services.gateway import problems
from services.gateway.problems import Malformed, status_of
from services.gateway.strict import check_portable, plain, twin, whole

PREFIX = "/api/v1"
Id = Annotated[str, Meta(pattern="^[a-z0-9_]{1,64}$")]
Version = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
MANY = 100  # of a page, when nobody says how many


class Precondition(enum.Enum):
    """Whether a change heeds ``If-Match``."""

    NONE = enum.auto()
    HEEDED = enum.auto()
    NEEDED = enum.auto()


class Entry(enum.Enum):
    """What lets somebody in."""

    OPEN = enum.auto()  # anybody
    LOGIN = enum.auto()  # user and password in the body
    PROJECT = enum.auto()  # a ticket or an API key
    SYSTEM = enum.auto()  # user and password, or an API key


@dataclass(frozen=True, slots=True)
class Pages:
    """A list that comes in pages: the next one begins after the last item's ``key``."""

    items: str
    key: str
    parameter: str = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing that can be asked."""

    method: str
    path: str  # below PREFIX, ids in braces
    procedure: Procedure[Any, Any]
    tag: str
    summary: str = ""  # the procedure's, if there is none
    note: str = ""  # what the summary leaves open
    fixed: Mapping[str, Any] = field(default_factory=dict)  # fields with one value
    hidden: frozenset[str] = frozenset()  # fields left at their default
    names: Mapping[str, str] = field(default_factory=dict)  # field: query parameter
    body: type[Any] | None = None  # of another shape than the request
    ask: Callable[[Any], Any] | None = None  # from that body: the request's fields
    reply: type[Any] | None = None  # of another shape than the procedure's
    tell: Callable[[Any], Any] | None = None  # from the procedure's: that reply
    success: HTTPStatus = HTTPStatus.OK
    entry: Entry = Entry.PROJECT
    pages: Pages | None = None
    precondition: Precondition = Precondition.NONE
    etag: Callable[[Any], str | None] | None = None  # of the procedure's reply
    location: str = ""  # of what was made; fields of the told reply in braces
    example: Any = None  # of the body
    example_reply: Any = None
    timeout_s: float | None = None
    turned: Mapping[type[FleetError], FleetError] = field(default_factory=dict)
    """Refusals that mean something else here."""
    is_secret: bool = False  # its answer is not kept for idempotency keys
    also: tuple[type[FleetError], ...] = ()  # raised by ``ask`` or ``tell``

    @property
    def full_path(self) -> str:
        """With the prefix."""
        return PREFIX + self.path

    @property
    def name(self) -> str:
        """Names the route: ``get_flows_flow``."""
        words = self.path.replace("{", "").replace("}", "").replace("-", "_")
        return self.method.lower() + words.replace("/", "_").replace(".", "_")

    @property
    def has_body(self) -> bool:
        """Whether it takes one."""
        return self.method in ("POST", "PUT", "PATCH") and bool(
            self.body is not None or _free_fields(self)
        )

    @property
    def told(self) -> type[Any]:
        """The type of what is answered."""
        return self.reply or self.procedure.reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, read."""

    ids: dict[str, str]  # of the procedure's URI
    request: Any  # of the procedure's type


def _words(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


@cache
def path_names(path: str) -> tuple[str, ...]:
    """The ids in a path."""
    return tuple(_words(path))


def _uri_names(route: Route) -> set[str]:
    uri = route.procedure.uri
    return {part[1:-1] for part in uri.split(".") if part.startswith("{")}


def _free_fields(route: Route) -> list[str]:
    """The request's fields that whoever asks may give, but for those in the path."""
    taken = {*path_names(route.path), *route.fixed, *route.hidden}
    if route.precondition is not Precondition.NONE:
        taken.add("if_revision")
    return [f.name for f in fields(route.procedure.request) if f.name not in taken]


def query_type(route: Route) -> type[msgspec.Struct] | None:
    """What the query may hold; None: nothing."""
    if route.method not in ("GET", "DELETE"):
        return None
    return _query_type(route.name, route)


_QUERIES: dict[str, type[msgspec.Struct] | None] = {}
_BODIES: dict[str, type[Any]] = {}


def _query_type(name: str, route: Route) -> type[msgspec.Struct] | None:
    if name not in _QUERIES:
        free = _free_fields(route)
        kinds: dict[str, Any] = {}
        defaults: dict[str, Any] = {}
        request = route.procedure.request
        types = get_type_hints(request)
        for each, parameter in _parameters(route).items():
            kinds[each] = plain(each, types[each])
            if parameter == "limit":
                kinds[each], defaults[each] = Limit, MANY
        _QUERIES[name] = None
        if free:
            _QUERIES[name] = twin(
                request,
                f"{request.__name__}Query",
                without=_all_but(route, free),
                names=route.names,
                kinds=kinds,
                defaults=defaults,
            )
    return _QUERIES[name]


def _parameters(route: Route) -> dict[str, str]:
    return {f: route.names.get(f, f) for f in _free_fields(route)}


def body_type(route: Route) -> type[Any]:
    """What the body holds."""
    if route.body is not None:
        return route.body
    if route.name not in _BODIES:
        request = route.procedure.request
        kept = _free_fields(route)
        whole = len(kept) == len(fields(request))
        known = {one.__name__: one for one in _BODIES.values()}
        name = request.__name__ if whole else f"{request.__name__}Body"
        _BODIES[route.name] = known.get(name) or twin(
            request, name, without=_all_but(route, kept)
        )
    return _BODIES[route.name]


def _all_but(route: Route, kept: list[str]) -> frozenset[str]:
    return frozenset(f.name for f in fields(route.procedure.request)) - set(kept)


def needs_body(route: Route) -> bool:
    """Whether it cannot be left out."""
    if route.body is not None:
        given = msgspec.structs.fields(route.body)
        return any(f.required for f in given)
    free = set(_free_fields(route))
    return any(
        f.default is MISSING and f.default_factory is MISSING
        for f in fields(route.procedure.request)
        if f.name in free
    )


def read(
    route: Route,
    path_ids: Mapping[str, str],
    query: Mapping[str, list[str]],
    body: bytes,
    given: Mapping[str, Any],
) -> Asked:
    """A request, typed; ``given`` are fields from its headers. Raises ``Malformed``."""
    check_ids(path_ids)
    uri_names = _uri_names(route)
    found: dict[str, Any] = {**route.fixed, **given}
    found |= {n: v for n, v in path_ids.items() if n not in uri_names}
    found |= _from_query(route, query)
    if route.has_body:
        found |= _from_body(route, body)
    check_portable(found)
    try:
        request = msgspec.convert(found, route.procedure.request)
    except msgspec.ValidationError as flaw:
        raise Malformed(f"the request does not fit: {flaw}") from None
    return Asked(ids={n: path_ids[n] for n in uri_names}, request=request)


def check_ids(path_ids: Mapping[str, str]) -> None:
    """Raises ``Malformed`` for what cannot be an id."""
    for name, value in path_ids.items():
        try:
            msgspec.convert(value, Id)
        except msgspec.ValidationError:
            raise Malformed(
                f"the {name} in the path must be 1 to 64 of a-z, 0-9 and _"
            ) from None


def _from_query(route: Route, query: Mapping[str, list[str]]) -> dict[str, Any]:
    kind = query_type(route)
    if kind is None:
        if query:
            raise Malformed(f"{route.full_path} takes no query parameters")
        return {}
    lists = {f.encode_name for f in msgspec.structs.fields(kind) if is_list(f.type)}
    plain: dict[str, Any] = {}
    for name, values in query.items():
        if name not in lists and len(values) > 1:
            raise Malformed(f"the query parameter {name} is given more than once")
        plain[name] = values if name in lists else values[0]
    try:
        asked = msgspec.convert(plain, kind, strict=False)
    except msgspec.ValidationError as flaw:
        raise Malformed(f"the query does not fit: {flaw}") from None
    fields_of = {parameter: name for name, parameter in _parameters(route).items()}
    return {fields_of[n]: v for n, v in msgspec.to_builtins(asked).items()}


def _from_body(route: Route, body: bytes) -> dict[str, Any]:
    if not body:
        if needs_body(route):
            raise Malformed("the body is missing: it must be a JSON object")
        body = b"{}"
    asked = decoded(body, body_type(route))
    if route.ask is not None:
        return dict(route.ask(asked))
    plain: dict[str, Any] = msgspec.to_builtins(asked)
    return plain


def decoded(body: bytes, kind: type[Any]) -> Any:
    """JSON of a type; raises ``Malformed``."""
    try:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError:
            return msgspec.convert(whole(msgspec.json.decode(body)), kind)
    except msgspec.ValidationError as flaw:
        raise Malformed(f"the body does not fit: {flaw}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as flaw:
        raise Malformed(f"the body is no JSON: {flaw}") from None


def is_list(kind: Any) -> bool:
    """Whether a query parameter of this type may be repeated."""
    return get_origin(kind) is tuple


ALWAYS: tuple[type[FleetError], ...] = (
    *COMMON_ERRORS,
    Malformed,
    problems.Unportable,
    NotServed,
    ConnectionLost,
    CallTimedOut,
    MessageTooLarge,
    problems.TooManyRequests,
    problems.RouterUnreachable,
    problems.TooBusy,
    UnexpectedError,
)
_WITH_BODY = (problems.TooLarge, problems.NotJson)


def refusals(route: Route) -> set[HTTPStatus]:
    """The statuses of all errors it may answer with."""
    kinds = [*ALWAYS, *route.also, *map(type, route.turned.values())]
    kinds += [kind for kind in route.procedure.raises if kind not in route.turned]
    if route.has_body:
        kinds += _WITH_BODY
    if route.entry is not Entry.OPEN:
        kinds.append(problems.Unauthenticated)
    if "{device}" in route.procedure.uri:
        kinds.append(problems.DeviceSilent)
    if route.method == "POST":
        kinds += [problems.KeyReused, problems.StillUnderWay]
        kinds += [problems.AnsweredAlready, problems.Uncertain]
    if route.precondition is Precondition.NEEDED:
        kinds.append(problems.Unseen)
    if route.procedure.scope is Scope.SYSTEM or route.entry is Entry.PROJECT:
        kinds.append(problems.RouterUnreachable)
    return {status_of(kind) for kind in kinds}
