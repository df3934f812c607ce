"""Permissions equal what the contract declares, for every role, realm and action."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heddle.contract import PROCEDURES, TOPICS
from heddle.contract.accounts import REGISTER_INVITED
from heddle.contract.declare import PEOPLE, Procedure, Role, Scope, Topic
from heddle.contract.devices import ANNOUNCE, PRESENCE, REDEEM_CODE
from heddle.contract.gate import AUTHENTICATORS
from heddle.contract.permissions import (
    ROUTER_PROCEDURES,
    ROUTER_TOPICS,
    Action,
    Match,
    allows,
)
from heddle.contract.runs import RUN_STATUS, START_RUN
from heddle.contract.samples import TELEMETRY

DECLARED: tuple[Procedure[Any, Any] | Topic[Any], ...] = (*PROCEDURES, *TOPICS)
MINE, OTHER = "press_7", "press_8"


def filled(one: Procedure[Any, Any] | Topic[Any], device: str) -> str:
    return one.uri.replace("{device}", device)


def declared(one: Procedure[Any, Any] | Topic[Any], role: Role) -> set[Action]:
    """What a role may do with one declaration, as its author wrote it."""
    match one:
        case Procedure():
            pairs = {
                Action.CALL: role in one.called_by,
                Action.REGISTER: role is one.served_by,
            }
        case Topic():
            pairs = {
                Action.PUBLISH: role is one.published_by,
                Action.SUBSCRIBE: role in one.subscribed_by,
            }
    return {action for action, allowed in pairs.items() if allowed}


def everything() -> Iterator[tuple[Role, Scope, Action, Any]]:
    return product(Role, Scope, Action, DECLARED)


def test_every_leave_is_a_declared_one_and_every_declared_one_is_a_leave() -> None:
    for role, scope, action, one in everything():
        expected = scope is one.scope and action in declared(one, role)
        assert allows(role, MINE, scope, action, filled(one, MINE)) is expected, (
            role,
            scope,
            action,
            one.uri,
        )


def test_a_device_serves_and_publishes_under_its_own_name_only() -> None:
    for one in DECLARED:
        if "{device}" in one.uri:
            for scope, action in product(Scope, Action):
                assert not allows(Role.AGENT, MINE, scope, action, filled(one, OTHER))


def test_no_prefix_is_ever_allowed() -> None:
    for role, scope, action, one in everything():
        for uri in (filled(one, MINE), filled(one, ""), one.uri.split("{")[0]):
            assert not allows(role, MINE, scope, action, uri, Match.PREFIX)


def test_wildcards_are_for_hearing_every_device_and_not_for_devices() -> None:
    for role, scope, action, one in everything():
        wild = filled(one, "")
        expected = (
            action is Action.SUBSCRIBE
            and role is not Role.AGENT
            and scope is one.scope
            and action in declared(one, role)
        )
        allowed = allows(role, MINE, scope, action, wild, Match.WILDCARD)
        assert allowed is expected, (role, scope, action, one.uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        ".",
        "heddle",
        "heddle.device..telemetry",
        "heddle.device.press_7.telemetry.",
        "heddle.device.press_7.telemetry.x",
        "heddle.device.press_7.x.telemetry",
        ".heddle.device.press_7.telemetry",
        "heddle.device.press_7.telemetry\n",
        "heddle.device.PRESS.telemetry",
        "heddle.device.a b.telemetry",
        "heddle.device." + "a" * 65 + ".telemetry",
        "heddleXdevice.press_7.telemetry",
        "wamp.session.on_join",
    ],
)
def test_nothing_beside_the_declared_is_allowed(uri: str) -> None:
    for role, scope, action in product(Role, Scope, Action):
        assert not allows(role, MINE, scope, action, uri)


@given(
    st.sampled_from(Role),
    st.sampled_from(Scope),
    st.sampled_from(Action),
    st.text(max_size=40),
    st.sampled_from(Match),
)
def test_no_uri_out_of_the_blue_is_allowed(
    role: Role, scope: Scope, action: Action, uri: str, match: Match
) -> None:
    assert not allows(role, MINE, scope, action, uri, match)


def test_a_name_that_looks_like_a_pattern_is_only_a_name() -> None:
    for name in (".*", "[a-z0-9_]+", "", "press_7|press_8"):
        uri = TELEMETRY.at(device=OTHER)
        assert not allows(Role.AGENT, name, Scope.PROJECT, Action.PUBLISH, uri)


def test_the_routers_own_procedures_are_for_whom_the_list_says() -> None:
    for role, scope, (uri, roles) in product(Role, Scope, ROUTER_PROCEDURES.items()):
        assert allows(role, MINE, scope, Action.CALL, uri) is (role in roles)
        assert not allows(role, MINE, scope, Action.REGISTER, uri)
    for uri in ("wamp.session.kill", "wamp.registration.list", "wamp.session.count"):
        for role, scope, action in product(Role, Scope, Action):
            assert not allows(role, MINE, scope, action, uri)


def test_the_routers_own_topics_are_for_whom_the_list_says() -> None:
    for role, scope, (uri, roles) in product(Role, Scope, ROUTER_TOPICS.items()):
        assert allows(role, MINE, scope, Action.SUBSCRIBE, uri) is (role in roles)
        assert not allows(role, MINE, scope, Action.PUBLISH, uri)


def test_only_the_gatekeeper_authenticates_and_nobody_asks_it() -> None:
    for uri, role, scope, action in product(AUTHENTICATORS, Role, Scope, Action):
        expected = (role, scope, action) == (
            Role.GATEKEEPER,
            Scope.SYSTEM,
            Action.REGISTER,
        )
        assert allows(role, MINE, scope, action, uri) is expected


def test_a_newcomer_may_come_by_a_code_and_do_nothing_else() -> None:
    leave = {
        (scope, action, one.uri)
        for scope, action, one in product(Scope, Action, DECLARED)
        if allows(Role.ENROLLING, MINE, scope, action, filled(one, MINE))
    }
    assert leave == {
        (Scope.SYSTEM, Action.CALL, REDEEM_CODE.uri),
        (Scope.SYSTEM, Action.CALL, REGISTER_INVITED.uri),
    }


def test_a_viewer_changes_nothing() -> None:
    viewer = (Role.VIEWER, "ann", Scope.PROJECT)
    assert allows(*viewer, Action.CALL, RUN_STATUS.at(device=MINE))
    assert not allows(*viewer, Action.CALL, START_RUN.at(device=MINE))
    for one in DECLARED:
        for action in (Action.REGISTER, Action.PUBLISH):
            assert not allows(*viewer, action, filled(one, MINE))


def test_people_neither_serve_nor_publish() -> None:
    for role, scope, one in product((*PEOPLE, Role.PERSON), Scope, DECLARED):
        for action in (Action.REGISTER, Action.PUBLISH):
            assert not allows(role, "ann", scope, action, filled(one, MINE))


def test_what_is_the_devices_is_not_a_persons_of_the_same_name() -> None:
    """A person may be called like a device: the role tells them apart."""
    for uri in (PRESENCE.at(device=MINE), TELEMETRY.at(device=MINE)):
        assert allows(Role.AGENT, MINE, Scope.PROJECT, Action.PUBLISH, uri)
        assert not allows(Role.OWNER, MINE, Scope.PROJECT, Action.PUBLISH, uri)
    assert not allows(Role.OWNER, MINE, Scope.PROJECT, Action.CALL, ANNOUNCE.uri)
