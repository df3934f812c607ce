"""Who may do what, derived from the declarations; everything else is refused.

The gatekeeper asks ``allows`` for every action of every session. A device's own id is
its authid, so ``{device}`` in a template means the session itself when an agent serves
or publishes. People may subscribe to one device or, by wildcard, to all of them;
prefix patterns are refused to everyone, for they reach further than they look.
"""

import enum
import re
from functools import cache
from typing import Any

from heddle.contract import PROCEDURES, TOPICS
from heddle.contract.declare import ID, Procedure, Role, Scope, Topic
from heddle.contract.gate import AUTHENTICATORS


class Action(enum.StrEnum):
    """What a session may try; WAMP's own words."""

    CALL = "call"
    REGISTER = "register"
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"


class Match(enum.StrEnum):
    """How a registration's or subscription's URI is meant."""

    EXACT = "exact"
    PREFIX = "prefix"
    WILDCARD = "wildcard"


ROUTER_PROCEDURES: dict[str, frozenset[Role]] = {
    "wamp.session.add_testament": frozenset({Role.AGENT}),
    "wamp.session.flush_testaments": frozenset({Role.AGENT}),
    "wamp.session.list": frozenset({Role.BACKEND}),
    "wamp.session.get": frozenset({Role.BACKEND}),
    "wamp.subscription.list": frozenset({Role.FLEETDATA}),
    "wamp.subscription.get": frozenset({Role.FLEETDATA}),
    "wamp.subscription.lookup": frozenset({Role.FLEETDATA}),
}
"""Calls the router serves itself. Testaments are authorised when they are published."""

ROUTER_TOPICS: dict[str, frozenset[Role]] = {
    "wamp.subscription.on_create": frozenset({Role.FLEETDATA}),
}
"""Topics the router publishes itself."""


def _may_of_the_router(role: Role, action: Action, scope: Scope) -> list[str]:
    """What is no message of the contract: the router's own, and its questions."""
    match action:
        case Action.CALL:
            return [uri for uri, roles in ROUTER_PROCEDURES.items() if role in roles]
        case Action.SUBSCRIBE:
            return [uri for uri, roles in ROUTER_TOPICS.items() if role in roles]
        case Action.REGISTER if (role, scope) == (Role.GATEKEEPER, Scope.SYSTEM):
            return list(AUTHENTICATORS)
        case _:
            return []


def _may(role: Role, action: Action, scope: Scope) -> list[str]:
    """URI templates this role may use for ``action`` in realms of ``scope``."""
    declared: tuple[Procedure[Any, Any] | Topic[Any], ...] = (*PROCEDURES, *TOPICS)
    found = _may_of_the_router(role, action, scope)
    for one in declared:
        match action, one:
            case Action.CALL, Procedure():
                allowed = role in one.called_by
            case Action.REGISTER, Procedure():
                allowed = role is one.served_by
            case Action.PUBLISH, Topic():
                allowed = role is one.published_by
            case Action.SUBSCRIBE, Topic():
                allowed = role in one.subscribed_by
            case _:
                allowed = False
        if allowed and one.scope is scope:
            found.append(one.uri)
    return found


@cache
def _pattern(
    role: Role, action: Action, scope: Scope, *, wild: bool
) -> re.Pattern[str]:
    """One expression over all allowed URIs; the group ``device`` names the device."""
    id_ = f"(?:{ID.pattern})?" if wild else ID.pattern
    alternatives = [
        "".join(
            f"({id_})" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{\w+\})", uri)
        )
        for uri in _may(role, action, scope)
    ]
    return re.compile("|".join(alternatives) or r"(?!)")


def allows(
    role: Role,
    authid: str,
    scope: Scope,
    action: Action,
    uri: str,
    match: Match = Match.EXACT,
) -> bool:
    """Whether a session of ``role`` may do ``action`` on ``uri`` in such a realm."""
    if match is Match.PREFIX:
        return False
    wild = match is Match.WILDCARD
    if wild and (action is not Action.SUBSCRIBE or role is Role.AGENT):
        return False
    found = _pattern(role, action, scope, wild=wild).fullmatch(uri)
    if found is None:
        return False
    if role is Role.AGENT:
        return all(group in (None, authid) for group in found.groups())
    return True
