"""Commands given twice: a repeat with the same key gets the same answer.

Who is first with a key carries the command out, whichever replica that is; a repeat
waits for the answer. If none comes, for its replica was killed, the repeat takes over.
Answers are kept for a day.
"""

import hashlib
from typing import NamedTuple, TypeAlias

import msgspec

from heddle.contract.declare import InvalidRequest
from heddle.contract.fleet import FleetCommand, FleetResults
from services.backend.store import fleet_commands
from services.backend.store.database import Connection
from services.backend.store.fleet_commands import Name
from services.backend.times import unix_ms

GRACE_S = 5.0  # after the deadline, for the answer to be written down


class Mine(NamedTuple):
    """It is ours to carry out."""

    name: Name
    attempt: int
    begun_at_ms: int  # of the first attempt


class Elsewhere(NamedTuple):
    """Another replica, or another call, is carrying it out."""


Claim: TypeAlias = Mine | Elsewhere | FleetResults


def claim(connection: Connection, name: Name, request: FleetCommand) -> Claim:
    """Begin a command with a key, or learn what became of it.

    Raises ``InvalidRequest`` if the key was used for another command.
    """
    fleet_commands.forget_old(connection)
    due_in_s = request.within_ms / 1000 + GRACE_S
    inserted = fleet_commands.insert(connection, name, fingerprint(request), due_in_s)
    row = fleet_commands.lock(connection, name)
    if row is None:  # it was a day old, and has just been deleted
        return Elsewhere()
    if row.fingerprint != fingerprint(request):
        raise InvalidRequest(
            f"key {name.key!r} was used for another command today: take a new one"
        )
    if row.answer is not None:
        return msgspec.convert(row.answer, FleetResults)
    if inserted:
        return Mine(name, row.attempt, unix_ms(row.begun_at))
    if row.overdue:
        fleet_commands.take_over(connection, name, due_in_s)
        return Mine(name, row.attempt + 1, unix_ms(row.begun_at))
    return Elsewhere()


def keep(connection: Connection, mine: Mine, results: FleetResults) -> None:
    """Keep the answer for whoever asks again."""
    told = msgspec.to_builtins(results)
    fleet_commands.answer(connection, mine.name, mine.attempt, told)


def run_id(mine: Mine, device: str) -> str:
    """The id of the run a command starts on a device, the same at each attempt."""
    what = "\0".join((*mine.name, device)).encode()
    return f"run_{mine.begun_at_ms:012x}{hashlib.sha256(what).hexdigest()[:6]}"


def fingerprint(request: FleetCommand) -> str:
    """What tells one command from another."""
    return hashlib.sha256(msgspec.json.encode(request)).hexdigest()
