"""Renewed files are taken for new connections, and broken ones are told and left."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from twisted.internet.task import Clock
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from heddle.tls.dialling import Attempt
from heddle.tls.files import now
from heddle.tls.serving import LOOK_EVERY_S, Secured
from heddle.tls.trust import BadCertificate, ServerFiles
from tests.support.tls import Plant, shake_hands


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    plant = Plant(tmp_path / "plant")
    plant.authority.server("next", ["127.0.0.1"], 40)
    return plant


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What is logged above info, in words."""
    lines: list[str] = []

    def hear(event: Any) -> None:
        if event["log_level"] >= LogLevel.warn:
            lines.append(formatEvent(event))

    globalLogPublisher.addObserver(hear)
    yield lines
    globalLogPublisher.removeObserver(hear)


class Port:
    """A port with a clock of its own."""

    def __init__(self, plant: Plant, client_ca: Path | None = None) -> None:
        self.plant = plant
        self.clock = Clock()
        self.offset_s = 0.0
        self.secured = Secured(
            self.clock,
            plant.files(client_ca=client_ca),
            "port web",
            lambda: now().timestamp() + self.offset_s,
        )
        self.secured.start()

    def shown(self) -> x509.Certificate:
        met = shake_hands(Attempt("127.0.0.1", self.plant.trust()), self.secured)
        assert met.stands
        return met.shown

    def looks(self, times: int = 2) -> None:
        for _ in range(times):
            self.clock.advance(LOOK_EVERY_S)


def replaced(plant: Plant, what: str, by: Path | bytes) -> None:
    """Put another file there, newer for certain than the one before."""
    file = plant.folder / what
    if isinstance(by, bytes):
        file.write_bytes(by)
    else:
        shutil.copyfile(by, file)
    stat = file.stat()
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def test_a_renewed_certificate_is_taken_within_two_looks(plant: Plant) -> None:
    port = Port(plant)
    before = port.shown()
    plant.authority.renew("router", 45)
    port.looks()
    assert port.shown().serial_number != before.serial_number
    assert port.shown().public_key() == before.public_key()
    port.secured.stop()


def test_files_that_are_still_being_written_are_left_alone(
    plant: Plant, told: list[str]
) -> None:
    port = Port(plant)
    replaced(plant, "router.crt", plant.folder / "next.crt")
    port.looks(1)
    replaced(plant, "router.key", plant.folder / "next.key")
    port.looks(1)
    assert told == []
    port.looks(1)
    assert port.shown().not_valid_after_utc > plant.authority.show("press_7").until
    assert told == []
    port.secured.stop()


@pytest.mark.parametrize(
    ("what", "content", "words"),
    [
        ("router.crt", "next.crt", "is not that of the certificate"),
        ("router.crt", b"", "holds no certificate"),
        ("router.crt", b"-----BEGIN CERTIFICATE-----\nMIIB", "holds no certificate"),
        (
            "router.crt",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "is damaged",
        ),
        ("router.key", b"-----BEGIN PRIVATE KEY-----\n", "holds no private key"),
        ("router.crt", "ended.crt", "has expired"),
    ],
)
def test_a_broken_file_is_told_once_and_the_former_serves_on(
    plant: Plant, told: list[str], what: str, content: str | bytes, words: str
) -> None:
    plant.ended("ended")
    port = Port(plant)
    before = port.shown()
    by = content if isinstance(content, bytes) else plant.folder / content
    replaced(plant, what, by)
    port.looks(5)
    assert port.shown() == before
    (line,) = told
    assert words in line
    assert "port web: " in line
    assert "the former certificate stays in use" in line
    port.secured.stop()


def test_what_was_mended_is_taken(plant: Plant, told: list[str]) -> None:
    port = Port(plant)
    good = (plant.folder / "router.crt").read_bytes()
    replaced(plant, "router.crt", b"half")
    port.looks()
    (plant.folder / "router.crt").unlink()
    port.looks()
    replaced(plant, "router.crt", good)
    plant.authority.renew("router", 45)
    port.looks()
    assert port.shown().not_valid_after_utc == plant.authority.show("router").until
    assert len(told) == 2  # half a file, and none
    port.secured.stop()


def test_a_hangup_has_files_taken_at_once(plant: Plant) -> None:
    port = Port(plant)
    before = port.shown()
    plant.authority.renew("router", 45)
    port.secured.reload()
    assert port.shown() != before
    port.secured.stop()


def test_another_ca_for_clients_is_taken_as_well(plant: Plant, tmp_path: Path) -> None:
    others = Plant(tmp_path / "others")
    shutil.copyfile(plant.ca, plant.folder / "clients.crt")
    port = Port(plant, plant.folder / "clients.crt")
    assert shake_hands(
        Attempt("127.0.0.1", plant.trust("press_7")), port.secured
    ).stands
    replaced(plant, "clients.crt", others.ca)
    port.looks()
    assert not shake_hands(
        Attempt("127.0.0.1", plant.trust("press_7")), port.secured
    ).stands
    port.secured.stop()


def test_the_end_is_told_two_weeks_before_and_once_a_day(
    plant: Plant, told: list[str]
) -> None:
    plant.authority.renew("router", 20)
    port = Port(plant)
    port.looks()
    assert told == []
    port.offset_s = 7 * 86_400
    port.looks(5)
    assert len(told) == 1
    assert "ends on" in told[0]
    assert "heddle keys renew" in told[0]
    port.offset_s = 21 * 86_400
    port.looks(5)
    assert len(told) == 2
    assert "has ended on" in told[1]
    port.secured.stop()


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        ("none.crt", "router.key", "none.crt: No such file"),
        ("router.crt", "none.key", "none.key: No such file"),
        ("router.crt", "press_7.key", "is not that of the certificate"),
        ("ended.crt", "ended.key", "has expired"),
        ("to_come.crt", "to_come.key", "is not good before"),
        ("router.key", "router.key", "holds no certificate"),
        ("router.crt", "router.crt", "holds no private key"),
    ],
)
def test_a_port_that_cannot_begin_names_the_file(
    plant: Plant, certificate: str, key: str, words: str
) -> None:
    plant.ended("ended")
    plant.ended("to_come", days_ago=-3)
    files = ServerFiles(plant.folder / certificate, plant.folder / key)
    with pytest.raises(BadCertificate) as caught:
        Secured(Clock(), files, "port web")
    assert words in str(caught.value)
