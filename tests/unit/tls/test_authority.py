"""`heddle keys`: what it makes, what it refuses, and what it says to do with it."""

import json
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from heddle.cli.__main__ import main
from heddle.tls.files import now, read_certificates, read_key, read_pair


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tls"


def keys(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["keys", *words, "--folder", str(folder)])


def made(folder: Path, *words: str) -> Any:
    result = keys(folder, *words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def ready(folder: Path) -> Path:
    """A folder with a CA, a server and a client."""
    made(folder, "ca")
    made(folder, "server", "router", "--name", "centre.example", "--name", "10.0.0.5")
    made(folder, "client", "press_7")
    return folder


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_keys_are_for_their_owner_and_certificates_for_all(ready: Path) -> None:
    assert mode(ready) == 0o700
    for label in ("ca", "router", "press_7"):
        assert mode(ready / f"{label}.key") == 0o600
        key = read_key(ready / f"{label}.key")
        assert isinstance(key.curve, ec.SECP256R1)


def test_a_certificate_says_for_whom_and_for_what(ready: Path) -> None:
    router = read_pair(ready / "router.crt", ready / "router.key").leaf
    names = router.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(name.value) for name in names.value] == ["centre.example", "10.0.0.5"]
    found = made(ready, "show")["certificates"]
    assert [(one["label"], one["kind"], one["names"]) for one in found] == [
        ("ca", "ca", ["CN=Heddle CA"]),
        ("press_7", "client", ["CN=press_7"]),
        ("router", "server", ["centre.example", "10.0.0.5"]),
    ]
    (root,) = read_certificates(ready / "ca.crt")
    router.verify_directly_issued_by(root)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value == (
        x509.BasicConstraints(ca=True, path_length=0)
    )


def test_nothing_outlives_the_ca(folder: Path) -> None:
    made(folder, "ca", "--days", "20")
    made(folder, "server", "router", "--name", "centre.example")
    (root,) = read_certificates(folder / "ca.crt")
    (router,) = read_certificates(folder / "router.crt")
    assert router.not_valid_after_utc == root.not_valid_after_utc


def test_each_command_says_what_to_put_where(folder: Path) -> None:
    told = keys(folder, "ca").stdout
    assert f"AGENT_ROUTER_CA={folder}/ca.crt" in told
    assert "keep it off the network" in told
    told = keys(folder, "server", "router", "--name", "centre.example").stdout
    assert f"ROUTER_TLS_CERTIFICATE={folder}/router.crt" in told
    assert f"sslmode=verify-full&sslrootcert={folder}/ca.crt" in told
    assert "wss://centre.example:8080/ws" in told
    told = keys(folder, "client", "press_7").stdout
    assert f"AGENT_ROUTER_CLIENT_KEY={folder}/press_7.key" in told
    assert f"ROUTER_TLS_CLIENT_CA={folder}/ca.crt" in told
    told = keys(folder, "show").stdout
    assert "centre.example" in told


def test_a_renewal_keeps_key_names_and_length(ready: Path) -> None:
    before = read_pair(ready / "router.crt", ready / "router.key").leaf
    told = keys(ready, "renew", "router").stdout
    after = read_pair(ready / "router.crt", ready / "router.key").leaf
    assert f"{ready}/router.crt is good until " in told
    assert after.serial_number != before.serial_number
    assert after.public_key() == before.public_key()
    assert after.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ) == before.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    lasts = before.not_valid_after_utc - before.not_valid_before_utc
    differs = after.not_valid_after_utc - after.not_valid_before_utc - lasts
    assert abs(differs) < timedelta(seconds=30)


def test_a_renewal_makes_another_key_if_told(ready: Path) -> None:
    before = read_pair(ready / "press_7.crt", ready / "press_7.key").leaf
    made(ready, "renew", "press_7", "--new-key", "--days", "5")
    after = read_pair(ready / "press_7.crt", ready / "press_7.key").leaf
    assert after.public_key() != before.public_key()
    assert after.not_valid_after_utc < now() + timedelta(days=6)
    assert mode(ready / "press_7.key") == 0o600


def test_a_renewed_ca_is_the_same_to_who_trusts_the_former(ready: Path) -> None:
    (before,) = read_certificates(ready / "ca.crt")
    told = keys(ready, "renew", "ca", "--days", "7000").stdout
    assert "hand out the new ca.crt" in told
    made(ready, "renew", "router")
    (router,) = read_certificates(ready / "router.crt")
    router.verify_directly_issued_by(before)
    (after,) = read_certificates(ready / "ca.crt")
    assert after.not_valid_after_utc > before.not_valid_after_utc


def test_without_names_what_ends_soon_is_renewed(ready: Path) -> None:
    made(ready, "server", "gateway", "--name", "api.example", "--days", "10")
    renewed = made(ready, "renew", "--days", "90")["certificates"]
    assert [one["label"] for one in renewed] == ["gateway"]
    assert "nothing in" in keys(ready, "renew").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ca",), "ca.crt is there already: `heddle keys renew ca`"),
        (("server", "router", "--name", "a.example"), "router.crt is there already"),
        (("server", "gateway", "--name", "https://a/"), "neither a host's name nor"),
        (("server", "gateway", "--name", "a b"), "neither a host's name nor"),
        (("server", "../gateway", "--name", "a.example"), "cannot name a file"),
        (("client", "ca"), "ca.crt is there already"),
        (("client", "Press 7"), "cannot name a file"),
        (("renew", "nobody"), "there is no nobody.crt in"),
    ],
)
def test_what_cannot_be_made_is_told_in_a_sentence(
    ready: Path, words: tuple[str, ...], said: str
) -> None:
    result = keys(ready, *words)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words", [("server", "router", "--name", "a.example"), ("client", "x"), ("show",)]
)
def test_without_a_ca_the_way_to_one_is_told(
    folder: Path, words: tuple[str, ...]
) -> None:
    result = keys(folder, *words)
    assert result.exit_code == 1
    assert f"`heddle keys ca --folder {folder}`" in result.stderr


def test_a_ca_without_its_key_signs_nothing(ready: Path) -> None:
    (ready / "ca.key").write_bytes((ready / "router.key").read_bytes())
    result = keys(ready, "client", "press_8")
    assert result.exit_code == 1
    assert "is not the key of" in result.stderr
    (ready / "ca.key").write_text("half of it")
    result = keys(ready, "client", "press_8")
    assert "holds no private key" in result.stderr
