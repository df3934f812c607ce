"""Makes a device of a key, with an owner's session, at any running router."""

from typing import Any

from nacl.signing import SigningKey

from heddle.contract.declare import SYSTEM_REALM
from heddle.contract.devices import CREATE_CODE, REDEEM_CODE, CreateCode, RedeemCode
from heddle.wamp.joining import Joined, KeyCredentials
from heddle.wamp.session import Session


async def enrolled(reactor: Any, url: str, owner: Session, device: str) -> SigningKey:
    """The new device's key."""
    key = SigningKey.generate()
    made = await owner.call(CREATE_CODE, CreateCode(device=device))
    async with Joined(reactor, url, SYSTEM_REALM, KeyCredentials(key)) as session:
        await session.call(REDEEM_CODE, RedeemCode(code=made.code))
    return key
