"""Session tickets: JWTs signed with an ed25519 key, checked by the gatekeeper."""

from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.signing import SigningKey

from heddle.contract.declare import Role, project_realm
from heddle.contract.people import SessionTicket
from heddle.wamp.keys import public_hex

AUDIENCE = "heddle"


@dataclass(frozen=True, slots=True)
class Tickets:
    """Signs tickets that are good for ``valid_s`` seconds."""

    key: SigningKey
    valid_s: int

    @property
    def public_key(self) -> str:
        """The half that verifies, 64 hex digits."""
        return public_hex(self.key)

    def issue(
        self, user: str, project: str, role: Role, session: str, expires_s: int
    ) -> SessionTicket:
        """A ticket for somebody's session to join a project's realm."""
        claims = {
            "aud": AUDIENCE,
            "sub": user,
            "project": project,
            "role": role.value,
            "sid": session,
            "exp": expires_s,
        }
        key = Ed25519PrivateKey.from_private_bytes(self.key.encode())
        return SessionTicket(
            user=user,
            project=project,
            realm=project_realm(project),
            role=role,
            ticket=jwt.encode(claims, key, algorithm="EdDSA"),
            expires_at_ms=expires_s * 1000,
            session=session,
        )
