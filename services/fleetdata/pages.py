"""The token of a page: where the next one begins, opaque to whoever carries it.

It names the question it belongs to, and is checked like anything else from outside.
"""

from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta

from heddle.contract.declare import InvalidRequest
from heddle.contract.history import HistoryQuery
from services.fleetdata.store.raw import Place

MAX_TOKEN = 1000
_AT_MOST = 2**62

_Number = Annotated[int, Meta(ge=0, le=_AT_MOST)]
_Id = Annotated[int, Meta(ge=0, lt=2**31)]
_Quality = Annotated[int, Meta(ge=0, le=2)]
_Token = tuple[str, bool, _Id, _Number, float | str | None, _Quality, _Number]


def token(query: HistoryQuery, place: Place) -> str:
    """The token of the page after ``place``."""
    told = (
        _question(query),
        place.textual,
        place.tag_id,
        place.at_us,
        place.key,
        place.quality,
        place.same,
    )
    return urlsafe_b64encode(msgspec.json.encode(told)).decode()


def place_of(query: HistoryQuery) -> Place | None:
    """Where the page asked for begins; None: at the first. Raises
    ``InvalidRequest``.
    """
    if not query.page:
        return None
    try:
        packed = b64decode(query.page[:MAX_TOKEN].encode("ascii"), b"-_", validate=True)
        asked, *rest = msgspec.json.decode(packed, type=_Token)
    except ValueError:
        raise InvalidRequest(
            'page is no `next_page` of an answer: begin again with ""'
        ) from None
    place = Place(*rest)
    if asked != _question(query) or place.textual != isinstance(place.key, str):
        raise InvalidRequest(
            "page belongs to another question: keep device, tags and range "
            'from page to page, or begin again with ""'
        )
    return place


def _question(query: HistoryQuery) -> str:
    asked = query.device, query.tags, query.from_ms, query.to_ms
    return sha256(msgspec.json.encode(asked)).hexdigest()[:16]
