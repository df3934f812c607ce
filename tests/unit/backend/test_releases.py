"""Releases: what is opened is what was signed, by the project it is for."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from nacl.signing import SigningKey

from heddle.contract.device_deployments import VariableInvalid
from heddle.contract.flows import ReleaseRefused, SignedRelease
from heddle.releases import PREFIX, Opened, canonical, make_release, opened
from heddle.wamp.keys import public_hex
from services.backend.flows.variables import (
    check_values,
    resolved_variables,
    variables_of,
)

KEY, FOREIGN = SigningKey(b"k" * 32), SigningKey(b"f" * 32)
DEFINITION = {"id": "bio", "elements": [], "variables": [], "größe": 1.5}


def release(key: SigningKey = KEY, **changes: Any) -> SignedRelease:
    content: dict[str, Any] = {
        "project": "plant",
        "flow": "bio",
        "version": 3,
        "definition": DEFINITION,
        "engine_image": "heddle/engine:1",
        "engine_memory_mb": 64,
        "published_by": "ada",
        "published_at_ms": 1_700_000_000_000,
    }
    return make_release(key, **content | changes)


def signed(document: bytes, key: SigningKey = KEY) -> SignedRelease:
    """Anything, properly signed."""
    return SignedRelease(
        document=document,
        content_hash=hashlib.sha256(document).hexdigest(),
        signature=key.sign(PREFIX + document).signature.hex(),
        key=public_hex(key),
    )


def test_what_is_opened_is_what_was_made() -> None:
    made = release()
    assert opened(made, key=public_hex(KEY), project="plant") == Opened(
        project="plant",
        flow="bio",
        version=3,
        definition=DEFINITION,
        engine_image="heddle/engine:1",
        engine_memory_mb=64,
        published_by="ada",
        published_at_ms=1_700_000_000_000,
        content_hash=hashlib.sha256(made.document).hexdigest(),
    )
    plain = opened(
        release(engine_image="", engine_memory_mb=None),
        key=public_hex(KEY),
        project="plant",
    )
    assert (plain.engine_image, plain.engine_memory_mb) == ("", None)


def test_the_document_is_canonical() -> None:
    document = release().document
    assert (
        document
        == json.dumps(
            json.loads(document),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()
    )
    turned = dict(reversed(DEFINITION.items()))
    assert release(definition=turned) == release()
    with pytest.raises(ValueError, match="not JSON compliant"):
        release(definition={"x": float("nan")})


CONTENT = json.loads(release().document)
GOOD = signed(canonical(CONTENT))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            replace(GOOD, document=GOOD.document.replace(b"1.5", b"1.6")),
            "the release was changed: its document has the hash ",
        ),
        (replace(GOOD, content_hash="0" * 64), "the release was changed: "),
        (release(FOREIGN), f"signed with the key {public_hex(FOREIGN)[:12]}, but"),
        (
            replace(release(FOREIGN), key=public_hex(KEY)),
            "the release's signature is not the project's",
        ),
        (replace(GOOD, signature="00" * 64), "signature is not the project's"),
        (replace(GOOD, signature="no hex"), "signature is not the project's"),
        (replace(GOOD, signature=""), "signature is not the project's"),
        (
            replace(
                GOOD, signature=KEY.sign(GOOD.document).signature.hex()
            ),  # for another use
            "signature is not the project's",
        ),
        (
            release(project="brewery"),
            "the release of bio is for project brewery, not for plant",
        ),
        (
            signed(canonical(CONTENT | {"format": 2})),
            "the release has format 2, and 1 is known here: update Heddle",
        ),
        (signed(b"nonsense"), "the release cannot be read: JSON is malformed"),
        (signed(b"[" * 100_000), "the release cannot be read: "),
        (signed(b'{"format": 1}'), "the release cannot be read: Object missing"),
        (
            signed(canonical(CONTENT | {"version": "3"})),
            "the release cannot be read: Expected `int`, got `str`",
        ),
        (
            signed(canonical(CONTENT | {"definition": []})),
            "the release cannot be read: Expected `object`, got `array`",
        ),
    ],
)
def test_anything_else_is_refused_with_the_reason(
    given: SignedRelease, sentence: str
) -> None:
    with pytest.raises(ReleaseRefused) as refused:
        opened(given, key=public_hex(KEY), project="plant")
    assert sentence in str(refused.value)


VARIABLES = {
    "id": "x",
    "elements": [
        {
            "id": "t",
            "elementType": "EVENT_LISTENER",
            "type": "TIMER",
            "durationInMS": "${wait}",
        }
    ],
    "variables": [
        {"name": "wait", "type": "integer", "value": 5},
        {"name": "limit", "type": "number", "value": "30"},
    ],
}


def test_later_layers_win_over_the_defaults() -> None:
    variables = variables_of(VARIABLES)
    assert resolved_variables(variables, []) == {"wait": 5, "limit": 30}
    layers = [
        ("the deployment", {"limit": 31, "wait": "6"}),
        ("devices site=graz", {"limit": "32.5"}),
        ("device press_7", {}),
    ]
    assert resolved_variables(variables, layers) == {"wait": 6, "limit": 32.5}


def test_a_wrong_value_is_told_with_whose_it_is() -> None:
    variables = variables_of(VARIABLES)
    with pytest.raises(VariableInvalid) as refused:
        resolved_variables(variables, [("device press_7", {"wait": "soon"})])
    assert str(refused.value) == (
        "device press_7: variable wait must be a whole number, not 'soon'"
    )
    with pytest.raises(VariableInvalid, match="devices a=b: there is no variable 'x'"):
        resolved_variables(variables, [("devices a=b", {"x": 1})])
    with pytest.raises(VariableInvalid, match="durationInMS must be a whole number"):
        check_values(VARIABLES, {"wait": -1})
