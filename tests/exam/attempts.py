"""What every session could try, made from the contract, with what must come of it.

The right answer is computed here from the declarations alone, by other means than the
gatekeeper's: who errs there does not err the same way here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from heddle.contract import PROCEDURES, TOPICS
from heddle.contract.declare import Procedure, Role, Scope, Topic
from tests.support.rawwamp import CALL, PUBLISH, REGISTER, SUBSCRIBE

OWN, OTHER, NOBODY = "press_7", "press_8", "press_9"

ROUTERS_OWN = {
    "wamp.session.count": frozenset[Role](),
    "wamp.session.list": frozenset({Role.BACKEND}),
    "wamp.session.get": frozenset({Role.BACKEND}),
    "wamp.session.kill": frozenset[Role](),
    "wamp.session.kill_by_authid": frozenset[Role](),
    "wamp.session.kill_by_authrole": frozenset[Role](),
    "wamp.session.kill_all": frozenset[Role](),
    "wamp.session.modify_details": frozenset[Role](),
    "wamp.session.add_testament": frozenset({Role.AGENT}),
    "wamp.session.flush_testaments": frozenset({Role.AGENT}),
    "wamp.registration.list": frozenset[Role](),
    "wamp.registration.lookup": frozenset[Role](),
    "wamp.registration.match": frozenset[Role](),
    "wamp.registration.get": frozenset[Role](),
    "wamp.registration.list_callees": frozenset[Role](),
    "wamp.registration.count_callees": frozenset[Role](),
    "wamp.registration.remove_callee": frozenset[Role](),
    "wamp.subscription.list": frozenset({Role.FLEETDATA}),
    "wamp.subscription.lookup": frozenset({Role.FLEETDATA}),
    "wamp.subscription.match": frozenset[Role](),
    "wamp.subscription.get": frozenset({Role.FLEETDATA}),
    "wamp.subscription.list_subscribers": frozenset[Role](),
    "wamp.subscription.count_subscribers": frozenset[Role](),
    "wamp.subscription.remove_subscriber": frozenset[Role](),
    "wamp.subscription.get_events": frozenset[Role](),
    "wamp.schema.describe": frozenset[Role](),
}
"""Crossbar's meta API, and who of us may use it."""

ROUTER_TELLS = {
    "wamp.session.on_join": frozenset[Role](),
    "wamp.session.on_leave": frozenset[Role](),
    "wamp.registration.on_create": frozenset[Role](),
    "wamp.registration.on_register": frozenset[Role](),
    "wamp.registration.on_unregister": frozenset[Role](),
    "wamp.registration.on_delete": frozenset[Role](),
    "wamp.subscription.on_create": frozenset({Role.FLEETDATA}),
    "wamp.subscription.on_subscribe": frozenset[Role](),
    "wamp.subscription.on_unsubscribe": frozenset[Role](),
    "wamp.subscription.on_delete": frozenset[Role](),
    "wamp.schema.on_define": frozenset[Role](),
}

NOT_OURS = ("heddle.backend.nothing", "heddle.device.press_7.nothing", "com.example.x")
TOO_WIDE = (
    "heddle",
    "heddle.",
    "heddle.device",
    "heddle.device.",
    "heddle.device.press_8.",
    "heddle.backend.",
    "heddle.fleetdata.",
    "heddle.gatekeeper.",
    "heddle.device..",
    "heddle...",
    "..run.event",
    "heddle.device...",
    "wamp.",
    "wamp..",
)
"""A URI that WAMP has no place for ends its sender's connection (test_router)."""

FORCED: dict[str, Any] = {"force_reregister": True}
POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {"invoke": "roundrobin"},
    {"invoke": "random"},
    FORCED,
)
CALLS: tuple[dict[str, Any], ...] = (
    {},
    {"disclose_me": False},
    {"receive_progress": True},
)
PUBLICATIONS: tuple[dict[str, Any], ...] = (
    {},
    {"exclude_me": False},
    {"disclose_me": False},
    {"eligible_authrole": ["agent", "backend"]},
)


@dataclass(frozen=True, slots=True)
class Examinee:
    """Whose session it is."""

    role: Role
    scope: Scope
    name: str  # of a device: its id


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message to the router, and whether the contract allows it."""

    kind: int  # WAMP's number of the message
    uri: str
    options: dict[str, Any] = field(default_factory=dict)
    allowed: bool = False

    def __str__(self) -> str:
        kind = {CALL: "call", REGISTER: "register", PUBLISH: "publish"}
        return f"{kind.get(self.kind, 'subscribe')} {self.uri!r} {self.options}"


def _uris(declared: Procedure[Any, Any] | Topic[Any]) -> Iterator[tuple[str, str]]:
    """Concrete URIs, each with the device in it ("" for none)."""
    if "{" not in declared.uri:
        yield declared.uri, ""
    else:
        for device in (OWN, OTHER, NOBODY):
            yield re.sub(r"\{\w+\}", device, declared.uri), device


def _theirs(who: Examinee, device: str) -> bool:
    """Whether a session may have to do with this device: an agent, with itself."""
    return who.role is not Role.AGENT or device in ("", who.name)


def attempts(who: Examinee) -> Iterator[Attempt]:
    """Everything, in an order of its own."""
    for procedure in PROCEDURES:
        yield from _on_procedure(who, procedure)
    for topic in TOPICS:
        yield from _on_topic(who, topic)
    yield from _on_the_routers_own(who)
    yield from _on_what_is_nobodys()


def _on_procedure(who: Examinee, procedure: Procedure[Any, Any]) -> Iterator[Attempt]:
    here = procedure.scope is who.scope
    for uri, device in _uris(procedure):
        mine = here and _theirs(who, device)
        for call in CALLS:
            yield Attempt(CALL, uri, call, mine and who.role in procedure.called_by)
        for policy in POLICIES:
            serves = mine and who.role is procedure.served_by
            if not (serves and policy == FORCED):  # it would take its own from itself
                yield Attempt(REGISTER, uri, policy, serves)
        yield Attempt(REGISTER, uri, {"match": "prefix"})
        yield Attempt(REGISTER, uri.rpartition(".")[0], {"match": "prefix"})
        yield Attempt(PUBLISH, uri)
        yield Attempt(SUBSCRIBE, uri)
    blank = re.sub(r"\{\w+\}", "", procedure.uri)
    yield Attempt(REGISTER, blank, {"match": "wildcard"})
    yield Attempt(REGISTER, blank, {"match": "wildcard", **FORCED})
    yield Attempt(CALL, f"{procedure.uri.partition('{')[0]}x.more")


def _on_topic(who: Examinee, topic: Topic[Any]) -> Iterator[Attempt]:
    here = topic.scope is who.scope
    hears = here and who.role in topic.subscribed_by
    for uri, device in _uris(topic):
        mine = here and _theirs(who, device)
        tells = mine and who.role is topic.published_by
        for publication in PUBLICATIONS:
            yield Attempt(PUBLISH, uri, publication, tells)
        yield Attempt(PUBLISH, uri, {"retain": True})
        yield Attempt(SUBSCRIBE, uri, {}, mine and hears)
        yield Attempt(SUBSCRIBE, uri, {"get_retained": True}, mine and hears)
        yield Attempt(SUBSCRIBE, uri, {"match": "prefix"})
        yield Attempt(SUBSCRIBE, uri.rpartition(".")[0], {"match": "prefix"})
        yield Attempt(CALL, uri)
        yield Attempt(REGISTER, uri)
    blank = re.sub(r"\{\w+\}", "", topic.uri)
    everywhere = hears and who.role is not Role.AGENT
    yield Attempt(SUBSCRIBE, blank, {"match": "wildcard"}, everywhere)


def _on_the_routers_own(who: Examinee) -> Iterator[Attempt]:
    for uri, roles in ROUTERS_OWN.items():
        if not (uri.endswith("testament") and who.role in roles):
            yield Attempt(CALL, uri, {}, who.role in roles)
        yield Attempt(REGISTER, uri)
        yield Attempt(REGISTER, uri, FORCED)
    for uri, roles in ROUTER_TELLS.items():
        yield Attempt(SUBSCRIBE, uri, {}, who.role in roles)
        yield Attempt(SUBSCRIBE, uri, {"match": "prefix"})
        yield Attempt(PUBLISH, uri)


def _on_what_is_nobodys() -> Iterator[Attempt]:
    for uri in NOT_OURS:
        for kind in (CALL, REGISTER, PUBLISH, SUBSCRIBE):
            yield Attempt(kind, uri)
    for uri in TOO_WIDE:
        for match in ("wildcard",) if ".." in uri else ("prefix", "wildcard"):
            yield Attempt(SUBSCRIBE, uri, {"match": match})
            yield Attempt(REGISTER, uri, {"match": match})
