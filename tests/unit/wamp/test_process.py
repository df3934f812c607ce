"""Settings: from file and environment, with a sentence for what is wrong."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from heddle.wamp.process import (
    ConfigError,
    human_line,
    json_line,
    load_config,
    read_secret,
)
from heddle.wamp.session import request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    router_url: str
    batch_rows: int = 100
    key_file: Path | None = None


def test_the_environment_overrides_the_file(tmp_path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('router_url = "from file"\nbatch_rows = 5\nkey_file = "k"\n')
    environ = {"DEMO_CONFIG": str(file), "DEMO_BATCH_ROWS": "9", "DEMO_ROUTER_URL": ""}
    assert load_config(Config, "DEMO_", environ) == Config(
        router_url="from file", batch_rows=9, key_file=Path("k")
    )


@pytest.mark.parametrize(
    ("text", "environ", "sentence"),
    [
        (
            None,
            {},
            "setting DEMO_ROUTER_URL is missing: set it in the environment, or "
            "router_url in the file that DEMO_CONFIG names",
        ),
        (
            None,
            {"DEMO_ROUTER_URL": "x", "DEMO_BATCH_ROWS": "many"},
            "setting DEMO_BATCH_ROWS is unusable: Expected int, got str",
        ),
        (
            'router_url = "x"\nbatch_rows = []',
            {},
            "setting batch_rows in FILE is unusable: Expected int, got array",
        ),
        (
            'rooter_url = "x"',
            {},
            "FILE: there is no setting 'rooter_url'; did you mean router_url?",
        ),
        (
            "zzz = 1",
            {},
            "FILE: there is no setting 'zzz'; it has router_url, batch_rows, key_file",
        ),
        ("router_url", {}, "configuration file FILE is no TOML: "),
    ],
)
def test_a_bad_setting_is_named(text, environ, sentence, tmp_path) -> None:
    file = tmp_path / "c.toml"
    if text is not None:
        file.write_text(text)
        environ = {**environ, "DEMO_CONFIG": str(file)}
    with pytest.raises(ConfigError) as refused:
        load_config(Config, "DEMO_", environ)
    assert str(refused.value).startswith(sentence.replace("FILE", str(file)))


def test_a_configuration_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        load_config(Config, "DEMO_", {"DEMO_CONFIG": str(tmp_path / "none.toml")})


def test_a_secret_is_read_without_its_newline(tmp_path) -> None:
    file = tmp_path / "secret"
    file.write_text(" s3cret \n")
    assert read_secret(file) == " s3cret "
    file.write_text("\n")
    with pytest.raises(ConfigError, match="secret is empty"):
        read_secret(file)
    with pytest.raises(ConfigError, match="No such file"):
        read_secret(tmp_path / "none")


def _event(**more: object) -> dict[str, object]:
    return {
        "log_time": 0.0,
        "log_level": LogLevel.warn,
        "log_namespace": "services.backend.service",
        "log_format": "{n} left",
        "n": 3,
        **more,
    }


def test_a_log_line_for_people() -> None:
    assert human_line(_event()).endswith(":00 warn  service: 3 left\n")


def test_a_log_line_for_programs_carries_request_and_traceback() -> None:
    token = request_id.set("r1")
    try:
        line = json_line(_event(log_failure=Failure(ValueError("why"))))
    finally:
        request_id.reset(token)
    assert line.startswith(
        '{"at": "1970-01-01T00:00:00+00:00", "level": "warn", '
        '"from": "services.backend.service", "text": "3 left", "request": "r1", '
        '"traceback": "'
    )
    assert "ValueError: why" in line
    assert line.count("\n") == 1
