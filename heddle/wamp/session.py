"""A typed WAMP session: the one place where declared messages meet autobahn.

It lets declared errors through, and only those: a defect behind a procedure is logged
here with a reference, and the caller learns the reference and nothing else. Every call
carries a request id, taken over from the call being served, so that one operation can
be followed through all hops.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import msgspec
from autobahn.exception import Disconnected, PayloadExceededError
from autobahn.wamp.exception import ApplicationError, TransportLost
from autobahn.wamp.types import PublishOptions, RegisterOptions, SubscribeOptions
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from heddle.contract import ERRORS
from heddle.contract.declare import (
    PEOPLE,
    FleetError,
    InternalError,
    InvalidRequest,
    LocalError,
    NotPermitted,
    Procedure,
    Role,
    Topic,
)

Request = TypeVar("Request")
Reply = TypeVar("Reply")
Event = TypeVar("Event")

log = Logger()

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request being served, if one is."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NATIVE = (bytes, bytearray)  # what our serialisers carry without help
_STRICT_ROLES = frozenset(role.value for role in (*PEOPLE, Role.PERSON))


class NotServed(FleetError):
    """Nobody serves the procedure now, e.g. because the device is offline."""

    uri = "wamp.error.no_such_procedure"


class ConnectionLost(FleetError):
    """The link to the router broke; whether the call took effect is not known."""

    uri = "wamp.error.transport_lost"


class CallTimedOut(FleetError):
    """No answer in time; whether the call took effect is not known."""

    uri = "wamp.error.timeout"


class MessageTooLarge(FleetError):
    """Request or reply exceed what the router carries; ask for less at a time."""

    uri = ApplicationError.PAYLOAD_SIZE_EXCEEDED


class UnexpectedError(FleetError):
    """The other side answered with an error that the contract does not declare."""

    uri = "wamp.error.runtime_error"


_BY_URI: Mapping[str, type[FleetError]] = {
    **{error.uri: error for error in ERRORS},
    NotServed.uri: NotServed,
    ApplicationError.CANCELED: NotServed,  # the callee left during the call
    MessageTooLarge.uri: MessageTooLarge,
    ApplicationError.NOT_AUTHORIZED: NotPermitted,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called, as the router authenticated them."""

    session: int
    authid: str
    role: Role
    request_id: str


class Wamp(Protocol):
    """What we use of autobahn's session."""

    def call(self, procedure: str, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Call ``procedure``."""

    def register(
        self, endpoint: Callable[..., Any], procedure: str, options: Any = None
    ) -> Deferred[Any]:
        """Serve ``procedure``."""

    def publish(self, topic: str, *args: Any, **kwargs: Any) -> Any:
        """Publish to ``topic``."""

    def subscribe(
        self, handler: Callable[..., Any], topic: str, options: Any = None
    ) -> Deferred[Any]:
        """Hear ``topic``."""


Handler = Callable[[Request, Caller], Awaitable[Reply]]
Hearer = Callable[[Event, Mapping[str, str]], None]
Malformed = Callable[[InvalidRequest, Caller], None]


class Session:
    """Calls and serves declared procedures; publishes and hears declared topics."""

    def __init__(self, wamp: Wamp, clock: IReactorTime, authid: str, realm: str):
        self._wamp = wamp
        self._clock = clock
        self._served: list[Any] = []  # autobahn's registrations
        self._under_way = 0  # calls that we have not answered yet
        self._answered: Deferred[None] | None = None  # fires with the last of them
        self.authid = authid
        self.realm = realm

    async def call(
        self,
        procedure: Procedure[Request, Reply],
        request: Request,
        /,
        *,
        timeout_s: float = 30.0,
        **ids: str,
    ) -> Reply:
        """Call a procedure. Raises the errors its declaration lists, as themselves,
        and ``NotServed``, ``ConnectionLost``, ``CallTimedOut`` or ``MessageTooLarge``.
        """
        uri = procedure.at(**ids)
        reply = await self._done(
            uri,
            lambda: self._wamp.call(
                uri, _plain(request), request_id=request_id.get() or uuid4().hex
            ),
            timeout_s,
        )
        return _typed(reply, procedure.reply)

    async def serve(
        self,
        procedure: Procedure[Request, Reply],
        handler: Handler[Request, Reply],
        /,
        malformed: Malformed | None = None,
        shared: bool = False,
        **ids: str,
    ) -> None:
        """Serve a procedure until the session ends; take it from a former self.

        ``malformed`` hears of requests that never reach the handler. With ``shared``
        nothing is taken: all who serve it so get its calls in turn.
        """

        def entry(*args: Any, details: Any, **kwargs: Any) -> Deferred[object]:
            request = args[0] if args else {}
            asked_as = kwargs.get("request_id")
            answer = _answer(procedure, handler, request, details, asked_as, malformed)
            self._under_way += 1
            return _kept_going(Deferred.fromCoroutine(answer), self._one_answered)

        uri = procedure.at(**ids)
        how = {"invoke": "roundrobin"} if shared else {"force_reregister": True}
        options = RegisterOptions(details_arg="details", **how)
        made = await self._done(uri, lambda: self._wamp.register(entry, uri, options))
        self._served.append(made)

    async def retire(self, within_s: float) -> None:
        """Take no more calls, and answer those under way if that is done in time.

        Who calls from now on finds another who serves, or learns that nobody does.
        """
        done = Deferred.fromCoroutine(self._retire())
        with suppress(defer.TimeoutError, CancelledError, TransportLost, Disconnected):
            await done.addTimeout(within_s, self._clock)

    async def _retire(self) -> None:
        leaving = [one.unregister() for one in self._served if one.active]
        await defer.DeferredList(leaving, consumeErrors=True)  # some were taken from us
        if self._under_way:
            self._answered = Deferred()
            await self._answered

    def _one_answered(self) -> None:
        self._under_way -= 1
        answered = self._answered
        if answered is not None and not self._under_way and not answered.called:
            answered.callback(None)

    def publish(self, topic: Topic[Event], event: Event, /, **ids: str) -> None:
        """Publish without acknowledgement; lost when the link is down."""
        try:
            self._wamp.publish(topic.at(**ids), _plain(event))
        except (TransportLost, Disconnected):
            log.debug("{uri} not published: the link is down", uri=topic.uri)
        except PayloadExceededError as flaw:
            log.warn("{uri} not published: {flaw}", uri=topic.uri, flaw=str(flaw))

    async def hear(
        self, topic: Topic[Event], hearer: Hearer[Event], /, **ids: str
    ) -> None:
        """Hear a topic until the session ends; without ids, that of every device.

        ``hearer`` gets the event and the ids in its URI. Malformed events are logged
        and dropped.
        """
        names = [part[1:-1] for part in topic.uri.split(".") if part.startswith("{")]
        places = [i for i, p in enumerate(topic.uri.split(".")) if p.startswith("{")]

        def entry(*args: Any, details: Any, **_kwargs: Any) -> None:
            segments = (details.topic or topic.uri).split(".")
            found = ids or dict(zip(names, (segments[i] for i in places), strict=True))
            try:
                event = _typed(args[0] if args else {}, topic.event)
            except UnexpectedError as flaw:
                log.warn("{uri} dropped: {flaw}", uri=topic.uri, flaw=str(flaw))
                return
            hearer(event, found)

        wild = bool(names) and not ids
        uri = topic.everywhere() if wild else topic.at(**ids)
        options = SubscribeOptions(
            match="wildcard" if wild else "exact", details_arg="details"
        )
        await self._done(uri, lambda: self._wamp.subscribe(entry, uri, options))

    async def bequeath(self, topic: Topic[Event], event: Event, /, **ids: str) -> None:
        """Have the router publish ``event`` when this session ends, however it ends."""
        uri, topic_uri = "wamp.session.add_testament", topic.at(**ids)
        await self._done(
            uri, lambda: self._wamp.call(uri, topic_uri, [_plain(event)], {})
        )

    async def authids(self, role: Role | None = None) -> frozenset[str]:
        """Who is in this realm now, of one role if given (the backend may ask)."""
        list_, get = "wamp.session.list", "wamp.session.get"
        found = set()
        for one in await self._done(list_, lambda: self._wamp.call(list_)):
            try:
                details = await self._wamp.call(get, one)
            except ApplicationError:
                continue  # it left meanwhile
            except TransportLost:
                raise ConnectionLost(f"the link broke while calling {get}") from None
            if role is None or details["authrole"] == role:
                found.add(details["authid"])
        return frozenset(found)

    async def ask_router(self, uri: str, *args: Any) -> Any:
        """Call a procedure that the router serves itself."""
        return await self._done(uri, lambda: self._wamp.call(uri, *args))

    async def hear_router(self, uri: str, hearer: Callable[..., None]) -> None:
        """Hear a topic that the router publishes itself, until the session ends."""
        await self._done(uri, lambda: self._wamp.subscribe(hearer, uri))

    async def published(self, topic: Topic[Event], event: Event, /, **ids: str) -> None:
        """Publish and wait until the router has taken it over."""
        uri = topic.at(**ids)
        options = PublishOptions(acknowledge=True)
        await self._done(
            uri, lambda: self._wamp.publish(uri, _plain(event), options=options)
        )

    async def _done(
        self, uri: str, ask: Callable[[], Deferred[Any]], timeout_s: float = 30.0
    ) -> Any:
        """The router's answer; its errors and the link's as our own."""
        try:
            return await ask().addTimeout(timeout_s, self._clock)
        except ApplicationError as error:
            raise _declared(uri, error) from None
        except (TransportLost, Disconnected):
            raise ConnectionLost(f"the link broke while using {uri}") from None
        except PayloadExceededError as flaw:
            raise MessageTooLarge(f"{uri}: {flaw}") from None
        except (defer.TimeoutError, CancelledError):
            raise CallTimedOut(f"{uri} gave no answer in {timeout_s:g} s") from None


def _kept_going(work: Deferred[object], ended: Callable[[], None]) -> Deferred[object]:
    """``work``'s result; when the caller gives up, the work is done nevertheless.

    Cut off in the middle, a handler could leave half of what it does undone. ``ended``
    is called once the result is told.
    """
    answer: Deferred[object] = Deferred()

    def pass_on(result: object) -> None:
        if not answer.called:
            answer.callback(result)
        ended()

    _ = work.addBoth(pass_on)
    return answer


def _plain(message: object) -> Any:
    return msgspec.to_builtins(message, builtin_types=_NATIVE)


def _typed(payload: object, kind: type[Reply]) -> Reply:
    try:
        return msgspec.convert(payload, kind, builtin_types=_NATIVE)
    except msgspec.ValidationError as flaw:
        raise UnexpectedError(f"not a {kind.__name__}: {flaw}") from None


def _declared(uri: str, error: ApplicationError) -> FleetError:
    """Our own error for one that came over the wire."""
    kind = _BY_URI.get(error.error, UnexpectedError)
    if kind is NotServed:
        return NotServed(f"nobody serves {uri} now: is its device or service online?")
    if error.error == ApplicationError.NOT_AUTHORIZED:
        return NotPermitted(f"this session may not use {uri}")
    sentence = str(error.args[0]) if error.args else error.error
    if kind is UnexpectedError:
        return UnexpectedError(f"{uri} failed with {error.error}: {sentence}")
    ours = kind(sentence)
    details = (error.kwargs or {}).get("details")
    ours.details = details if isinstance(details, Mapping) else {}
    return ours


async def _answer(
    procedure: Procedure[Request, Reply],
    handler: Handler[Request, Reply],
    payload: object,
    details: Any,
    asked_as: object,
    malformed: Malformed | None,
) -> object:
    known_as = _known_as(asked_as)
    request_id.set(known_as)
    try:
        caller = Caller(
            details.caller,
            details.caller_authid,
            Role(details.caller_authrole),
            known_as,
        )
        try:
            request = _request(procedure, payload, caller)
        except InvalidRequest as flaw:
            if malformed is not None:
                malformed(flaw, caller)
            raise
        return _plain(await handler(request, caller))
    except Exception as error:  # noqa: BLE001 -- the boundary: nothing internal leaks
        raise _on_the_wire(procedure.uri, known_as, error) from None


def _on_the_wire(uri: str, known_as: str, error: Exception) -> ApplicationError:
    """A declared error as it is; anything else is a defect, told by a reference."""
    if isinstance(error, FleetError) and not isinstance(error, LocalError):
        return ApplicationError(error.uri, str(error), details=_plain(error.details))
    reference = uuid4().hex[:8]
    log.failure(
        "{uri} failed [{reference}] request {request_id}",
        uri=uri,
        reference=reference,
        request_id=known_as,
    )
    return ApplicationError(
        InternalError.uri, f"internal error, log reference {reference}"
    )


def _known_as(asked_as: object) -> str:
    """The caller's request id, if it is fit for a log line; a new one otherwise."""
    if isinstance(asked_as, str) and _REQUEST_ID.fullmatch(asked_as):
        return asked_as
    return uuid4().hex


def _request(
    procedure: Procedure[Request, Reply], payload: object, caller: Caller
) -> Request:
    """The typed request. People's typing errors are refused; a newer agent's or
    service's additional fields are ignored, so that versions can meet.
    """
    if caller.role in _STRICT_ROLES and isinstance(payload, Mapping):
        known = {field.name for field in fields(procedure.request)}  # type: ignore[arg-type]
        if unknown := sorted(str(key) for key in payload.keys() - known):
            raise InvalidRequest(
                f"{procedure.request.__name__} has no field {unknown[0]!r}; "
                f"it has {', '.join(sorted(known)) or 'none'}"
            )
    try:
        return msgspec.convert(payload, procedure.request, builtin_types=_NATIVE)
    except msgspec.ValidationError as flaw:
        raise InvalidRequest(f"{procedure.request.__name__}: {flaw}") from None
