"""The gatekeeper's copy: one key a device, and on disk before it counts."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.contract.gate import (
    DeviceKey,
    Directory,
    OpenRealm,
    RevokeDevice,
    RevokeSession,
)
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
    known.tell(key_of("press_9", "9", project="third"))
    known.tell(OpenRealm(project="other"))
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
    assert known.tell(renewed) == {SEVEN}
    assert known.device_of("7" * 64) is None
    moved = key_of("press_7", "8", project="other")
    assert known.tell(moved) == {EIGHT}
    assert not known.has_device("plant", "press_8")
    assert known.has_device("other", "press_7")
    assert known.tell(moved) == set()


def test_revoking_ends_the_key_and_revoking_again_nothing(path: Path) -> None:
    known = Known(path)
    known.replace_all(directory(SEVEN))
    assert known.tell(RevokeDevice(project="plant", device="press_7")) == {SEVEN}
    assert known.tell(RevokeDevice(project="plant", device="press_7")) == set()
    assert Known(path).device_of("7" * 64) is None


def test_keys_are_known_in_either_case(path: Path) -> None:
    known = Known(path)
    known.tell(DeviceKey(project="plant", device="press_7", public_key="AB" * 32))
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
            known.tell(key_of(device, key))
        else:
            known.tell(RevokeDevice(project="plant", device=device))
        by_key = {found.device for k in "123" if (found := known.device_of(k * 64))}
        by_device = {name for name in "abc" if known.has_device("plant", name)}
        assert by_key == by_device
        assert by_device == {
            name for name in "abc" if Known(path).has_device("plant", name)
        }


# Several tellers: what arrives in another order than it came about


def ended(session: str, change: int = 0, until_ms: int = 10) -> RevokeSession:
    return RevokeSession(
        project="plant", session=session, until_ms=until_ms, change=change
    )


def gone(device: str, change: int) -> RevokeDevice:
    return RevokeDevice(project="plant", device=device, change=change)


def as_of(change: int, *devices: DeviceKey) -> Directory:
    return replace(directory(*devices), change=change)


def test_an_ended_session_is_known_until_its_last_ticket_expires(path: Path) -> None:
    known = Known(path)
    known.replace_all(replace(directory(), revoked=(ended("s1"),)))
    known.tell(ended("s2", until_ms=20))
    assert Known(path).has_ended("plant", "s1")
    assert Known(path).has_ended("plant", "s2")
    assert not known.has_ended("plant", "s3")
    known.forget_ended(15)
    assert not known.has_ended("plant", "s1")
    assert known.has_ended("plant", "s2")


def test_a_directory_leaves_standing_what_came_after_it(path: Path) -> None:
    known = Known(path)
    known.replace_all(as_of(10, EIGHT))
    known.tell(replace(SEVEN, change=12))
    known.tell(OpenRealm(project="other", change=13))
    known.tell(ended("s1", change=14))
    known.tell(gone("press_8", change=15))
    assert known.replace_all(as_of(11, EIGHT)) == set()
    assert known.has_device("plant", "press_7")
    assert not known.has_device("plant", "press_8")
    assert known.projects == {"plant", "other"}
    assert known.has_ended("plant", "s1")
    assert known.replace_all(as_of(20, EIGHT)) == {SEVEN}
    assert known.projects == {"plant"}


def test_an_older_directory_changes_nothing(path: Path) -> None:
    known = Known(path)
    known.replace_all(as_of(10, SEVEN))
    assert known.replace_all(as_of(9)) == set()
    assert known.has_device("plant", "press_7")
    assert known.replace_all(as_of(10)) == {SEVEN}


def test_what_the_directory_told_already_changes_nothing(path: Path) -> None:
    known = Known(path)
    known.replace_all(as_of(10))  # press_7 was admitted by 8 and is gone since 9
    known.tell(replace(SEVEN, change=8))
    assert not known.has_device("plant", "press_7")


def test_a_key_that_was_given_on_is_not_taken_back(path: Path) -> None:
    known = Known(path)
    known.tell(replace(key_of("press_8", "7"), change=3))
    known.tell(replace(SEVEN, change=1))  # which had it until 2
    assert known.has_device("plant", "press_8")
    assert not known.has_device("plant", "press_7")


def test_without_numbers_everything_is_believed(path: Path) -> None:
    known = Known(path)
    known.replace_all(as_of(10, SEVEN))
    known.tell(gone("press_7", change=0))
    assert not known.has_device("plant", "press_7")
    known.replace_all(directory(SEVEN))
    assert known.has_device("plant", "press_7")
    known.tell(replace(EIGHT, change=1))
    assert known.has_device("plant", "press_8")


@st.composite
def histories(
    draw: st.DrawFn,
) -> tuple[list[Directory | DeviceKey | RevokeDevice], dict[str, str]]:
    """Enrolments, departures and directories as they came about; and the outcome."""
    now: dict[str, str] = {}
    told: list[Directory | DeviceKey | RevokeDevice] = [as_of(1)]
    for change in range(2, draw(st.integers(3, 14))):
        device = draw(st.sampled_from("abc"))
        free = sorted(set("123456") - set(now.values()))
        match draw(st.sampled_from(("admit", "revoke", "directory"))):
            case "admit":
                now[device] = draw(st.sampled_from(free))
                told.append(replace(key_of(device, now[device]), change=change))
            case "revoke":
                now.pop(device, None)
                told.append(gone(device, change))
            case _:
                told.append(as_of(change, *(key_of(*one) for one in now.items())))
    return draw(st.permutations(told)), now


@settings(max_examples=60, deadline=None)
@given(histories())
def test_in_whatever_order_it_is_told_the_end_is_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    history: tuple[list[Directory | DeviceKey | RevokeDevice], dict[str, str]],
) -> None:
    told, now = history
    known = Known(tmp_path_factory.mktemp("known") / "gatekeeper.json")
    for one in told:
        if isinstance(one, Directory):
            known.replace_all(one)
        else:
            known.tell(one)
    found = {
        holder.device: key
        for key in "123456"
        if (holder := known.device_of(key * 64)) is not None
    }
    assert found == now
    assert {name for name in "abc" if known.has_device("plant", name)} == set(now)
