"""The API as an OpenAPI 3.1 document, made from the routes and their types.

Rewrite docs/reference/openapi.json with ``python -m services.gateway.openapi FILE``.
"""

import json
import sys
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from heddle import __version__
from heddle.contract.declare import FleetError
from heddle.contract.deployments import DeploymentNotFound
from heddle.contract.devices import DeviceNotFound
from services.gateway.events import STREAMS, StreamRoute
from services.gateway.idempotency import KEY
from services.gateway.login import Me
from services.gateway.problems import (
    PROBLEM,
    DeviceSilent,
    Problem,
    Unauthenticated,
    status_of,
)
from services.gateway.route import (
    ALWAYS,
    PREFIX,
    Entry,
    Precondition,
    Route,
    body_type,
    needs_body,
    path_names,
    query_type,
    refusals,
)
from services.gateway.said import JSON
from services.gateway.table import ROUTES

_REF = "#/components/schemas/{name}"
_ID = {"type": "string", "pattern": "^[a-z0-9_]{1,64}$"}
_TEXT = {"type": "string"}
_WHOLE = {"type": "integer"}

Json = dict[str, Any]


def document(version: str = __version__) -> Json:
    """The whole document."""
    schemas = _Schemas()
    paths: dict[str, Json] = {}
    for route in ROUTES:
        operation = _operation(route, schemas)
        paths.setdefault(route.full_path, {})[route.method.lower()] = operation
    for stream in STREAMS:
        paths.setdefault(PREFIX + stream.path, {})["get"] = _stream(stream)
    paths[f"{PREFIX}/me"] = {"get": _me(schemas)}
    for path, name, summary, kind in (
        (f"{PREFIX}/openapi.json", "get_openapi", "This document.", JSON),
        (f"{PREFIX}/docs", "get_docs", "This document, to be read.", "text/html"),
    ):
        paths[path] = {"get": _open(name, summary, kind)}
    tags = dict.fromkeys(route.tag for route in ROUTES)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Heddle",
            "version": version,
            "summary": "Flows, deployments, devices and what they measure.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "responses": {
                str(status.value): _problem(status) for status in _all_refusals()
            },
            "headers": _HEADERS,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "a session ticket of POST /api/v1/login, or an API "
                    "key `hdl_…`",
                },
                "password": {"type": "http", "scheme": "basic"},
            },
        },
    }


_DESCRIPTION = """\
Every request needs `Authorization: Bearer` with a session ticket or an API key. \
Errors are RFC 9457 problems: `type` names the error, `detail` is one sentence with \
the way out. `X-Request-Id` of a request is carried through all parts. A POST with \
`Idempotency-Key` is done once. Lists come in pages: `Link: <…>; rel="next"` leads on.\
"""

_HEADERS: Json = {
    "ETag": {"description": "names this state, for If-Match", "schema": _TEXT},
    "Link": {"description": 'the next page, as rel="next"', "schema": _TEXT},
    "Location": {"description": "where what was made is", "schema": _TEXT},
    "Retry-After": {"description": "seconds", "schema": _WHOLE},
    "X-Request-Id": {"description": "find it by this in the logs", "schema": _TEXT},
    "RateLimit-Limit": {"description": "requests at once", "schema": _WHOLE},
    "RateLimit-Remaining": {"description": "left of these", "schema": _WHOLE},
    "RateLimit-Reset": {"description": "seconds until all are", "schema": _WHOLE},
}
_ON_ALL = ("X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


class _Schemas:
    """Schemas of types; those with a name are told once."""

    def __init__(self) -> None:
        types: list[type[Any]] = [Problem, Me]
        for route in ROUTES:
            types.append(route.told)
            if route.has_body:
                types.append(body_type(route))
            if (query := query_type(route)) is not None:
                types.append(query)
        types = list(dict.fromkeys(types))
        found, self._components = msgspec.json.schema_components(
            types, ref_template=_REF
        )
        self._of = dict(zip(types, found, strict=True))

    def of(self, kind: type[Any]) -> Json:
        """A type's schema, mostly a reference."""
        return self._of[kind]

    def fields(self, kind: type[Any]) -> Json:
        """What a component holds; it is told elsewhere, and is none itself."""
        name = self._of[kind]["$ref"].rsplit("/", 1)[1]
        found: Json = self._components[name]
        return found

    def components(self) -> Json:
        """All that have a name, but for queries: they are parameters."""
        kept = {n: s for n, s in self._components.items() if not n.endswith("Query")}
        return {name: _readable(kept[name]) for name in sorted(kept)}


def _readable(schema: Json) -> Json:
    """Descriptions of one line where they were docstrings."""
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    return schema


def _refs(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problem(status: HTTPStatus) -> Json:
    headers = [*_ON_ALL]
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        headers.append("Retry-After")
    schema = {"$ref": _REF.format(name="Problem")}
    return {
        "description": status.phrase,
        "headers": _refs(headers),
        "content": {PROBLEM: {"schema": schema}},
    }


def _all_refusals() -> list[HTTPStatus]:
    found = {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
    for route in ROUTES:
        found |= refusals(route)
    return sorted(found)


def _refused(statuses: Iterable[HTTPStatus]) -> Json:
    return {
        str(s.value): {"$ref": f"#/components/responses/{s.value}"}
        for s in sorted(statuses)
    }


def _operation(route: Route, schemas: _Schemas) -> Json:
    content: Json = {"schema": schemas.of(route.told)}
    if route.example_reply is not None:
        content["examples"] = {"seed": {"value": route.example_reply}}
    headers = [*_ON_ALL]
    headers += ["ETag"] if route.etag is not None else []
    headers += ["Link"] if route.pages is not None else []
    headers += ["Location"] if route.location else []
    done = {
        "description": route.success.phrase,
        "headers": _refs(headers),
        "content": {JSON: content},
    }
    responses: Json = {str(route.success.value): done}
    if route.method == "GET" and route.etag is not None:
        responses["304"] = {"description": HTTPStatus.NOT_MODIFIED.phrase}
    summary = route.summary or route.procedure.summary
    operation: Json = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": summary,
        "description": _description(route),
        "parameters": _parameters(route, schemas),
        "responses": responses | _refused(refusals(route)),
        "security": _security(route.entry),
    }
    if route.has_body:
        given: Json = {"schema": schemas.of(body_type(route))}
        if route.example is not None:
            given["example"] = route.example
        body = {"required": needs_body(route), "content": {JSON: given}}
        operation["requestBody"] = body
    return operation


def _description(route: Route) -> str:
    roles = ", ".join(sorted(route.procedure.called_by & _PEOPLE))
    parts = [route.note, f"Procedure `{route.procedure.uri}`"]
    return " ".join(p for p in parts if p) + (f"; for {roles}." if roles else ".")


_PEOPLE = frozenset({"owner", "operator", "viewer"})


def _security(entry: Entry) -> list[Json]:
    match entry:
        case Entry.PROJECT:
            return [{"bearer": []}]
        case Entry.SYSTEM:
            return [{"password": []}, {"bearer": []}]
        case Entry.OPEN | Entry.LOGIN:
            return []


def _parameters(route: Route, schemas: _Schemas) -> list[Json]:
    found: list[Json] = [_in_path(name) for name in path_names(route.path)]
    if (kind := query_type(route)) is not None:
        fields = schemas.fields(kind)
        required = fields.get("required", ())
        for name, schema in fields["properties"].items():
            one = {"name": name, "in": "query", "schema": _not_null(schema)}
            found.append(one | ({"required": True} if name in required else {}))
    match route.precondition:
        case Precondition.NEEDED:
            found.append(_header("If-Match", required=True, minLength=1))
        case Precondition.HEEDED:
            found.append(_header("If-Match"))
        case Precondition.NONE:
            pass
    if route.method == "GET" and route.etag is not None:
        found.append(_header("If-None-Match"))
    if route.method == "POST" and route.entry is Entry.PROJECT:
        found.append(_header("Idempotency-Key", pattern=KEY))
    return found


def _in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _ID}


def _header(name: str, *, required: bool = False, **limits: str | int) -> Json:
    found: Json = {"name": name, "in": "header", "schema": {**_TEXT, **limits}}
    return found | ({"required": True} if required else {})


def _not_null(schema: Json) -> Json:
    """A query has no null: what is not given is absent."""
    if "anyOf" in schema:
        kinds = [one for one in schema["anyOf"] if one.get("type") != "null"]
        rest = {n: v for n, v in schema.items() if n != "anyOf"}
        schema = {**rest, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})}
    return {n: v for n, v in schema.items() if not (n == "default" and v is None)}


def _statuses(*kinds: type[FleetError]) -> set[HTTPStatus]:
    return {status_of(kind) for kind in (*ALWAYS, *kinds)}


def _stream(stream: StreamRoute) -> Json:
    missing = (DeploymentNotFound, DeviceNotFound, Unauthenticated, DeviceSilent)
    name = "Last-Event-ID"
    return {
        "operationId": stream.name,
        "tags": [stream.tag],
        "summary": stream.summary,
        "description": stream.note,
        "parameters": [*map(_in_path, path_names(stream.path)), _header(name)],
        "responses": {
            "200": {
                "description": "events, until the reader hangs up or its ticket ends",
                "content": {"text/event-stream": {"schema": _TEXT}},
            },
            **_refused(_statuses(*missing)),
        },
        "security": _security(Entry.PROJECT),
    }


def _me(schemas: _Schemas) -> Json:
    return {
        "operationId": "get_me",
        "tags": ["Sessions"],
        "summary": "Who the bearer is, and until when.",
        "responses": {
            "200": {
                "description": "OK",
                "headers": _refs(_ON_ALL),
                "content": {JSON: {"schema": schemas.of(Me)}},
            },
            **_refused(_statuses(Unauthenticated)),
        },
        "security": _security(Entry.PROJECT),
    }


def _open(name: str, summary: str, kind: str) -> Json:
    schema: Json = {"type": "object"} if kind == JSON else _TEXT
    return {
        "operationId": name,
        "tags": ["Description"],
        "summary": summary,
        "responses": {
            "200": {"description": "OK", "content": {kind: {"schema": schema}}},
            "429": {"$ref": "#/components/responses/429"},
        },
        "security": [],
    }


def text() -> str:
    """The document as the file holds it."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text())
