"""What can be said without a server: names, passwords, settings, questions."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heddle.contract.declare import FleetError
from heddle.contract.history import HistoryQuery
from heddle.wamp.process import ConfigError, load_config
from services.fleetdata.config import Config
from services.fleetdata.questions import check_history
from services.fleetdata.store.provision import BadDatabaseUrl, Server, database_name

SERVER = Server.at("postgresql://admin@db.example:5433/postgres", "s3cret", b"key")


def test_a_project_has_a_database_and_login_of_its_name() -> None:
    conninfo = SERVER.conninfo("plant", 10)
    assert "dbname=heddle_plant" in conninfo
    assert "user=heddle_plant" in conninfo
    assert "s3cret" not in conninfo
    assert SERVER.place == "db.example:5433"


def test_passwords_differ_by_project_and_by_key() -> None:
    other = Server.at("postgresql://admin@db.example/postgres", None, b"other key")
    passwords = {
        SERVER.password("plant"),
        SERVER.password("plant_2"),
        other.password("plant"),
    }
    assert len(passwords) == 3
    assert SERVER.password("plant") == SERVER.password("plant")


def test_long_ids_are_shortened_and_stay_apart() -> None:
    one, two = "a" * 63 + "1", "a" * 63 + "2"
    names = {database_name(one), database_name(two), database_name("a" * 56)}
    assert len(names) == 3
    assert all(len(name) <= 63 for name in names)


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(BadDatabaseUrl):
        Server.at("postgresql://[", None, b"key")


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(ConfigError, match="FLEETDATA_KEY_FILE"):
        load_config(
            Config,
            "FLEETDATA_",
            {"FLEETDATA_ROUTER_URL": "rs://r", "FLEETDATA_DATABASE_URL": "x"},
        )


def test_settings_are_read_from_the_environment() -> None:
    config = load_config(
        Config,
        "FLEETDATA_",
        {
            "FLEETDATA_ROUTER_URL": "rs://r",
            "FLEETDATA_KEY_FILE": "/run/key",
            "FLEETDATA_DATABASE_URL": "x",
            "FLEETDATA_KEEP_DAYS": "7",
        },
    )
    assert (config.key_file, config.keep_days) == (Path("/run/key"), 7)


QUERY = HistoryQuery(device="press_7", tags=("temp",), from_ms=0, to_ms=10)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"device": "Press"}, "device"),
        ({"tags": ()}, "tags has 0"),
        ({"tags": ("a\0",)}, r"tags\[0\]"),
        ({"from_ms": 10}, r"\[10, 10\)"),
        ({"from_ms": -1}, r"\[-1, 10\)"),
        ({"to_ms": 10**18}, "out of bounds"),
        ({"bucket_ms": 0}, "bucket_ms is 0"),
        ({"bucket_ms": 10**15}, "bucket_ms is"),
        ({"limit": 0}, "limit is 0"),
        ({"limit": 40_001}, "limit is 40001"),
    ],
)
def test_a_bad_question_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(FleetError, match=named):
        check_history(replace(QUERY, **changes))
