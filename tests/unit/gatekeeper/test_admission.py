"""Who a key or a ticket makes one, without a router."""

import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from heddle.contract.declare import InvalidRequest, Role
from heddle.contract.gate import (
    DeviceKey,
    Directory,
    KeyOfAnotherProject,
    KeyUnknown,
    OpenRealm,
    RealmUnknown,
    RevokeSession,
    TicketInvalid,
)
from heddle.contract.people import ProjectNotFound
from services.gatekeeper.admission import Admission, admit_key, admit_ticket
from services.gatekeeper.directory import Known
from services.gatekeeper.principals import Principal

PLANT = "project_plant"
BACKEND, OWNER, PRESS, STRANGER = ("ab" * 32, "cd" * 32, "ef" * 32, "01" * 32)
SIGNING = Ed25519PrivateKey.generate()
PRINCIPALS = {
    BACKEND: Principal(name="backend", role=Role.BACKEND, public_key=BACKEND),
    OWNER: Principal(name="admin", role=Role.OWNER, public_key=OWNER),
}


@pytest.fixture
def known(tmp_path: Path) -> Known:
    known = Known(tmp_path / "gatekeeper.json")
    known.replace_all(
        Directory(
            projects=("plant", "other"),
            devices=(DeviceKey(project="plant", device="press_7", public_key=PRESS),),
            ticket_key=SIGNING.public_key().public_bytes_raw().hex(),
        )
    )
    return known


def ticket(**changed: Any) -> str:
    claims = {
        "sub": "ann",
        "project": "plant",
        "role": "viewer",
        "aud": "heddle",
        "exp": time.time() + 60,
        **changed,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, SIGNING, algorithm="EdDSA")


@pytest.mark.parametrize(
    ("realm", "key", "admission"),
    [
        ("system", BACKEND, Admission("system", Role.BACKEND, "backend")),
        ("system", OWNER, Admission("system", Role.PERSON, "admin")),
        ("system", PRESS, Admission("system", Role.ENROLLING, PRESS)),
        ("system", STRANGER, Admission("system", Role.ENROLLING, STRANGER)),
        ("system", STRANGER.upper(), Admission("system", Role.ENROLLING, STRANGER)),
        ("project_plant", BACKEND, Admission("project_plant", Role.BACKEND, "backend")),
        ("project_plant", OWNER, Admission("project_plant", Role.OWNER, "admin")),
        ("project_plant", PRESS, Admission("project_plant", Role.AGENT, "press_7")),
        (
            "project_plant",
            PRESS.upper(),
            Admission("project_plant", Role.AGENT, "press_7"),
        ),
        (None, PRESS, Admission("project_plant", Role.AGENT, "press_7")),
    ],
)
def test_a_key_is_who_it_is_in_the_realm_it_asks_for(
    known: Known, realm: str | None, key: str, admission: Admission
) -> None:
    assert admit_key(known, PRINCIPALS, realm, key) == admission


@pytest.mark.parametrize(
    ("realm", "key", "error"),
    [
        ("project_other", PRESS, KeyOfAnotherProject),
        ("project_plant", STRANGER, KeyUnknown),
        (None, STRANGER, KeyUnknown),
        (None, BACKEND, KeyUnknown),
        ("project_none", PRESS, ProjectNotFound),
        ("project_none", BACKEND, ProjectNotFound),
        ("project_none", OWNER, ProjectNotFound),
        ("realm1", BACKEND, RealmUnknown),
        ("realm1", PRESS, RealmUnknown),
        ("", PRESS, RealmUnknown),
        ("system ", OWNER, RealmUnknown),
        ("project_", OWNER, ProjectNotFound),
        ("project_plant", "abc", InvalidRequest),
        ("project_plant", None, InvalidRequest),
        ("project_plant", PRESS + "\n", InvalidRequest),
    ],
)
def test_a_key_is_refused_where_it_has_no_business(
    known: Known, realm: str | None, key: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        admit_key(known, PRINCIPALS, realm, key)


def test_a_device_of_a_project_that_is_gone_is_refused(known: Known) -> None:
    known.replace_all(
        Directory(
            projects=(),
            devices=(DeviceKey(project="plant", device="press_7", public_key=PRESS),),
            ticket_key="",
        )
    )
    for realm in (None, "project_plant"):
        with pytest.raises(ProjectNotFound):
            admit_key(known, PRINCIPALS, realm, PRESS)


def test_a_ticket_gives_what_its_claims_say(known: Known) -> None:
    for claims, session in (({}, ""), ({"sid": "s1"}, "s1")):
        good = ticket(role="operator", exp=4_000_000_000, **claims)
        assert admit_ticket(known, "project_plant", "ann", good) == Admission(
            "project_plant", Role.OPERATOR, "ann", session, 4_000_000_000.0
        )


def test_a_ticket_of_a_session_that_was_ended_is_refused(known: Known) -> None:
    known.tell(RevokeSession(project="plant", session="s1", until_ms=1))
    with pytest.raises(TicketInvalid, match="has been ended: sign in again"):
        admit_ticket(known, "project_plant", "ann", ticket(sid="s1"))
    assert admit_ticket(known, "project_plant", "ann", ticket(sid="s2")).authid == "ann"
    with pytest.raises(TicketInvalid):
        admit_ticket(known, "project_plant", "ann", ticket(sid=["s2"]))


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": 1},
        {"exp": None},
        {"aud": None},
        {"aud": "heddle2"},
        {"sub": None},
        {"sub": "bob"},
        {"project": None},
        {"project": "other"},
        {"role": None},
        {"role": "backend"},
        {"role": "agent"},
        {"role": "person"},
        {"role": ""},
        {"nbf": 4_000_000_000},
    ],
)
def test_a_ticket_with_a_claim_that_is_wrong_is_refused(
    known: Known, changed: dict[str, Any]
) -> None:
    with pytest.raises(TicketInvalid):
        admit_ticket(known, "project_plant", "ann", ticket(**changed))


def test_a_ticket_signed_with_the_public_key_as_a_secret_is_refused(
    known: Known,
) -> None:
    claims = jwt.decode(ticket(), options={"verify_signature": False})
    forged = jwt.encode(claims, known.ticket_key, algorithm="HS256")
    with pytest.raises(TicketInvalid):
        admit_ticket(known, "project_plant", "ann", forged)


def test_no_ticket_is_good_before_the_backend_told_its_key(tmp_path: Path) -> None:
    known = Known(tmp_path / "gatekeeper.json")
    known.tell(OpenRealm(project="plant"))
    with pytest.raises(TicketInvalid, match="try again"):
        admit_ticket(known, "project_plant", "ann", ticket())


def test_a_ticket_needs_a_realm(known: Known) -> None:
    with pytest.raises(RealmUnknown):
        admit_ticket(known, None, "ann", ticket())
