"""PostgreSQL behind TLS: the services' URLs carry what libpq has to check."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from heddle.local.postgres import Postgres
from services.backend.store.database import conninfo
from services.fleetdata.store.links import StoreUnreachable
from services.fleetdata.store.provision import Server, open_project
from tests.support.databases import PASSWORD, QUICK, programs, running
from tests.support.ports import free_port
from tests.support.tls import Plant

OWN = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    return Plant(tmp_path_factory.mktemp("plant"))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, plant: Plant) -> Iterator[str]:
    """A server that speaks TLS with the plant's certificate; its plain URL."""
    data = tmp_path_factory.mktemp("tls-database") / "data"
    shown = {"ssl": "on", "ssl_cert_file": "own.crt", "ssl_key_file": "own.key"}
    postgres = Postgres(programs("timescaledb"), data, free_port(), QUICK | shown)
    postgres.initialise(PASSWORD, ("heddle",))
    owner = data.stat()
    for own, file in zip(("own.crt", "own.key"), plant.pair("router"), strict=True):
        shutil.copyfile(file, data / own)
        (data / own).chmod(0o600)
        shutil.chown(data / own, owner.st_uid, owner.st_gid)
    with running(postgres, ("heddle",)) as server:
        yield server.dsn("heddle")


def checked(url: str, ca: Path) -> str:
    """The URL of an operator who wants the server's name checked."""
    return f"{url}?{urlencode({'sslmode': 'verify-full', 'sslrootcert': ca})}"


def test_both_services_encrypt_and_check_whom_they_reach(
    url: str, plant: Plant
) -> None:
    wanted = checked(url, plant.ca)
    with psycopg.connect(conninfo(wanted, None)) as backend:
        assert backend.execute(OWN).fetchone() == (True,)
    server = Server.at(wanted, None, b"secret")
    open_project(server, "plant")
    with psycopg.connect(server.conninfo("plant", 10)) as fleetdata:
        assert fleetdata.execute(OWN).fetchone() == (True,)


def test_a_server_of_another_ca_or_name_is_not_spoken_to(
    url: str, plant: Plant, tmp_path: Path
) -> None:
    others = Plant(tmp_path / "others")
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(conninfo(checked(url, others.ca), None))
    with pytest.raises(StoreUnreachable, match="certificate verify failed"):
        open_project(Server.at(checked(url, others.ca), None, b"secret"), "other")
    elsewhere = make_conninfo(checked(url, plant.ca), host="127.0.0.2")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(elsewhere, hostaddr="127.0.0.1")
