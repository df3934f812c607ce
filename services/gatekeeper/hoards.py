"""How much one session may have going on in the router: each piece is kept in memory.

A call is kept until it is answered, and looked through by every later answer; a
subscription as long as the session. A page has dozens of both, the gateway's session of
one credential a few hundred calls. Services are not counted: they work for everybody.
"""

from typing import Any

from autobahn.wamp import message

from heddle.contract.declare import Role

MOST_CALLS, MOST_HEARD = 5_000, 10_000
_SERVICES = frozenset({Role.BACKEND, Role.FLEETDATA, Role.GATEKEEPER})


def hoards(session: Any, msg: message.Message) -> str | None:
    """What a session that says ``msg`` would have too much of."""
    router = session._router
    if router is None or session._authrole in _SERVICES:
        return None
    if isinstance(msg, message.Call):
        waiting = router._dealer._caller_to_invocations.get(session, ())
        if len(waiting) >= MOST_CALLS:
            return f"it waits for the answers to {MOST_CALLS:,} calls already"
    elif isinstance(msg, message.Subscribe):
        heard = router._broker._session_to_subscriptions.get(session, ())
        if len(heard) >= MOST_HEARD:
            return f"it has {MOST_HEARD:,} subscriptions already"
    return None
