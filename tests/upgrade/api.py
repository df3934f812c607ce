"""The REST API of a stack, blocking: quicker than a command for each question."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

from tests.support.stack import RunningStack


class Api:
    """Asks in the name of the administrator, or of whose bearer is given."""

    def __init__(self, stack: RunningStack, bearer: str = "") -> None:
        self._root = stack.api
        self._bearer = bearer
        if not bearer:
            who = {"user": "admin", "password": stack.password}
            self._bearer = self.post("/login", **who)["ticket"]

    def get(self, path: str, **query: Any) -> Any:
        """What is there."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, **body: Any) -> Any:
        """What comes of it."""
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._bearer:
            headers["Authorization"] = f"Bearer {self._bearer}"
        asked = urllib.request.Request(  # noqa: S310 -- our own address
            self._root + path,
            None if body is None else json.dumps(body).encode(),
            headers,
            method=method,
        )
        try:
            with urllib.request.urlopen(asked, timeout=120) as answer:  # noqa: S310
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode()
            raise AssertionError(f"{method} {path}: {error.code} {said}") from None
