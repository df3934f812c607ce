"""Passwords: argon2id on threads of its own, at the same cost for unknown names."""

from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from heddle.contract.accounts import PasswordWeak
from heddle.contract.declare import InvalidRequest
from heddle.wamp.blocking import Blocking

SHORTEST, LONGEST = 8, 1024
FEWEST_DIFFERENT = 5
_THREADS = 2  # each hash takes 64 MiB while it runs


class Passwords:
    """Makes and verifies hashes (PHC strings)."""

    def __init__(self, reactor: Any, hasher: PasswordHasher | None = None) -> None:
        self._blocking = Blocking(reactor, "passwords", _THREADS)
        self._hasher = hasher or PasswordHasher()
        self._nobodys = self._hasher.hash("nobody has this password")

    def start(self) -> None:
        """Start the threads."""
        self._blocking.start()

    def stop(self) -> None:
        """Wait for hashes under way."""
        self._blocking.stop()

    async def hash(self, password: str) -> str:
        """Hash a new password; raises ``InvalidRequest`` if it is too short."""
        check_password(password)
        return await self.rehash(password)

    async def rehash(self, password: str) -> str:
        """Hash a password that was accepted before."""
        return await self._blocking(self._hasher.hash, _bytes(password))

    async def verify(self, known: str | None, password: str) -> bool:
        """Whether the password is right; takes as long for nobody (``None``)."""
        right = await self._blocking(self._verify, known or self._nobodys, password)
        return right and known is not None

    def outdated(self, known: str) -> bool:
        """Whether a hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(known)

    def _verify(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, _bytes(password))
        except VerificationError:
            return False


def check_password(password: str) -> None:
    """Refuse what is too short to be a password, or absurdly long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidRequest(
            f"a password has {SHORTEST} to {LONGEST} characters; this one has "
            f"{len(password)}"
        )


def check_strength(user: str, password: str, old: str | None = None) -> None:
    """Refuse a new password that is easy to guess; raises ``PasswordWeak``."""
    try:
        check_password(password)
    except InvalidRequest as flaw:
        raise PasswordWeak(str(flaw)) from None
    if password == old:
        raise PasswordWeak("the new password is the old one")
    if len(set(password)) < FEWEST_DIFFERENT:
        raise PasswordWeak(
            f"a password has {FEWEST_DIFFERENT} different characters at least"
        )
    if user in password.lower() and len(password) < len(user) + SHORTEST // 2:
        raise PasswordWeak("the new password is hardly more than the user's name")


def _bytes(password: str) -> bytes:
    return password.encode(errors="surrogatepass")  # whatever JSON may carry
