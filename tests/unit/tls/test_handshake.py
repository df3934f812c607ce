"""Who gets a link with whom: each reason for which a handshake must fail, and its word.

Client and server meet in memory, with the certificates of `heddle keys`.
"""

import time
from pathlib import Path

import pytest
from OpenSSL import SSL
from twisted.internet.task import Clock

from heddle.tls.dialling import Attempt
from heddle.tls.serving import Secured
from heddle.tls.trust import BadCertificate, Trust
from tests.support.tls import Met, Plant, Wire, shake_hands


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    plant = Plant(tmp_path_factory.mktemp("plant"))
    plant.authority.server("elsewhere", ["centre.example", "*.plant.example"], 10)
    plant.ended("ended")
    plant.ended("to_come", days_ago=-3)
    return plant


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Another CA, with certificates of the same names."""
    return Plant(tmp_path_factory.mktemp("others"))


def secured(
    plant: Plant, label: str = "router", client_ca: Path | None = None
) -> Secured:
    """A server at a time at which its certificate was good, whatever it is now."""
    files = plant.files(label, client_ca=client_ca)
    wall_s = {"ended": -86_400 * 1.2, "to_come": 86_400 * 2.8}.get(label, 0.0)
    return Secured(Clock(), files, "a port", lambda: time.time() + wall_s)


def met(attempt: Attempt, server: Secured) -> tuple[Met, str]:
    ended = shake_hands(attempt, server)
    return ended, attempt.why(ended.client_flaw) or ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_who_is_signed_and_named_is_believed(plant: Plant, host: str) -> None:
    ended, _ = met(Attempt(host, plant.trust()), secured(plant))
    assert ended.stands
    assert ended.client.get_protocol_version_name() == "TLSv1.3"


def test_a_name_with_a_star_stands_for_one_level(plant: Plant) -> None:
    server = secured(plant, "elsewhere")
    assert met(Attempt("press.plant.example", plant.trust()), server)[0].stands
    ended, why = met(Attempt("a.press.plant.example", plant.trust()), server)
    assert not ended.stands
    assert "is not for a.press.plant.example" in why


def test_a_certificate_for_another_host_is_refused(plant: Plant) -> None:
    ended, why = met(Attempt("127.0.0.1", plant.trust()), secured(plant, "elsewhere"))
    assert not ended.stands
    assert "not for 127.0.0.1" in why
    assert "heddle keys server --name 127.0.0.1" in why


def test_a_certificate_of_another_ca_is_refused(plant: Plant, others: Plant) -> None:
    ended, why = met(Attempt("127.0.0.1", others.trust()), secured(plant))
    assert not ended.stands
    assert f"nobody signed whom {others.ca} trusts" in why


def test_the_machines_own_trust_does_not_know_a_plants_ca(plant: Plant) -> None:
    ended, why = met(Attempt("127.0.0.1", Trust()), secured(plant))
    assert not ended.stands
    assert "this machine trusts" in why


@pytest.mark.parametrize(
    ("label", "words"),
    [("ended", "has expired"), ("to_come", "is not good yet")],
)
def test_a_certificate_out_of_its_time_is_refused(
    plant: Plant, label: str, words: str
) -> None:
    ended, why = met(Attempt("127.0.0.1", plant.trust()), secured(plant, label))
    assert not ended.stands
    assert words in why


def test_a_clients_certificate_does_not_pass_for_a_servers(plant: Plant) -> None:
    ended, why = met(Attempt("press_7", plant.trust()), secured(plant, "press_7"))
    assert not ended.stands
    assert "cannot be trusted" in why


def test_who_must_show_a_certificate_and_does_gets_in(plant: Plant) -> None:
    server = secured(plant, client_ca=plant.ca)
    assert met(Attempt("127.0.0.1", plant.trust("press_7")), server)[0].stands


def test_who_must_show_a_certificate_and_has_none_is_refused(plant: Plant) -> None:
    server = secured(plant, client_ca=plant.ca)
    ended, why = met(Attempt("127.0.0.1", plant.trust()), server)
    assert ended.server_flaw is not None
    assert "nobody without a client certificate" in why


def test_a_client_certificate_of_another_ca_is_refused(
    plant: Plant, others: Plant
) -> None:
    server = secured(plant, client_ca=plant.ca)
    trust = Trust(plant.ca, *others.pair("press_7"))
    ended, why = met(Attempt("127.0.0.1", trust), server)
    assert ended.server_flaw is not None
    assert "does not take our certificate" in why


def test_a_servers_certificate_does_not_pass_for_a_clients(plant: Plant) -> None:
    server = secured(plant, client_ca=plant.ca)
    ended, _ = met(Attempt("127.0.0.1", plant.trust("router")), server)
    assert ended.server_flaw is not None


@pytest.mark.parametrize(
    ("newest", "stands"), [(SSL.TLS1_1_VERSION, False), (SSL.TLS1_2_VERSION, True)]
)
def test_nothing_older_than_tls_1_2_is_spoken(
    plant: Plant, newest: int, stands: bool
) -> None:
    attempt = Attempt("127.0.0.1", plant.trust())
    attempt._context.set_min_proto_version(0)
    attempt._context.set_max_proto_version(newest)
    ended, _ = met(attempt, secured(plant))
    assert ended.stands is stands


def test_who_speaks_http_without_tls_is_told(plant: Plant) -> None:
    wire = Wire()
    server = secured(plant).serverConnectionForTLS(wire)
    server.set_accept_state()
    server.bio_write(b"GET / HTTP/1.1\r\nHost: centre\r\n\r\n")
    with pytest.raises(SSL.Error):
        server.do_handshake()
    assert wire.said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"use https://" in wire.said


def test_a_server_without_tls_is_told(plant: Plant) -> None:
    attempt = Attempt("127.0.0.1", plant.trust())
    client = attempt.clientConnectionForTLS(None)
    client.set_connect_state()
    client.bio_write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(SSL.Error) as caught:
        client.do_handshake()
    assert "does not speak TLS" in (attempt.why(caught.value) or "")


def test_half_a_client_certificate_is_refused(plant: Plant) -> None:
    certificate, _ = plant.pair("press_7")
    with pytest.raises(BadCertificate, match="needs its key"):
        Attempt("127.0.0.1", Trust(plant.ca, certificate))
