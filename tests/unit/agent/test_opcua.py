"""The OPC UA driver's pure parts: names, values, times, certificates, settings."""

import os
import uuid
from datetime import UTC, datetime

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from edge_agent.drivers.linked import LinkLost
from edge_agent.drivers.opcua.names import NodeName, NoNodeId, node_name, words_of
from edge_agent.drivers.opcua.trust import (
    fingerprint,
    load_identity,
    made_identity,
    see_trusted,
)
from edge_agent.drivers.opcua.values import (
    Times,
    Unsuitable,
    quality_of,
    value_of,
    variant_of,
)
from heddle.contract.devices import TagType
from heddle.contract.samples import Quality
from heddle.wamp.process import ConfigError
from tests.support.followed import connected

SPACES = ["http://opcfoundation.org/UA/", "urn:press", "http://acme/a;b"]
GUID = uuid.UUID("72962b91-fa75-4ae6-8d28-b404dc7daf63")

# --- names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("i=2253", NodeName(2253)),
        ("ns=2;s=Temperature", NodeName("Temperature", 2)),
        ('ns=3;s="DB 1"."a;b=c"', NodeName('"DB 1"."a;b=c"', 3)),
        ("nsu=http://acme/a;b;s=T", NodeName("T", 0, "http://acme/a;b")),
        (f"ns=1;g={GUID}", NodeName(GUID, 1)),
        ("ns=1;b=AQI=", NodeName(b"\1\2", 1)),
    ],
)
def test_a_node_id_is_read_as_it_is_written(words, name) -> None:
    assert node_name(words) == name


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Temperature", "is no node id: write ns=2;s=Name"),
        ("ns=2;x=1", "is no node id: write"),
        ("ns=70000;i=1", "namespaces end at 65535"),
        ("ns=2;i=abc", "'abc' is no number up to 4294967295"),
        ("ns=2;i=4294967296", "is no number"),
        ("ns=2;g=123", "'123' is no GUID"),
        ("ns=2;b=?", "is no base64"),
    ],
)
def test_what_is_no_node_id_is_told_with_how_to_write_one(words, why) -> None:
    with pytest.raises(NoNodeId) as flaw:
        node_name(words)
    assert why in str(flaw.value)


@given(
    st.one_of(
        st.integers(0, 2**32 - 1),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
            lambda text: text == text.strip()
        ),
        st.binary(min_size=1),
        st.uuids(),
    ),
    st.integers(0, 4),
)
def test_a_node_that_was_found_is_found_again_by_its_words(identifier, at) -> None:
    node = ua.NodeId(identifier, at)
    assert node_name(words_of(node, SPACES)).node_id(SPACES) == node


def test_a_namespace_is_found_by_its_uri_at_each_connection() -> None:
    name = node_name("nsu=urn:press;s=T")
    assert name.node_id(SPACES) == ua.NodeId("T", 1)
    assert name.node_id(["http://opcfoundation.org/UA/", "", "urn:press"]) == (
        ua.NodeId("T", 2)
    )
    with pytest.raises(NoNodeId, match="no namespace 'urn:press'; it has urn:other"):
        name.node_id(["urn:other"])


# --- values --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        (None, Quality.GOOD),
        (0x00000000, Quality.GOOD),
        (0x00960000, Quality.GOOD),  # GoodLocalOverride
        (0x40900000, Quality.UNCERTAIN),
        (0x80890000, Quality.BAD),
        (0xC0000000, Quality.BAD),  # reserved: to be taken as bad
    ],
)
def test_three_severities(status, quality) -> None:
    assert quality_of(None if status is None else ua.StatusCode(status)) is quality


STRUCTURE = ua.Range(0.0, float("inf"))


@pytest.mark.parametrize(
    ("held", "kind", "value"),
    [
        (2.5, TagType.FLOAT, 2.5),
        (float("nan"), TagType.FLOAT, None),
        (None, TagType.FLOAT, None),
        (7, TagType.INTEGER, 7),
        (True, TagType.BOOLEAN, True),
        (ua.ServerState.Running, TagType.INTEGER, 0),
        ("warm", TagType.TEXT, "warm"),
        (
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            TagType.TEXT,
            "2026-01-02T03:04:05Z",
        ),
        (GUID, TagType.TEXT, str(GUID)),
        (b"\1\2", TagType.TEXT, "AQI="),
        (ua.LocalizedText("Druck", "de"), TagType.TEXT, "Druck"),
        ([1, None, float("inf")], TagType.JSON, "[1,null,null]"),
        ([["a"], [b"\0"]], TagType.JSON, '[["a"],["AA=="]]'),
        (STRUCTURE, TagType.JSON, '{"Low":0.0,"High":null}'),
        ([STRUCTURE], TagType.TEXT, '[{"Low":0.0,"High":null}]'),
    ],
)
def test_what_a_node_holds_is_a_value_of_its_tag(held, kind, value) -> None:
    kinds = {bool: "Boolean", int: "Int64", float: "Double", bytes: "ByteString"}
    variant = ua.Variant(held, getattr(ua.VariantType, kinds.get(type(held), "Null")))
    found = value_of(variant, kind)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ("warm", 'it holds str, no number: set type = "text"'),
        ([1], 'it holds a list, no number: set type = "text"'),
        (STRUCTURE, "it holds Range, no number"),
        (ua.ExtensionObject(), "a structure this agent does not know"),
    ],
)
def test_what_a_tag_cannot_hold_is_told(held, words) -> None:
    with pytest.raises(Unsuitable) as flaw:
        value_of(ua.Variant(held, ua.VariantType.Null), TagType.FLOAT)
    assert words in str(flaw.value)


V = ua.VariantType


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (3.0, V.Byte, 3),
        (-128, V.SByte, -128),
        (True, V.Int16, 1),
        (2**64 - 1, V.UInt64, 2**64 - 1),
        (1, V.Double, 1.0),
        (1.0, V.Boolean, True),
        ("a", V.String, "a"),
        ("a", V.LocalizedText, ua.LocalizedText("a")),
        ("2026-01-02T03:04:05Z", V.DateTime, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (str(GUID), V.Guid, GUID),
    ],
)
def test_a_setpoint_is_written_as_the_variables_own_type(value, kind, written) -> None:
    variant = variant_of(value, kind)
    assert (variant.Value, variant.VariantType) == (written, kind)


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (256, V.Byte, "256 does not fit Byte (0 to 255)"),
        (-1, V.UInt32, "-1 does not fit UInt32"),
        (1.5, V.Int32, "1.5 is no whole number, as Int32 is"),
        ("a", V.Int32, "'a' is no whole number"),
        (1e39, V.Float, "1e+39 does not fit Float"),
        ("a", V.Double, "'a' is no number, as Double is"),
        (2, V.Boolean, "2 is no Boolean"),
        (1.0, V.String, "1.0 is no String"),
        ("today", V.DateTime, "'today' is no DateTime"),
        (1.0, V.ExtensionObject, "of type ExtensionObject, which is not written"),
    ],
)
def test_a_setpoint_that_is_no_such_value_is_refused(value, kind, words) -> None:
    with pytest.raises(Unsuitable) as flaw:
        variant_of(value, kind)
    assert words in str(flaw.value)


# --- times ---------------------------------------------------------------------------


def test_a_sources_time_is_kept_where_it_can_be() -> None:
    clock = Clock()
    clock.advance(1_000_000)
    times = Times(clock.seconds)

    def at_s(source_s: float) -> float:
        return times.at_us("t", datetime.fromtimestamp(source_s, UTC)) / 1e6

    assert at_s(999_000) == 1_000_000  # from before we listened
    clock.advance(2)
    assert at_s(1_000_001.5) == 1_000_001.5
    assert at_s(1_000_001.5) == 1_000_002  # not after the one before
    clock.advance(2)
    assert at_s(1_000_008) == 1_000_008  # a little ahead
    assert at_s(1_000_100) == 1_000_004  # too far ahead
    clock.advance(1000)
    assert at_s(1_000_900) == 1_001_004  # too long ago
    assert times.at_us("t", None) == 1_001_004_000_000


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-200, 200)), max_size=20))
def test_no_time_is_before_we_listened_or_far_from_now(steps) -> None:
    clock = Clock()
    clock.advance(1_000_000)
    times = Times(clock.seconds)
    for step_s, off_s in steps:
        clock.advance(step_s)
        source = datetime.fromtimestamp(clock.seconds() + off_s, UTC)
        at_s = times.at_us("t", source) / 1e6
        assert max(999_999.9, clock.seconds() - 61) <= at_s <= clock.seconds() + 6


# --- certificates --------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    return folder, made_identity(folder)


def test_the_agents_certificate_is_made_once_and_names_it(own) -> None:
    folder, made = own
    assert made_identity(folder) == made
    assert made.application_uri == f"urn:{os.uname().nodename}:heddle:agent"
    assert (folder / "opcua/private_key.pem").stat().st_mode & 0o077 == 0


def test_a_key_or_certificate_that_cannot_be_used_is_told(own, tmp_path) -> None:
    folder, _ = own
    certificate = folder / "opcua/certificate.der"
    other = made_identity(tmp_path)
    (tmp_path / "key.der").write_bytes(other.key)
    (tmp_path / "bad").write_text("no key")
    for cert, key, words in (
        (certificate, tmp_path / "key.der", "is not that of"),
        (certificate, tmp_path / "bad", "is no key without a password, PEM or DER"),
        (tmp_path / "bad", tmp_path / "key.der", "is no certificate, PEM or DER"),
        (tmp_path / "gone", tmp_path / "key.der", "gone: No such file"),
    ):
        with pytest.raises(ConfigError, match=words):
            load_identity(cert, key)


def test_an_unknown_server_is_refused_and_its_certificate_kept(own, tmp_path) -> None:
    shown = own[1].certificate
    pinned = tmp_path / "pinned.der"
    with pytest.raises(LinkLost) as refused:
        see_trusted(shown, pinned, data=tmp_path, connection="press", setting=False)
    kept = tmp_path / "opcua/refused/press.der"
    assert fingerprint(shown) in str(refused.value)
    assert f"move {kept} to {pinned}" in str(refused.value)
    kept.rename(pinned)
    see_trusted(shown, pinned, data=tmp_path, connection="press", setting=False)
    pinned.write_text("no certificate")
    with pytest.raises(LinkLost, match="cannot be read"):
        see_trusted(shown, pinned, data=tmp_path, connection="press", setting=False)


def test_a_server_is_refused_also_where_its_certificate_cannot_be_kept(
    own, tmp_path
) -> None:
    (tmp_path / "full").touch()
    pinned = tmp_path / "pinned.der"
    with pytest.raises(LinkLost) as refused:
        see_trusted(
            own[1].certificate,
            pinned,
            data=tmp_path / "full",
            connection="press",
            setting=False,
        )
    assert f"put it at {pinned}: here it cannot be kept" in str(refused.value)


# --- settings ------------------------------------------------------------------------

GOOD = {"driver": "opcua", "url": "opc.tcp://press:4840"}
NODE = {"node_id": "ns=2;s=T"}


@pytest.mark.parametrize(
    ("connection", "tag", "words"),
    [
        ({"url": "http://press:4840"}, NODE, "url 'http://press:4840' is none of the"),
        ({"url": "opc.tcp://press"}, NODE, "is none of the form opc.tcp://host:4840"),
        ({"url": "opc.tcp://press:x"}, NODE, "is none of the form"),
        ({"url": "opc.tcp://me:pw@press:1"}, NODE, "url has a user in it; write"),
        ({"security": "high"}, NODE, "at `$.security`"),
        ({"policy": "Basic128Rsa15"}, NODE, "at `$.policy`"),
        ({"password": "x"}, NODE, "has no setting 'password'; it has url, security"),
        ({"certificate": "a"}, NODE, "certificate and private_key go together"),
        ({"server_certificate": "a"}, NODE, 'of no use with security = "none"'),
        ({"user_name": "me"}, NODE, "user_name and password_file go together"),
        (
            {"user_name": "me", "password_file": "pw"},
            NODE,
            "security = 'none' does not hide the password",
        ),
        (
            {"user_name": "me", "password_file": "pw", "insecure_password": True},
            NODE,
            "pw: No such file or directory",
        ),
        (
            {"security": "sign", "server_certificate": "cert.der"},
            NODE,
            "cert.der: No such file or directory",
        ),
        ({}, {}, "missing required field `node_id`"),
        ({}, {"node_id": "T"}, "tag 'speed': 'T' is no node id"),
        ({}, {**NODE, "scan_ms": 1}, "at `$.scan_ms`"),
    ],
)
def test_what_does_not_go_together_is_told_with_its_place(
    connection, tag, words, tmp_path
) -> None:
    with pytest.raises(ConfigError) as flaw:
        connected(Clock(), {**GOOD, **connection}, {"speed": tag}, tmp_path)
    assert str(flaw.value).startswith("tags.toml: ")
    assert words in str(flaw.value)


def test_two_tags_of_one_node_are_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="'a' and 'b' are both node ns=2;s=T"):
        connected(Clock(), GOOD, {"a": NODE, "b": NODE}, tmp_path)
