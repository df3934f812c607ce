"""What a whole backup is refused for, and a restore; nothing is left behind then."""

import io
from pathlib import Path

import pytest
from click.testing import CliRunner

from heddle.cli.__main__ import main
from heddle.local.belongings import pack
from heddle.local.sealed import Hardness, Sealing

WORDS = "seven looms in a quiet mill\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of an installation that has only its keys."""
    (tmp_path / "home/keys").mkdir(parents=True)
    (tmp_path / "home/keys/backend.key").write_text("k")
    return tmp_path / "home"


def said(*words: str, given: str | None = WORDS) -> tuple[int, str]:
    """How the command ends, and its sentence."""
    asked = ["--passphrase-file", "-"] if given is not None else []
    done = CliRunner().invoke(main, [*words, *asked], input=given)
    return done.exit_code, done.stderr


def test_a_passphrase_is_asked_of_nobody_but_a_person(home: Path) -> None:
    words = ("backup", str(home.parent / "b"), "--whole", "--data", str(home))
    code, sentence = said(*words, given=None)
    assert (code, "name a --passphrase-file" in sentence) == (2, True)


def test_a_short_passphrase_is_no_passphrase(home: Path) -> None:
    words = ("backup", str(home.parent / "b"), "--whole", "--data", str(home))
    code, sentence = said(*words, given="letmein\n")
    assert (code, "has 7 characters" in sentence) == (1, True)


def test_one_project_is_no_whole_installation(home: Path) -> None:
    words = ("backup", "b", "--whole", "--project", "p", "--data", str(home))
    code, sentence = said(*words)
    assert (code, "leave --project out" in sentence) == (2, True)


def test_what_is_there_is_not_written_over(home: Path) -> None:
    (home.parent / "b").write_text("the last good one")
    words = ("backup", str(home.parent / "b"), "--whole", "--data", str(home))
    code, sentence = said(*words)
    assert (code, "exists already: name a new file" in sentence) == (1, True)
    assert (home.parent / "b").read_text() == "the last good one"


def test_a_folder_without_an_installation_is_named(tmp_path: Path) -> None:
    words = ("backup", str(tmp_path / "b"), "--whole", "--data", str(tmp_path / "no"))
    code, sentence = said(*words)
    assert (code, f"{tmp_path}/no holds no installation" in sentence) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_an_installation_without_its_database_is_told(home: Path) -> None:
    words = ("backup", str(home.parent / "b"), "--whole", "--data", str(home))
    code, sentence = said(*words)
    assert (code, "holds no database" in sentence) == (1, True)
    assert not (home.parent / "b").exists()
    assert not (home / "backup.unfinished").exists()


@pytest.fixture
def sealed(home: Path) -> Path:
    """A file that is whole, but holds no databases."""
    file = home.parent / "monday.heddle"
    with file.open("wb") as out:
        sealing = Sealing(
            out,
            WORDS.strip(),
            heddle="0.1.0",
            made_at="2026-11-23T05:00:00+00:00",
            hardness=Hardness(passes=1, memory_bytes=8192),
        )
        with io.BufferedWriter(sealing) as stream:
            pack(home, stream)
            stream.flush()
            sealing.finish()
    return file


def spoil(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_what_cannot_be_unsealed_leaves_nothing_behind(
    sealed: Path, tmp_path: Path
) -> None:
    words = ("restore", str(sealed), "--data", str(tmp_path / "new"))
    there = sorted(tmp_path.iterdir())

    code, sentence = said(*words, given="seven looms in a quiet hill\n")
    assert (code, "not the one the file was made with" in sentence) == (1, True)
    code, sentence = said(*words)
    assert (code, "monday.heddle holds no installation" in sentence) == (1, True)
    spoil(sealed)
    code, sentence = said(*words)
    assert (code, f"{sealed}: the file was changed" in sentence) == (1, True)
    sealed.write_text("a letter")
    code, sentence = said(*words, given=None)
    assert (code, f"{sealed}: the file is no whole backup" in sentence) == (1, True)

    assert sorted(tmp_path.iterdir()) == there


def test_a_whole_installation_goes_into_no_folder_that_holds_anything(
    sealed: Path, home: Path
) -> None:
    before = sorted(home.rglob("*"))
    code, sentence = said("restore", str(sealed), "--data", str(home), given=None)
    assert (code, f"{home} is not empty" in sentence) == (1, True)
    assert sorted(home.rglob("*")) == before
