"""What a target of notices must look like to be told anything."""

from urllib.parse import urlsplit

from heddle.contract.alarm_notices import NoticeTarget
from heddle.contract.declare import InvalidRequest, check_id
from services.fleetdata.words import check_word

MOST_ADDRESSES = 20
MAX_URL = 2_000


def check_target(target: NoticeTarget, can_mail: bool) -> None:
    """Raises ``InvalidRequest`` and ``InvalidId``, naming the target."""
    check_id("target", target.target)
    if target.device is not None:
        check_id("device", target.device)
    if (target.url is None) is not bool(target.mail):
        raise InvalidRequest(f"{target.target}: give either url or mail")
    if target.secret is not None:
        check_word("secret", target.secret, 500)
        if target.url is None:
            raise InvalidRequest(f"{target.target}: a secret is for a webhook")
    if target.url is not None:
        _check_url(target.target, target.url)
    elif not can_mail:
        raise InvalidRequest(
            f"{target.target}: no mail server is set, see FLEETDATA_MAIL_SERVER"
        )
    _check_addresses(target)


def _check_url(name: str, url: str) -> None:
    check_word("url", url, MAX_URL)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isascii():
        raise InvalidRequest(f"{name}: url {url!r} is no http or https address")


def _check_addresses(target: NoticeTarget) -> None:
    if len(target.mail) > MOST_ADDRESSES:
        raise InvalidRequest(f"{target.target}: at most {MOST_ADDRESSES} addresses")
    for address in target.mail:
        check_word("mail", address, 200)
        at = address.partition("@")
        if not (at[0] and at[2] and address.isascii()) or set(address) & set(" <>,;"):
            raise InvalidRequest(f"{target.target}: {address!r} is no mail address")
