"""A device's key and the one that shall replace it."""

import pytest

from edge_agent.identity import Identity
from heddle.wamp.keys import public_hex
from heddle.wamp.process import ConfigError


def joins_with(identity: Identity) -> str:
    return public_hex(identity.credentials().key)


def test_a_next_key_is_made_once_and_taken(tmp_path) -> None:
    identity = Identity(tmp_path)
    old, new = joins_with(identity), public_hex(identity.next_key())
    assert old != new == public_hex(identity.next_key())
    assert (tmp_path / "device.key.next").stat().st_mode & 0o777 == 0o600
    assert joins_with(identity) == old  # until it is known to be taken
    identity.take_next()
    assert joins_with(identity) == new == joins_with(Identity(tmp_path))
    assert not (tmp_path / "device.key.next").exists()


def test_a_refused_key_lets_the_next_one_try(tmp_path) -> None:
    """The backend took the next key, but its answer was lost."""
    old, new = joins_with(Identity(tmp_path)), public_hex(Identity(tmp_path).next_key())
    identity = Identity(tmp_path)
    identity.refused()
    assert joins_with(identity) == new
    identity.refused()
    assert joins_with(identity) == old  # by turns: either may be mended
    identity.refused()
    identity.joined()
    assert joins_with(identity) == new == joins_with(Identity(tmp_path))


def test_a_refusal_without_a_next_key_changes_nothing(tmp_path) -> None:
    identity = Identity(tmp_path)
    old = joins_with(identity)
    identity.refused()
    identity.joined()
    assert joins_with(identity) == old
    assert not (tmp_path / "device.key.next").exists()


def test_to_forget_leaves_nobody(tmp_path) -> None:
    identity = Identity(tmp_path)
    identity.next_key()
    (tmp_path / "enrolled.json").write_text("{}")
    identity.forget()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot keep its key"):
        Identity(tmp_path / "file")


def test_the_first_key_for_releases_is_pinned_for_good(tmp_path) -> None:
    identity = Identity(tmp_path)
    assert identity.pin("aa")  # not enrolled: nothing to pin it to
    assert identity.release_key == ""
    enrolled = b'{"project": "plant", "realm": "project_plant", "device": "press_7"}'
    (tmp_path / "enrolled.json").write_bytes(enrolled)
    identity = Identity(tmp_path)
    assert identity.pin("")
    assert identity.pin("aa")
    assert not identity.pin("bb")
    assert identity.release_key == Identity(tmp_path).release_key == "aa"
