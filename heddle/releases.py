"""Releases: a flow version frozen as canonical JSON and signed by its project.

The centre makes them, devices open them; what is opened is what was signed, by the
project the device belongs to. Anything else is ``ReleaseRefused``, with the reason.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import msgspec
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from heddle.contract.flows import ReleaseRefused, SignedRelease
from heddle.wamp.keys import public_hex

FORMAT = 1
PREFIX = b"heddle release v1\n"  # so that the signature is good for nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a release says, after it was verified."""

    project: str
    flow: str
    version: int
    definition: dict[str, Any]  # as its author wrote it, variables and all
    engine_image: str  # "": the device's own
    engine_memory_mb: int | None  # None: the device's own limit
    published_by: str
    published_at_ms: int
    content_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Engine:
    image: str
    memory_mb: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """Format 1, field by field."""

    format: int
    project: str
    flow: str
    version: int
    definition: dict[str, Any]
    engine: _Engine
    published_by: str
    published_at_ms: int


@dataclass(frozen=True, slots=True)
class _Format:
    format: int


def make_release(
    key: SigningKey,
    *,
    project: str,
    flow: str,
    version: int,
    definition: dict[str, Any],
    engine_image: str,
    engine_memory_mb: int | None,
    published_by: str,
    published_at_ms: int,
) -> SignedRelease:
    """Freeze and sign. Raises ``ValueError`` for a definition that is not JSON."""
    document = canonical(
        {
            "format": FORMAT,
            "project": project,
            "flow": flow,
            "version": version,
            "definition": definition,
            "engine": {"image": engine_image, "memory_mb": engine_memory_mb},
            "published_by": published_by,
            "published_at_ms": published_at_ms,
        }
    )
    return SignedRelease(
        document=document,
        content_hash=hashlib.sha256(document).hexdigest(),
        signature=key.sign(PREFIX + document).signature.hex(),
        key=public_hex(key),
    )


def canonical(content: object) -> bytes:
    """The one way to write a JSON value: sorted keys, no spaces, UTF-8."""
    text = json.dumps(
        content,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return text.encode()


def opened(signed: SignedRelease, *, key: str, project: str) -> Opened:
    """Verify a release and read it; ``key`` is the project's as the device knows it.

    Raises ``ReleaseRefused``.
    """
    _verify(signed, key)
    content = _read(signed.document)
    if content.project != project:
        raise ReleaseRefused(
            f"the release of {content.flow} is for project {content.project}, "
            f"not for {project}"
        )
    return Opened(
        project=content.project,
        flow=content.flow,
        version=content.version,
        definition=content.definition,
        engine_image=content.engine.image,
        engine_memory_mb=content.engine.memory_mb,
        published_by=content.published_by,
        published_at_ms=content.published_at_ms,
        content_hash=signed.content_hash,
    )


def _verify(signed: SignedRelease, key: str) -> None:
    found = hashlib.sha256(signed.document).hexdigest()
    if found != signed.content_hash:
        raise ReleaseRefused(
            f"the release was changed: its document has the hash {found[:12]}, "
            f"not {signed.content_hash[:12]}: fetch it again"
        )
    if signed.key != key:
        raise ReleaseRefused(
            f"the release is signed with the key {signed.key[:12]}, but the project's "
            f"is {key[:12]}: publish it in this project"
        )
    try:
        VerifyKey(bytes.fromhex(key)).verify(
            PREFIX + signed.document, bytes.fromhex(signed.signature)
        )
    except (CryptoError, ValueError):
        raise ReleaseRefused(
            "the release's signature is not the project's: it was not published by it"
        ) from None


def _read(document: bytes) -> _Document:
    try:
        kind = msgspec.json.decode(document, type=_Format).format
        if kind != FORMAT:
            raise ReleaseRefused(
                f"the release has format {kind}, and {FORMAT} is known here: "
                "update Heddle on the device"
            )
        return msgspec.json.decode(document, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as flaw:
        raise ReleaseRefused(f"the release cannot be read: {flaw}") from None
