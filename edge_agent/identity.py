"""Who this device is: its key, and the project that took it in.

The key is made here and never leaves. A one-time code makes it a device's key, once;
what came of it is kept in ``DATA/enrolled.json``, and the code is not needed again.

A key that shall replace it lies beside it, ``device.key.next``, until it has: if the
backend took it and its answer was lost, the old key is refused, and the next one opens.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from nacl.signing import SigningKey
from twisted.internet.task import deferLater
from twisted.logger import Logger

from edge_agent.config import Config
from heddle.backoff import backoff_s
from heddle.contract.declare import SYSTEM_REALM, FleetError, LocalError
from heddle.contract.devices import (
    REDEEM_CODE,
    CodeExpired,
    CodeUnknown,
    CodeUsed,
    Enrolled,
    RedeemCode,
)
from heddle.files import write_whole
from heddle.tls.trust import trust_of
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.keys import load_or_make_key, public_hex
from heddle.wamp.process import ConfigError, read_secret

log = Logger()

FIRST_RETRY_S, MAX_RETRY_S = 0.5, 10.0
FOR_GOOD = (CodeUnknown, CodeUsed, CodeExpired)


class EnrolmentRefused(LocalError):
    """The code is no good, and trying again will not mend that."""

    exit_code = 3


class Identity:
    """The device's key and, once enrolled, its place."""

    def __init__(self, data: Path) -> None:
        """Raises ``BadKeyFile``, or ``ConfigError`` for a broken ``enrolled.json``."""
        self._file = data / "enrolled.json"
        self._key_file = data / "device.key"
        self._next_file = data / "device.key.next"
        try:
            self.key: SigningKey = load_or_make_key(self._key_file)
        except OSError as error:
            raise ConfigError(
                f"the agent cannot keep its key in {data}: {error.strerror}; "
                "AGENT_DATA must be a directory it may write"
            ) from None
        self.enrolled = self._read()
        self._tries_next = False

    def credentials(self) -> KeyCredentials:
        """What to join with this time."""
        return KeyCredentials(self.next_key() if self._tries_next else self.key)

    def refused(self) -> None:
        """The key was refused: if another may be the one, it is that one's turn."""
        self._tries_next = not self._tries_next and self._next_file.exists()

    def joined(self) -> None:
        """The key opened."""
        if self._tries_next:
            self.take_next()

    def next_key(self) -> SigningKey:
        """The key that shall replace the present one; made when first asked for.

        Raises ``BadKeyFile``.
        """
        return load_or_make_key(self._next_file)

    def take_next(self) -> None:
        """The backend has the next key: it is the present one now."""
        self.key = self.next_key()
        self._next_file.replace(self._key_file)
        self._tries_next = False

    @property
    def release_key(self) -> str:
        """The project's public key for releases, as pinned; empty until it is known."""
        return "" if self.enrolled is None else self.enrolled.release_key

    def pin(self, release_key: str) -> bool:
        """The backend tells the project's key: the first one stays for good. Whether
        it is the one that was pinned.
        """
        if not release_key or self.enrolled is None:
            return True
        if not self.enrolled.release_key:
            enrolled = replace(self.enrolled, release_key=release_key)
            write_whole(self._file, msgspec.json.encode(enrolled))
            self.enrolled = enrolled
            log.info("the project's key for releases is {key}", key=release_key[:16])
        return release_key == self.enrolled.release_key

    def forget(self) -> None:
        """Be nobody: no key, no project."""
        self.enrolled = None
        for file in (self._next_file, self._key_file, self._file):
            file.unlink(missing_ok=True)

    def _read(self) -> Enrolled | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Enrolled)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as flaw:
            raise ConfigError(
                f"{self._file} is unreadable ({flaw}); delete it to enrol again"
            ) from None

    async def enrol(self, reactor: Any, config: Config) -> Enrolled:
        """Redeem the code, however long the router and the backend take to answer.

        Raises ``EnrolmentRefused`` where waiting would be in vain.
        """
        if self.enrolled is not None:
            return self.enrolled
        tries, last_told = 0, ""
        while True:
            try:
                enrolled = await self._redeem(reactor, config)
                break
            except FOR_GOOD as refusal:
                raise EnrolmentRefused(
                    f"the device is not enrolled: {refusal}; "
                    "make a new code and set AGENT_CODE or AGENT_CODE_FILE"
                ) from None
            except FleetError as error:
                if isinstance(error, EnrolmentRefused):
                    raise
                if str(error) != last_told:
                    last_told = str(error)
                    log.warn("not enrolled yet: {why}; trying again", why=last_told)
            await deferLater(reactor, backoff_s(FIRST_RETRY_S, tries, MAX_RETRY_S))
            tries += 1
        write_whole(self._file, msgspec.json.encode(enrolled))
        self.enrolled = enrolled
        log.info(
            "enrolled as {device} in project {project}, key {key}",
            device=enrolled.device,
            project=enrolled.project,
            key=public_hex(self.key)[:16],
        )
        return enrolled

    async def _redeem(self, reactor: Any, config: Config) -> Enrolled:
        code, trust = _code(config), trust_of(config)
        credentials = KeyCredentials(self.key)
        async with Joined(
            reactor, config.router_url, SYSTEM_REALM, credentials, trust
        ) as session:
            return await session.call(REDEEM_CODE, RedeemCode(code=code))


def _code(config: Config) -> str:
    if config.code:
        return config.code.strip()
    if config.code_file is None:
        raise EnrolmentRefused(
            "the device is not enrolled and has no code: make one "
            "(`heddle device add`) and set AGENT_CODE or AGENT_CODE_FILE"
        )
    return read_secret(config.code_file).strip()  # it may come a moment later
