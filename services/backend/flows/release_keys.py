"""Every project's key for releases: made once, its private half kept sealed.

The seal is a key derived from the backend's own and the project's id, so the database
alone signs nothing, and no project's key can be passed off as another's.
"""

from nacl.encoding import RawEncoder
from nacl.exceptions import CryptoError
from nacl.hash import blake2b
from nacl.secret import SecretBox
from nacl.signing import SigningKey

from heddle.contract.declare import LocalError
from heddle.wamp.keys import public_hex
from services.backend.store import releases
from services.backend.store.database import Connection, Database
from services.backend.store.releases import KeyRow

_PERSON = b"heddle releases"  # 16 bytes at most


class SealBroken(LocalError):
    """A project's key cannot be opened with this backend's key."""


class ReleaseKeys:
    """Makes and opens projects' keys; backends with one key file share them."""

    def __init__(self, database: Database, own: SigningKey) -> None:
        self._database = database
        self._own = own
        self._public: dict[str, str] = {}  # they never change

    async def public(self, project: str) -> str:
        """A project's public key, 64 hex digits."""
        if (known := self._public.get(project)) is not None:
            return known
        row = await self._database(self._row, project)
        return self._public.setdefault(project, row.public_key)

    def signing(self, connection: Connection, project: str) -> SigningKey:
        """A project's private key. Raises ``SealBroken``."""
        row = self._row(connection, project)
        try:
            key = SigningKey(self._box(project).decrypt(row.sealed))
        except CryptoError:
            raise SealBroken(
                f"the release key of project {project} was sealed under another key "
                "than that of BACKEND_KEY_FILE: give the backend its former key file"
            ) from None
        if public_hex(key) != row.public_key:
            raise SealBroken(f"the release key of project {project} is not its own")
        return key

    def _row(self, connection: Connection, project: str) -> KeyRow:
        known = releases.key_of(connection, project)
        if known is not None:
            return known
        fresh = SigningKey.generate()
        sealed = self._box(project).encrypt(fresh.encode())
        releases.keep_key(connection, project, KeyRow(public_hex(fresh), sealed))
        kept = releases.key_of(connection, project)  # another's, if it was quicker
        assert kept is not None  # noqa: S101 -- there is one now
        return kept

    def _box(self, project: str) -> SecretBox:
        return SecretBox(
            blake2b(
                project.encode(),
                key=self._own.encode(),
                person=_PERSON,
                encoder=RawEncoder,
            )
        )
