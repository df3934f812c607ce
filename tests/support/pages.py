"""The places of the page, as its own table has them (``src/app/routes.ts``)."""

import re
from collections.abc import Mapping

from tests.support.stack import ROOT

ROUTES = ROOT / "services/web/src/app/routes.ts"


def routes() -> list[str]:
    """All of them, such as ``devices/:device``."""
    found = re.findall(r'path: "([^"]+)", page: page', ROUTES.read_text())
    assert found, f"{ROUTES} is written in another way"
    return found


def place(route: str, ids: Mapping[str, str]) -> str:
    """The place in an address, without the ``#/``."""
    return re.sub(r":(\w+)", lambda name: ids[name[1]], route)
