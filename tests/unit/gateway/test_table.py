"""The route table: complete, unambiguous, and its examples are what they claim."""

import re
from dataclasses import fields

import msgspec
import pytest
from jsonschema import Draft202012Validator

from heddle.contract import ERRORS, PROCEDURES
from heddle.contract.declare import PEOPLE, LocalError, Role
from services.gateway import problems
from services.gateway.openapi import document
from services.gateway.page import PAGE_HEADERS, page
from services.gateway.problems import STATUS
from services.gateway.route import (
    Precondition,
    Route,
    body_type,
    path_names,
    query_type,
    refusals,
)
from services.gateway.table import ROUTES

BY_NAME = {route.name: route for route in ROUTES}
NOT_OVER_REST = {
    "heddle.backend.local_change.list",
    "heddle.device.{device}.flow.install",  # deployments do it, with a signed release
    *(f"heddle.fleetdata.alarm.notify.{w}" for w in ("list", "remove", "set", "test")),
}


@pytest.fixture(scope="module")
def described():
    return document("1")


def test_no_two_routes_are_the_same() -> None:
    asked = [
        (route.method, re.sub(r"\{\w+\}", "{}", route.full_path)) for route in ROUTES
    ]

    assert len(set(asked)) == len(asked) == len(BY_NAME)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_id_in_a_path_is_one_of_the_procedures(route: Route) -> None:
    known = {f.name for f in fields(route.procedure.request)}
    known |= set(re.findall(r"\{(\w+)\}", route.procedure.uri))
    in_uri = set(re.findall(r"\{(\w+)\}", route.procedure.uri))

    assert set(path_names(route.path)) <= known
    assert in_uri <= set(path_names(route.path))
    assert set(route.names) | set(route.fixed) <= known
    if route.precondition is not Precondition.NONE:
        assert "if_revision" in known


def test_every_declared_error_has_a_status_of_its_own() -> None:
    answered = {error for route in ROUTES for error in route.procedure.raises}

    assert answered - STATUS.keys() == set()
    assert not [e for e in ERRORS if e not in STATUS and e in answered]
    ours = [
        one
        for one in vars(problems).values()
        if isinstance(one, type)
        and issubclass(one, LocalError)
        and one.__module__ == problems.__name__
    ]
    assert set(ours) <= STATUS.keys()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_an_example_fits_its_type(route: Route, described) -> None:
    operation = described["paths"][route.full_path][route.method.lower()]
    if route.example is None:
        assert not route.has_body or "example" not in operation["requestBody"]
        return
    content = operation["requestBody"]["content"]["application/json"]
    schema = {**content["schema"], "components": described["components"]}

    Draft202012Validator(schema).validate(content["example"])
    msgspec.convert(content["example"], body_type(route))


def test_an_example_of_an_answer_fits_its_type(described) -> None:
    (route,) = [route for route in ROUTES if route.example_reply is not None]
    operation = described["paths"][route.full_path]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]

    whole = {**schema, "components": described["components"]}
    Draft202012Validator(whole).validate(route.example_reply)
    msgspec.convert(route.example_reply, route.told)


def test_each_status_an_error_has_is_described(described) -> None:
    for route in ROUTES:
        operation = described["paths"][route.full_path][route.method.lower()]
        told = {int(status) for status in operation["responses"]}
        assert {status.value for status in refusals(route)} <= told


def test_every_reference_of_the_document_leads_somewhere(described) -> None:
    for found in re.findall(r'"#/([^"]+)"', msgspec.json.encode(described).decode()):
        place = described
        for part in found.split("/"):
            place = place[part]


def test_queries_refuse_what_they_do_not_know() -> None:
    for route in ROUTES:
        if (kind := query_type(route)) is not None:
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert({"no such": "1"}, kind, strict=False)


def test_the_page_names_no_other_host_and_runs_nothing() -> None:
    text = page(document("1")).decode()

    assert not re.search(r"https?://|<script|onload|url\(", text)
    assert "unsafe" not in PAGE_HEADERS["content-security-policy"]
    assert all(route.full_path in text for route in ROUTES)


def test_what_people_may_call_is_reachable() -> None:
    people = PEOPLE | {Role.PERSON}
    callable_ = {p.uri for p in PROCEDURES if p.called_by & people}
    routed = {route.procedure.uri for route in ROUTES}

    assert callable_ - routed == NOT_OVER_REST
