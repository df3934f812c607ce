"""Dashboards, and the tags to choose from."""

from typing import Any

from heddle.contract.dashboards import (
    DELETE_DASHBOARD,
    FIND_TAGS,
    GET_DASHBOARD,
    LIST_DASHBOARDS,
    SAVE_DASHBOARD,
    Dashboard,
)
from services.gateway.route import Pages, Precondition, Route

_TAG = "Dashboards"


def _etag(found: Dashboard) -> str:
    return f'"{found.revision}"'


_EXAMPLE: dict[str, Any] = {
    "title": "Press shop",
    "span_ms": 3_600_000,
    "panels": [
        {
            "panel": "oil",
            "kind": "chart",
            "x": 0,
            "y": 0,
            "w": 8,
            "h": 4,
            "title": "Oil",
            "series": [{"tag": "oil.temperature", "labels": "site=graz"}],
        },
        {"panel": "alarms", "kind": "alarms", "x": 8, "y": 0, "w": 4, "h": 4},
    ],
}

DASHBOARDS: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/dashboards",
        procedure=LIST_DASHBOARDS,
        tag=_TAG,
        names={"most": "limit"},
        pages=Pages("dashboards", "dashboard"),
    ),
    Route(
        method="GET",
        path="/dashboards/{dashboard}",
        procedure=GET_DASHBOARD,
        tag=_TAG,
        etag=_etag,
    ),
    Route(
        method="PUT",
        path="/dashboards/{dashboard}",
        procedure=SAVE_DASHBOARD,
        tag=_TAG,
        note="With `If-Match`, only if nobody changed it since.",
        precondition=Precondition.HEEDED,
        etag=_etag,
        example=_EXAMPLE,
    ),
    Route(
        method="DELETE",
        path="/dashboards/{dashboard}",
        procedure=DELETE_DASHBOARD,
        tag=_TAG,
        precondition=Precondition.HEEDED,
    ),
    Route(
        method="GET",
        path="/tags",
        procedure=FIND_TAGS,
        tag=_TAG,
        names={"most": "limit"},
        pages=Pages("tags", "tag"),
    ),
)
