"""Session tickets are JWTs as the contract tells."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.signing import SigningKey

from heddle.contract.declare import Role
from services.backend.accounts.tickets import Tickets

TICKETS = Tickets(SigningKey(b"t" * 32), valid_s=900)
END_S = 4_000_000_900  # in 2096: the library looks at the real clock


def test_a_ticket_has_the_declared_claims() -> None:
    made = TICKETS.issue("vera", "plant", Role.OPERATOR, "5e55", END_S)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(TICKETS.public_key))
    claims = jwt.decode(
        made.ticket,
        key,
        algorithms=["EdDSA"],
        audience="heddle",
    )
    assert claims == {
        "aud": "heddle",
        "sub": "vera",
        "project": "plant",
        "role": "operator",
        "sid": "5e55",
        "exp": 4_000_000_900,
    }
    assert (made.realm, made.expires_at_ms, made.session) == (
        "project_plant",
        4_000_000_900_000,
        "5e55",
    )


def test_another_key_does_not_verify_it() -> None:
    made = TICKETS.issue("vera", "plant", Role.OPERATOR, "5e55", END_S)
    other = SigningKey(b"o" * 32).verify_key.encode()
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(
            made.ticket,
            Ed25519PublicKey.from_public_bytes(other),
            algorithms=["EdDSA"],
            audience="heddle",
        )
