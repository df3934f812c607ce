"""The gatekeeper's copy: one key a device, and on disk before it counts."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.contract.gate import DeviceKey, Directory
from services.gatekeeper.directory import Known


def key_of(device: str, key: str, project: str = "plant") -> DeviceKey:
    return DeviceKey(project=project, device=device, public_key=key * 64)


SEVEN, EIGHT = key_of("press_7", "7"), key_of("press_8", "8")


def directory(*devices: DeviceKey) -> Directory:
    return Directory(projects=("plant",), devices=devices, ticket_key="0" * 64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gatekeeper.json"


def test_what_was_told_is_known_by_the_next_life(path: Path) -> None:
    known = Known(path)
    known.replace_all(directory(SEVEN))
    known.admit(key_of("press_9", "9", project="third"))
    known.open_project("other")
    again = Known(path)
    assert again.projects == {"plant", "other", "third"}
    assert again.device_of("7" * 64) == SEVEN
    assert again.has_device("third", "press_9")
    assert again.ticket_key == "0" * 64


def test_replacing_ends_the_keys_that_are_not_told_again(path: Path) -> None:
    known = Known(path)
    known.replace_all(directory(SEVEN, EIGHT))
    renewed = key_of("press_8", "9")
    assert known.replace_all(directory(SEVEN, renewed)) == {EIGHT}
    assert known.replace_all(directory()) == {SEVEN, renewed}
    assert known.replace_all(directory()) == set()


def test_a_device_has_one_key_and_a_key_one_device(path: Path) -> None:
    known = Known(path)
    known.replace_all(directory(SEVEN, EIGHT))
    renewed = key_of("press_7", "a")
    assert known.admit(renewed) == {SEVEN}
    assert known.device_of("7" * 64) is None
    moved = key_of("press_7", "8", project="other")
    assert known.admit(moved) == {EIGHT}
    assert not known.has_device("plant", "press_8")
    assert known.has_device("other", "press_7")
    assert known.admit(moved) == set()


def test_revoking_ends_the_key_and_revoking_again_nothing(path: Path) -> None:
    known = Known(path)
    known.replace_all(directory(SEVEN))
    assert known.revoke("plant", "press_7") == {SEVEN}
    assert known.revoke("plant", "press_7") == set()
    assert Known(path).device_of("7" * 64) is None


def test_keys_are_known_in_either_case(path: Path) -> None:
    known = Known(path)
    known.admit(DeviceKey(project="plant", device="press_7", public_key="AB" * 32))
    assert known.device_of("ab" * 32) == known.device_of("AB" * 32) is not None
    assert Known(path).device_of("aB" * 32) is not None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"projects": 1}', "\0\0\0"])
def test_a_damaged_copy_is_an_empty_one(path: Path, content: str) -> None:
    path.write_text(content)
    assert Known(path).projects == set()


def test_a_write_that_was_cut_off_leaves_the_former_copy(path: Path) -> None:
    Known(path).replace_all(directory(SEVEN))
    path.with_name(path.name + ".new").write_text('{"projects": [')
    assert Known(path).device_of("7" * 64) == SEVEN


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["admit", "revoke"]),
            st.sampled_from("abc"),
            st.sampled_from("123"),
        ),
        max_size=12,
    )
)
def test_both_indexes_always_tell_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("known") / "gatekeeper.json"
    known = Known(path)
    for step, device, key in steps:
        if step == "admit":
            known.admit(key_of(device, key))
        else:
            known.revoke("plant", device)
        by_key = {found.device for k in "123" if (found := known.device_of(k * 64))}
        by_device = {name for name in "abc" if known.has_device("plant", name)}
        assert by_key == by_device
        assert by_device == {
            name for name in "abc" if Known(path).has_device("plant", name)
        }
