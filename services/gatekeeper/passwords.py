"""Signs people in: asks the backend about a password, and slows down who guesses.

The secret of a program's key is none that can be guessed: nobody has to wait for that,
and so nobody can make a program wait.
"""

from twisted.internet.interfaces import IReactorTime

from heddle.contract.accounts import API_KEY_PREFIX
from heddle.contract.declare import SYSTEM_REALM, FleetError, Role
from heddle.contract.gate import LoginUnavailable
from heddle.contract.people import CHECK_PASSWORD, CheckPassword, LoginRefused
from heddle.wamp.session import CallTimedOut, ConnectionLost, NotServed, Session
from services.gatekeeper.admission import Admission
from services.gatekeeper.throttle import Throttle

FREE_TRIES_PER_USER, FREE_TRIES_PER_PEER = 5, 20
ANSWER_WITHIN_S = 8.0
_LONGEST = 1024


class Passwords:
    """Wrong passwords are counted per user and per peer address, in memory."""

    def __init__(self, session: Session, clock: IReactorTime) -> None:
        self._session = session
        self._clock = clock
        self._users = Throttle(FREE_TRIES_PER_USER)
        self._peers = Throttle(FREE_TRIES_PER_PEER)

    async def check(self, user: str | None, password: str, peer: str) -> Admission:
        """Raises ``LoginRefused``, ``TooManyAttempts`` or ``LoginUnavailable``."""
        if not user or max(len(user), len(password)) > _LONGEST:
            raise LoginRefused("user or password is wrong")
        guessable = not user.startswith(API_KEY_PREFIX)
        if guessable:
            now_s = self._clock.seconds()
            self._users.attempt(user, now_s)
            self._peers.attempt(peer, now_s)
        try:
            known_as = await self._ask(CheckPassword(user=user, password=password))
        except LoginRefused:
            raise LoginRefused("user or password is wrong") from None
        except FleetError as error:
            if guessable:
                self._users.undo(user)
                self._peers.undo(peer)
            raise _unavailable(error) from None
        if guessable:
            self._users.forgive(user)
            self._peers.undo(peer)
        return Admission(SYSTEM_REALM, Role.PERSON, known_as)

    async def _ask(self, question: CheckPassword) -> str:
        """Ask a backend; another one if that leaves before it has answered."""
        try:
            reply = await self._session.call(
                CHECK_PASSWORD, question, timeout_s=ANSWER_WITHIN_S
            )
        except NotServed:
            reply = await self._session.call(
                CHECK_PASSWORD, question, timeout_s=ANSWER_WITHIN_S
            )
        return reply.user


def _unavailable(error: FleetError) -> FleetError:
    if isinstance(error, NotServed | ConnectionLost | CallTimedOut):
        return LoginUnavailable(
            "the backend, which checks passwords, does not answer now: "
            "try again in a moment"
        )
    return error
