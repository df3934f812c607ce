"""Answers, ready to be sent: JSON, or a problem, with their headers."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

import msgspec

from heddle.contract.declare import FleetError
from services.gateway.idempotency import Said
from services.gateway.problems import PROBLEM, Problem, problem
from services.gateway.route import Pages

JSON = "application/json"


def json_said(
    body: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Said:
    """A body as JSON."""
    found = {"content-type": JSON, **(headers or {})}
    return Said(status, found, msgspec.json.encode(body))


def refused(error: FleetError, path: str, request_id: str) -> Said:
    """An error, and what its status wants told in headers."""
    told = problem(error, path, request_id)
    headers = {"content-type": PROBLEM}
    if told.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="heddle"'
    if isinstance(allow := error.details.get("allow"), str):
        headers["allow"] = allow
    if isinstance(retry := error.details.get("retry_in_s"), int | float):
        headers["retry-after"] = str(max(1, round(retry)))
    return problem_said(told, headers)


def problem_said(told: Problem, headers: Mapping[str, str] | None = None) -> Said:
    """A problem as JSON."""
    found = headers or {"content-type": PROBLEM}
    return Said(told.status, found, msgspec.json.encode(told))


def next_page(
    pages: Pages, body: object, path: str, query: Mapping[str, list[str]]
) -> str | None:
    """The Link header to what comes after this page, if there is more."""
    items = getattr(body, pages.items) or ()
    more = getattr(body, "more", False) or getattr(body, "more_targets", False)
    if not (items and more):
        return None
    after = {pages.parameter: [str(getattr(items[-1], pages.key))]}
    return f'<{path}?{urlencode({**query, **after}, doseq=True)}>; rel="next"'
