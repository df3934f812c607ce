"""No secret is where it does not belong: a whole stack is used, at its most talkative,
and then all that it wrote, keeps and shows to other users of the machine is searched.
"""

import base64
import http.client
import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.sql import SQL, Identifier

from heddle.local.postgres import Postgres, embedded_bin
from tests.support.neighbours import need
from tests.support.ports import free_port
from tests.support.stack import (
    RunningStack,
    agent_process,
    eventually,
    heddle,
    running_stack,
)

ADMIN_PASSWORD = "correct-horse-battery-7"
WRONG_PASSWORD = "incorrect-horse-battery-8"
WILMAS_PASSWORD = "what-wilma-never-says-9"
BROKERS_PASSWORD = "what-the-broker-knows-10"
HOOK_SECRET = "what-the-hook-hears-11"
HOOK_PATH = "all-that-a-chat-asks-for-12"
TYPED_AS_NAME = "typed-into-the-wrong-field-13"
IN_A_QUERY = "put-into-an-address-14"

KEPT_IN_TABLES = {"token of a webhook", "address of a webhook"}  # they are sent out
"""All else is a hash in the databases, or sealed."""

TAGS = """
[connections.line]
driver = "mqtt"
url = "mqtt://127.0.0.1:{port}"
user = "line"
password_file = "line.password"

[tags.level]
connection = "line"
topic = "plant/line/level"
"""


class Found:
    """Secrets by what they are, in all the ways somebody could write them down."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes, ...]] = {}

    def know(self, what: str, secret: str) -> str:
        raw = secret.encode()
        forms = [raw, base64.b64encode(raw).rstrip(b"=")[:-1]]
        if len(raw) == 64:  # hex digits of a key
            forms.append(bytes.fromhex(secret))
        assert len(raw) >= 8, what
        self._known[what] = tuple(forms)
        return secret

    def within(self, text: bytes) -> set[str]:
        return {
            what
            for what, forms in self._known.items()
            if any(form in text for form in forms)
        }


class Api:
    """Asks the gateway, or a device's local page."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        sent = None if body is None else json.dumps(body)
        with closing(connection):
            connection.request(
                method, path, sent, {"content-type": "application/json", **headers}
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")


class Owner:
    """Asks in the owner's name."""

    def __init__(self, api: Api, ticket: str) -> None:
        self._api, self._ticket = api, ticket

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        status, told = self._api.ask(method, path, body, **bearer(self._ticket))
        assert status in (200, 201), told
        return told

    def is_online(self, device: str) -> bool:
        found = self.ask("GET", "/api/v1/devices")["devices"]
        return any(one["device"] == device and one["online"] for one in found)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def home(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a user of their own."""
    return {"XDG_CONFIG_HOME": str(folder), "HEDDLE_DATA": "", **more}


# What is done with them


def over_rest(stack: RunningStack, found: Found) -> tuple[Owner, str]:
    """The owner, and a program's key."""
    api = Api(stack.api_port)
    right = {"user": "admin", "password": ADMIN_PASSWORD}
    status, opened = api.ask("POST", "/api/v1/login", right)
    assert status == 200, opened
    ticket = found.know("ticket", opened["ticket"])
    found.know("signature of a ticket", ticket.rpartition(".")[2])
    wrong = {"user": "admin", "password": WRONG_PASSWORD}
    assert api.ask("POST", "/api/v1/login", wrong)[0] == 401
    mistyped = {"user": TYPED_AS_NAME, "password": WRONG_PASSWORD}
    assert api.ask("POST", "/api/v1/login", mistyped)[0] == 401
    status, made = api.ask(
        "POST",
        "/api/v1/keys",
        {"name": "ci", "role": "operator"},
        **bearer(ticket),
    )
    assert status == 201, made
    key = found.know("key of a program", made["token"])
    found.know("secret of a program's key", key.rpartition("_")[2])
    assert api.ask("GET", "/api/v1/devices", **bearer(key))[0] == 200
    forged = ticket[:-8] + "AAAAAAAA"
    for sent in (forged, key[:-4] + "AAAA", "rubbish"):
        assert api.ask("GET", "/api/v1/devices", **bearer(sent))[0] == 401
    asked = f"/api/v1/devices?access_token={IN_A_QUERY}&password={IN_A_QUERY}"
    assert api.ask("GET", asked, **bearer(ticket))[0] == 400
    basic = base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
    found.know("user and password of HTTP", basic)
    status, _ = api.ask("GET", "/api/v1/projects", authorization=f"Basic {basic}")
    assert status == 200
    assert api.ask("POST", "/api/v1/login", {"password": WRONG_PASSWORD})[0] == 400
    return Owner(api, ticket), key


def over_the_command_line(
    stack: RunningStack, owner: Owner, found: Found, folder: Path, key: str
) -> None:
    admin, wilma, program = (home(folder / n) for n in ("admin", "wilma", "program"))
    words = ("login", stack.page, "--user", "admin", "--password-file", "-")
    assert heddle(*words, env=admin, stdin=ADMIN_PASSWORD).code == 0
    saved = json.loads((folder / "admin/heddle/session.json").read_text())
    found.know("ticket of the command line", saved["ticket"]["ticket"])
    assert heddle(*words, env=admin, stdin=WRONG_PASSWORD).code == 3
    asked = {"role": "viewer", "user": "wilma"}
    code = owner.ask("POST", "/api/v1/invitations", asked)["code"]
    found.know("code of an invitation", code)
    words = ("invitation", "accept", "--url", stack.page, "--user", "wilma")
    (folder / "password").write_text(WILMAS_PASSWORD)
    accepted = heddle(
        *(*words, "--password-file", str(folder / "password")),
        env=wilma,
        stdin=f"{code}\n",
    )
    assert accepted.code == 0, accepted.err
    (folder / "token").write_text(key)
    words = ("login", stack.page, "--key-file", str(folder / "token"))
    assert heddle(*words, env=program).code == 0
    address = f"http://127.0.0.1:{free_port()}/{HOOK_PATH}?key={HOOK_PATH}"
    words = ("alarm", "notices", "set", "hook", "--url", address, "--secret-file", "-")
    told = heddle(*words, "--data", str(stack.data), stdin=HOOK_SECRET)
    assert told.code == 0, told.err
    tested = stack.cli("alarm", "notices", "test", "hook")
    assert tested.code != 0
    assert HOOK_PATH not in tested.err


def beside_a_device(port: int, found: Found, data: Path) -> None:
    api = Api(port)
    token = found.know("token of a local page", (data / "local.token").read_text()[:-1])
    assert api.ask("GET", "/node", **bearer(token))[0] == 200
    assert api.ask("GET", "/node", **bearer(WRONG_PASSWORD))[0] == 401
    assert api.ask("GET", f"/node?token={IN_A_QUERY}")[0] == 401


@contextmanager
def another_device(
    stack: RunningStack, owner: Owner, found: Found, folder: Path
) -> Iterator[int]:
    """An agent that has a code in a file, and a password for a broker; its process."""
    folder.mkdir()
    codes = [
        owner.ask("POST", "/api/v1/enrolment-codes", {"device": device})["code"]
        for device in ("edge_2", "never_made")
    ]
    code = found.know("code of a device", codes[0])
    found.know("code of a device that never came", codes[1])
    (folder / "code").write_text(code + "\n")
    (folder / "line.password").write_text(BROKERS_PASSWORD)
    (folder / "tags.toml").write_text(TAGS.format(port=free_port()))
    settings = {
        "AGENT_ROUTER_URL": stack.router,
        "AGENT_DATA": str(folder / "data"),
        "AGENT_CODE_FILE": str(folder / "code"),
        "AGENT_KIND": "edge",
        "AGENT_TAGS": str(folder / "tags.toml"),
        "HEDDLE_LOG_LEVEL": "debug",
    }
    agent = agent_process(folder / "agent.log", settings)
    try:
        eventually(lambda: owner.is_online("edge_2"), "edge_2 is online")
        yield agent.pid
    finally:
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(60) == 0


# Where they are looked for


def shown_to_other_users(pid: int) -> Iterator[tuple[str, bytes]]:
    """Command lines; and environments, which are their owner's, but are inherited."""
    top = psutil.Process(pid)
    for one in (top, *top.children(recursive=True)):
        try:
            words = " ".join(one.cmdline())
            yield f"command line of {words[:80]}", words.encode()
            yield f"environment of {words[:80]}", repr(one.environ()).encode()
        except psutil.NoSuchProcess:
            continue


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that is not a secret's own."""
    for file in sorted(folder.rglob("*")):
        place = file.relative_to(folder)
        if file.is_file() and not file.is_symlink() and not is_home(place):
            yield str(place), file.read_bytes()


def is_home(place: Path) -> bool:
    """A file that is there to hold a secret, and is closed to others."""
    return place.parts[0] in {"keys", "secrets"} or place.name in {
        "code",
        "device.key",
        "line.password",
        "local.token",
    }


def tables(stack: RunningStack) -> Iterator[tuple[str, bytes]]:
    """All rows of all databases, as text."""
    password = (stack.data / "secrets/database_password").read_text().strip()
    server = Postgres(embedded_bin(), stack.data / "postgres")
    with closing(psycopg.connect(server.dsn("postgres", password))) as connection:
        named = connection.execute(
            "select datname from pg_database where not datistemplate"
        ).fetchall()
    for (database,) in named:
        with closing(psycopg.connect(server.dsn(database, password))) as connection:
            yield from _rows(database, connection)


def _rows(database: str, connection: Any) -> Iterator[tuple[str, bytes]]:
    found = connection.execute(
        "select schemaname, tablename from pg_tables "
        "where schemaname not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    for schema, table in found:
        question = SQL("copy (select * from {}) to stdout").format(
            Identifier(schema, table)
        )
        with connection.cursor().copy(question) as rows:
            yield f"table {database}.{table}", b"".join(map(bytes, rows))


def is_allowed(what: str, place: str) -> bool:
    in_database = place.startswith(("table ", "postgres/"))
    return what in KEPT_IN_TABLES and in_database


def test_no_secret_is_where_it_does_not_belong(tmp_path: Path) -> None:
    need("crossbar")
    found = Found()
    for what, secret in SECRETS.items():
        found.know(what, secret)
    data, local = tmp_path / "data", free_port()
    (data / "secrets").mkdir(parents=True, mode=0o700)
    (data / "secrets/admin_password").write_text(ADMIN_PASSWORD + "\n")
    talkative = {
        "HEDDLE_LOG_LEVEL": "debug",
        "ROUTER_LOGLEVEL": "debug",
        "AGENT_LOCAL": f"127.0.0.1:{local}",
    }
    with running_stack(data, "--runtime", "process", **talkative) as stack:
        for file in (*(data / "keys").iterdir(), *(data / "secrets").iterdir()):
            found.know(file.name, file.read_text().strip())
        owner, key = over_rest(stack, found)
        over_the_command_line(stack, owner, found, tmp_path, key)
        beside_a_device(local, found, data / "devices/virtual_1")
        assert stack.process is not None
        with another_device(stack, owner, found, tmp_path / "edge") as agent:
            places = [*shown_to_other_users(agent), *tables(stack)]
            places += shown_to_other_users(stack.process.pid)
    for key_file in tmp_path.rglob("device.key"):
        found.know(f"key {key_file}", key_file.read_text().strip())
    places += [*written(data), *written(tmp_path / "edge")]
    places.append(("what `heddle up` said", stack.said.encode()))
    looked = {place for place, _ in places}
    assert {"logs/router.log", "logs/gateway.log", "stack.json", "agent.log"} <= looked
    assert any(place.startswith("table heddle.audit") for place in looked)
    leaks = [
        f"{what} in {place}"
        for place, text in places
        for what in sorted(found.within(text))
        if not is_allowed(what, place)
    ]
    assert leaks == []


SECRETS: Mapping[str, str] = {
    "password of admin": ADMIN_PASSWORD,
    "wrong password": WRONG_PASSWORD,
    "password of wilma": WILMAS_PASSWORD,
    "password for a broker": BROKERS_PASSWORD,
    "token of a webhook": HOOK_SECRET,
    "address of a webhook": HOOK_PATH,
    "password typed as a name": TYPED_AS_NAME,
    "secret in a query": IN_A_QUERY,
}
