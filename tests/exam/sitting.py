"""A session that sits the exam: says everything, and takes down what came of it.

Messages are WAMP's own, said by hand, many at a time. What the router answers with a
refusal is a refusal; whatever else it answers is a success, and says who served it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from tests.exam.attempts import Attempt
from tests.support.rawwamp import (
    AUTHENTICATE,
    CHALLENGE,
    ERROR,
    INVOCATION,
    PUBLISH,
    PUBLISHED,
    REGISTER,
    REGISTERED,
    RESULT,
    SUBSCRIBED,
    WELCOME,
    WITHIN_S,
    YIELD,
    RawWamp,
)

AT_A_TIME = 100
UNSUBSCRIBE, UNREGISTER = 34, 66
REFUSED = ("wamp.error.not_authorized", "wamp.error.authorization_failed")
INVALID = "wamp.error.invalid_uri"
TAKEN = (
    "wamp.error.procedure_already_exists",
    "wamp.error.procedure_exists_with_different_invocation_policy",
)
"""Said before anybody asks whether it were allowed: neither let in nor refused."""
_ANSWERS = (ERROR, RESULT, REGISTERED, PUBLISHED, SUBSCRIBED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    attempt: Attempt
    let_in: bool
    said: str  # the error's URI, or who answered


class Sitting:
    """One joined session."""

    def __init__(self, raw: RawWamp, name: str) -> None:
        self._raw = raw
        self.name = name
        self._request = 0
        self._waiting: dict[int, Deferred[list[Any]]] = {}
        self.is_over = False
        self.ended: Deferred[None] = Deferred.fromCoroutine(self._listen())

    async def _listen(self) -> None:
        while message := await self._raw._queue.get():
            kind = message[0]
            if kind == INVOCATION:
                self._raw.say(YIELD, message[1], {}, [self.name])
            elif kind in _ANSWERS:
                number = message[2] if kind == ERROR else message[1]
                waiting = self._waiting.pop(number, None)
                if waiting is not None:
                    waiting.callback(message)
        self.is_over = True
        for waiting in self._waiting.values():
            waiting.callback([])

    def ask(
        self, kind: int, options: dict[str, Any], *rest: Any
    ) -> Deferred[list[Any]]:
        """Say it; the answer."""
        self._request += 1
        self._waiting[self._request] = answer = Deferred()
        self._raw.say(kind, self._request, options, *rest)
        return answer

    async def serve(self, uris: Iterable[str]) -> None:
        """Serve, answering with one's own name; a procedure may have one already."""
        for uri in uris:
            await self.ask(REGISTER, {"invoke": "roundrobin"}, uri)

    async def sit(self, attempts: Iterable[Attempt]) -> list[Outcome]:
        """Try all."""
        outcomes: list[Outcome] = []
        batch: list[Attempt] = []
        for attempt in attempts:
            batch.append(attempt)
            if len(batch) == AT_A_TIME:
                outcomes += await self._together(batch)
                batch = []
        return outcomes + await self._together(batch)

    async def _together(self, batch: list[Attempt]) -> list[Outcome]:
        asked = [(attempt, self._try(attempt)) for attempt in batch]
        return [await self._outcome(one, await self._got(one, a)) for one, a in asked]

    async def _got(self, attempt: Attempt, answer: Deferred[list[Any]]) -> list[Any]:
        try:
            return await answer.addTimeout(WITHIN_S, self._raw._reactor)
        except TimeoutError:
            raise AssertionError(f"{self.name}: no answer to {attempt}") from None

    def _try(self, attempt: Attempt) -> Deferred[list[Any]]:
        options = dict(attempt.options)
        if attempt.kind == PUBLISH:
            options["acknowledge"] = True
        return self.ask(attempt.kind, options, attempt.uri)

    async def _outcome(self, attempt: Attempt, answer: list[Any]) -> Outcome:
        assert answer, f"{self.name}: the router hung up at {attempt}"
        match answer:
            case [kind, _, _, _, error, *_] if kind == ERROR:
                if error in TAKEN:
                    return Outcome(attempt, attempt.allowed, error)
                return Outcome(attempt, error not in (*REFUSED, INVALID), error)
            case [kind, _, _, [str(name), *_], *_] if kind == RESULT:
                return Outcome(attempt, let_in=True, said=name)
            case [kind, _, number, *_] if kind in (REGISTERED, SUBSCRIBED):
                leave = UNREGISTER if kind == REGISTERED else UNSUBSCRIBE
                self._request += 1
                self._raw.say(leave, self._request, number)
                return Outcome(attempt, let_in=True, said="")
            case _:
                return Outcome(attempt, let_in=True, said="")

    async def leave(self) -> None:
        """Hang up."""
        self._raw.drop()
        await self.ended


async def with_ticket(raw: RawWamp, realm: str, user: str, ticket: str) -> None:
    """Join by a ticket."""
    raw.hello(realm, authmethods=["ticket"], authid=user)
    kind, *_ = await raw.receive()
    assert kind == CHALLENGE
    kind, *rest = await raw.ask(AUTHENTICATE, ticket, {})
    assert kind == WELCOME, rest
