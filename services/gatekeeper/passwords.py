"""Signs people in: asks the backend about a password, and slows down who guesses.

The secret of a program's key is none that can be guessed: nobody has to wait for that,
and so nobody can make a program wait. Nor a person: where they have signed in before,
their attempts are counted apart from those that strangers make in their name.
"""

from collections import OrderedDict

from twisted.internet.interfaces import IReactorTime

from heddle.contract.accounts import API_KEY_PREFIX
from heddle.contract.declare import SYSTEM_REALM, FleetError, Role
from heddle.contract.gate import LoginUnavailable
from heddle.contract.people import CHECK_PASSWORD, CheckPassword, LoginRefused
from heddle.wamp.session import CallTimedOut, ConnectionLost, NotServed, Session
from services.gatekeeper.admission import Admission
from services.gatekeeper.throttle import Throttle, place_of

FREE_TRIES_PER_USER, FREE_TRIES_PER_PEER = 5, 20
ANSWER_WITHIN_S = 8.0
_LONGEST = 1024
_MOST_FAMILIAR = 10_000
MOST_AT_ONCE = 100  # the backend verifies some forty a second


class Passwords:
    """Wrong passwords are counted per user and per peer address, in memory."""

    def __init__(self, session: Session, clock: IReactorTime) -> None:
        self._session = session
        self._clock = clock
        self._users = Throttle(FREE_TRIES_PER_USER)
        self._peers = Throttle(FREE_TRIES_PER_PEER)
        self._familiar: OrderedDict[str, None] = OrderedDict()
        self._asking = 0

    async def check(self, user: str | None, password: str, peer: str) -> Admission:
        """Raises ``LoginRefused``, ``TooManyAttempts`` or ``LoginUnavailable``."""
        if not user or max(len(user), len(password)) > _LONGEST:
            raise LoginRefused("user or password is wrong")
        question = CheckPassword(user=user, password=password)
        if user.startswith(API_KEY_PREFIX):
            known_as = await self._checked(question)
        else:
            known_as = await self._slowed_down(question, place_of(peer))
        return Admission(SYSTEM_REALM, Role.PERSON, known_as)

    async def _slowed_down(self, question: CheckPassword, peer: str) -> str:
        """Check a password that somebody may be guessing."""
        here = f"{question.user}\n{peer}"
        is_familiar = here in self._familiar
        if self._asking >= MOST_AT_ONCE and not is_familiar:
            raise LoginUnavailable(
                "too many people sign in at this moment: try again in a moment"
            )
        counted = here if is_familiar else question.user
        now_s = self._clock.seconds()
        self._users.attempt(counted, now_s)
        self._peers.attempt(peer, now_s)
        try:
            known_as = await self._checked(question)
        except LoginRefused:
            raise
        except FleetError:
            self._users.undo(counted)
            self._peers.undo(peer)
            raise
        self._users.forgive(counted)
        self._peers.undo(peer)
        self._remember(here)
        return known_as

    async def _checked(self, question: CheckPassword) -> str:
        """Who it is; tells of what is wrong no more than somebody outside may know."""
        self._asking += 1
        try:
            return await self._ask(question)
        except LoginRefused:
            raise LoginRefused("user or password is wrong") from None
        except FleetError as error:
            raise _unavailable(error) from None
        finally:
            self._asking -= 1

    def _remember(self, here: str) -> None:
        self._familiar[here] = None
        self._familiar.move_to_end(here)
        if len(self._familiar) > _MOST_FAMILIAR:
            self._familiar.popitem(last=False)

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
