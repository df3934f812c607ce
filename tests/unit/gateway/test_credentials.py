"""What an Authorization header says, and that it is told to nobody."""

import base64
import json

import pytest

from services.gateway.credentials import ApiKey, Password, Ticket, mark, read
from services.gateway.problems import Unauthenticated


def jwt(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    return f"e30.{payload.rstrip('=')}.c2ln"


def test_a_ticket_says_where_to_knock() -> None:
    secret = jwt(sub="vera", project="plant", exp=12, role="owner", sid="s")

    assert read(f"Bearer {secret}") == Ticket("vera", "plant", 12.0, secret)
    assert read(f"bearer  {secret} ") == Ticket("vera", "plant", 12.0, secret)


def test_an_api_key_is_a_user_of_its_own() -> None:
    assert read("Bearer hdl_a1b2_s3cret-value_") == ApiKey(
        "key_a1b2", "hdl_a1b2_s3cret-value_"
    )


def test_a_password_may_hold_a_colon() -> None:
    header = "Basic " + base64.b64encode(b"vera:a:b").decode()

    assert read(header) == Password("vera", "a:b")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer hdl_A_secretsecret",
        "Bearer hdl_a_short",
        f"Bearer {jwt(sub='vera', exp=1)}",
        f"Bearer {jwt(sub='vera', project='../x', exp=1)}",
        f"Bearer {jwt(sub='', project='plant', exp=1)}",
        f"Bearer {jwt(sub='vera', project='plant', exp='soon')}",
        "Bearer " + "a" * 5000,
        "Basic x",
        "Basic " + base64.b64encode(b"vera").decode(),
        "Basic " + base64.b64encode(b"\xff:x").decode(),
        "Digest x",
    ],
)
def test_anything_else_is_none(header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        read(header)


def test_no_secret_is_shown() -> None:
    for one in (Ticket("u", "p", 1.0, "s3cret"), ApiKey("u", "s3cret")):
        assert "s3cret" not in repr(one)
        assert "s3cret" not in mark(one)
    assert mark(ApiKey("u", "a")) != mark(Password("u", "a")) != mark(ApiKey("u", "b"))
