"""What a release makes of its flow; devices in one process share what was parsed."""

from typing import Any

import pytest
from nacl.signing import SigningKey

from edge_agent.releases import Releases
from edge_agent.runtime.runtime import Configuration
from edge_agent.shelf import Wanted
from edge_agent.tags import TagTable
from heddle.contract.devices import Tag
from heddle.contract.flows import FlowInvalid, ReleaseRefused, Runtime, SignedRelease
from heddle.releases import make_release
from heddle.wamp.keys import public_hex
from tests.support.engine import dispatcher, phase, timer, workflow

KEY = SigningKey(b"heddle release key of the tests!")
HEATER = Tag(tag="heater", writable=True)


def heats(wait: Any = 500, **more: Any) -> Any:
    """A phase that sets the heater, and waits."""
    return {
        **workflow(
            phase("heat", heater=20),
            timer("t", "heat", wait),
            dispatcher("end"),
            links="start>heat t>end",
        ),
        **more,
    }


def release(definition: Any) -> SignedRelease:
    return make_release(
        KEY,
        project="plant",
        flow="brew",
        version=1,
        definition=definition,
        engine_image="",
        engine_memory_mb=None,
        published_by="ada",
        published_at_ms=1,
    )


def wanted(signed: SignedRelease, *tags: Tag, key: str = "", **values: Any) -> Wanted:
    """What a device with these tags makes of it."""
    device = Releases(
        "plant", lambda: key or public_hex(KEY), Configuration(), TagTable(tags)
    )
    return device.wanted(signed, values, action="deploy", runtime=Runtime.PROCESS)


def test_each_device_asks_its_own_tags_and_its_own_key() -> None:
    signed = release(heats())
    first, again = wanted(signed, HEATER), wanted(signed, HEATER)
    assert first == again
    assert first.release == again.release
    for tags in ((), (Tag(tag="heater"),)):  # unknown, and not writable
        with pytest.raises(FlowInvalid, match="heater"):
            wanted(signed, *tags)
    with pytest.raises(ReleaseRefused, match="signed with the key"):
        wanted(signed, HEATER, key="00" * 32)


def test_values_make_another_workflow_of_it() -> None:
    signed = release(
        heats("${wait}", variables=[{"name": "wait", "type": "integer", "value": "5"}])
    )
    kinds = [wanted(signed, HEATER, **more) for more in ({}, {"wait": 7}, {})]
    assert kinds[0].digest == kinds[2].digest != kinds[1].digest
    with pytest.raises(FlowInvalid, match="durationInMS"):
        wanted(signed, HEATER, wait=-1)


def test_what_is_wrong_is_told_every_time() -> None:
    signed = release(heats("never"))
    for _ in range(2):
        with pytest.raises(FlowInvalid, match="durationInMS"):
            wanted(signed, HEATER)
