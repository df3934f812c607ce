"""Every route of the REST API, asked by every role and by nobody.

What the contract does not allow is refused before anybody serves it.

No backend is there: what is allowed gets as far as finding nobody to answer.
"""

import jwt
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet import reactor

from heddle.contract.declare import Role
from services.gateway.route import Entry, Precondition, Route, body_type, query_type
from services.gateway.table import ROUTES
from tests.exam.attempts import OWN
from tests.exam.samples import sample
from tests.integration.test_isolation_exam import PEOPLE
from tests.support.figures import tell
from tests.support.rest import Reply, Rest, running_gateway
from tests.support.router import InProcRouter

REFUSED = {401, 403}
UNHURRIED = {
    "rate_per_minute": 100_000,
    "rate_burst": 100_000,
    "strangers_per_minute": 100_000,
    "wrong_per_minute": 100_000,
}


def wanted(route: Route) -> tuple[str, object]:
    """Path with query, and body, that are as they should be."""
    path = route.full_path
    for part in path.split("/"):
        if part.startswith("{"):
            name = part[1:].partition("}")[0]
            path = path.replace("{" + name + "}", OWN if name == "device" else "1")
    kind = query_type(route)
    asked = sample(kind) if kind else {}
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    body = sample(body_type(route)) if route.has_body else None
    return f"{path}?{query}" if query else path, body


async def ask(rest: Rest, route: Route) -> Reply:
    path, body = wanted(route)
    given = {} if route.precondition is Precondition.NONE else {"if_match": '"1"'}
    return await rest.ask(route.method, path, body, **given)


@pytest_twisted.ensureDeferred
async def test_no_route_is_wider_than_its_procedure(
    router: InProcRouter, capsys
) -> None:
    routes = [one for one in ROUTES if one.entry is Entry.PROJECT]
    tried = 0
    flaws: list[str] = []
    async with (
        router.backend(projects=("plant", "other")) as backend,
        running_gateway(reactor, router.url, **UNHURRIED) as rest,
    ):
        await backend.device("plant", OWN)

        async def examine(who: str, bearer: str, allowed: frozenset[Role] | Role):
            nonlocal tried
            rest.bearer = bearer
            for route in routes:
                reply = await ask(rest, route)
                tried += 1
                fits = isinstance(allowed, Role) and (
                    allowed in route.procedure.called_by
                )
                if (reply.status not in REFUSED) is not fits or reply.status == 500:
                    flaws.append(f"{who}: {route.name}: {reply.status} {reply.body!r}")
                elif fits and reply.status == 400:
                    flaws.append(f"{who}: {route.name}: not examined: {reply.body!r}")

        for role in PEOPLE:
            for project in ("plant", "other"):
                name = f"{role}_of_{project}"
                ticket = backend.ticket(name, project, role, valid_s=3600).ticket
                await examine(name, ticket, role)
        nobody: frozenset[Role] = frozenset()
        for who, bearer in strangers(backend.ticket("mia", "plant", Role.OWNER).ticket):
            await examine(who, bearer, nobody)
    tell(capsys, f"isolation exam: {tried} attempts over REST, {len(routes)} routes")
    assert flaws[:20] == []


def strangers(good: str) -> list[tuple[str, str]]:
    """Credentials that are none."""
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA")
    header, body, signature = good.split(".")
    other = jwt.encode({**claims, "project": "other"}, "x" * 32, algorithm="HS256")
    return [
        ("nobody", ""),
        ("a forger", forged),
        ("another algorithm", other),
        ("no signature", f"{header}.{body}."),
        ("another body", f"{header}.{other.split('.')[1]}.{signature}"),
        ("no key", "hdl_nokey_" + "a" * 43),
    ]
