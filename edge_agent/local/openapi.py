"""The API as an OpenAPI 3.1 document, made from the routes and the types."""

from http import HTTPStatus
from typing import Any

import msgspec

from edge_agent.local.answers import Problem
from edge_agent.local.routes import ROUTES, Route

_REF = "#/components/schemas/{name}"
JSON = "application/json"
PROBLEM = "application/problem+json"


def document(version: str) -> dict[str, Any]:
    """The whole document; ``version`` is the agent's."""
    types = [t for route in ROUTES for t in (route.body, route.reply) if t is not None]
    types = list(dict.fromkeys([*types, Problem]))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    of_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        found = _operation(route, of_type)
        paths.setdefault(route.path, {})[route.method.lower()] = found
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Heddle device",
            "version": version,
            "summary": "The flows of one device, on the spot, with or without a link.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    route: Route, of_type: dict[type[Any], dict[str, Any]]
) -> dict[str, Any]:
    said = {
        str(status.value): _content(status, JSON, of_type[route.reply])
        for status in route.statuses
    }
    statuses = route.problems if route.is_open else (*_ALWAYS, *route.problems)
    refused = {
        str(status.value): _content(status, PROBLEM, of_type[Problem])
        for status in sorted(statuses)
    }
    operation: dict[str, Any] = {
        "operationId": route.handle.__name__,
        "summary": route.summary,
        "responses": said | refused,
    }
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.body is not None:
        content = {JSON: {"schema": of_type[route.body]}}
        operation["requestBody"] = {"required": True, "content": content}
    if route.is_open:
        operation["security"] = []
    return operation


_ALWAYS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.MISDIRECTED_REQUEST)


def _content(status: HTTPStatus, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": status.phrase, "content": {kind: {"schema": schema}}}


def _parameters(route: Route) -> list[dict[str, Any]]:
    text = {"type": "string"}
    found: list[dict[str, Any]] = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": text}
        for part in route.path.split("/")
        if part.startswith("{")
    ]
    if route.is_conditional:
        found.append({"name": "If-Match", "in": "header", "schema": text})
    if route.method == "PUT":
        found.append({"name": "If-None-Match", "in": "header", "schema": text})
    return found
