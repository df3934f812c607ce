"""The router as a program: boot, signals, kill -9, and a start that cannot be.

Each start takes several seconds: everything else is tested in the test's process.
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import pytest_twisted
from click.testing import CliRunner
from nacl.signing import SigningKey
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from heddle.contract.gate import SET_DIRECTORY, DeviceKey, Directory
from heddle.tls.trust import SYSTEM_TRUST
from heddle.wamp.joining import Joined, KeyCredentials, Unreachable
from heddle.wamp.keys import public_hex
from services.gatekeeper.node import main
from tests.support.neighbours import need
from tests.support.ports import free_port
from tests.support.tls import Plant
from tests.support.waiting import until

WITHIN_S = 100
ROOT = Path(__file__).parents[2]


def alive(pid: int) -> bool:
    """Whether a process with this id exists and is no zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


class Program:
    """``python -m services.gatekeeper.node`` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        need("crossbar")
        self.folder = folder
        self.key = SigningKey.generate()
        self.principals = folder / "principals.json"
        backend = {
            "name": "backend",
            "role": "backend",
            "public_key": public_hex(self.key),
        }
        self.principals.write_text(json.dumps({"principals": [backend]}))
        self.port, self.rawsocket_port = free_port(), free_port()
        self.url = f"rs://127.0.0.1:{self.rawsocket_port}"
        self.options: list[object] = []
        self.trust = SYSTEM_TRUST
        self.log = folder / "router.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        arguments = {
            "--cbdir": self.folder / "node",
            "--principals": self.principals,
            "--port": self.port,
            "--rawsocket-port": self.rawsocket_port,
        }
        words = [str(word) for pair in arguments.items() for word in pair]
        words += [str(word) for word in self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.gatekeeper.node", *words],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        return self.process

    def children(self) -> list[int]:
        assert self.process is not None
        pid = self.process.pid
        path = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in path.read_text().split()]

    def kill(self) -> None:
        """End it and its worker, whatever state they are in."""
        if self.process is None or self.process.poll() is not None:
            return
        children = self.children()
        self.process.kill()
        self.process.wait(WITHIN_S)
        deadline = time.monotonic() + 30
        for child in children:
            if alive(child):
                os.kill(child, signal.SIGKILL)
            while alive(child) and time.monotonic() < deadline:
                time.sleep(0.05)

    async def until_joined(self, realm: str | None, key: SigningKey) -> str:
        """Join as soon as the router is there; the authid it gave."""
        deadline_s = reactor.seconds() + WITHIN_S
        while True:
            try:
                credentials = KeyCredentials(key)
                async with Joined(
                    reactor, self.url, realm, credentials, self.trust
                ) as one:
                    return one.authid
            except Unreachable:
                assert reactor.seconds() < deadline_s, self.log.read_text()
                assert self.process is not None
                assert self.process.poll() is None, self.log.read_text()
                await deferLater(reactor, 0.1)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.kill()


@pytest_twisted.ensureDeferred
async def test_the_router_boots_survives_a_kill_and_ends_with_0_on_sigint(
    program: Program,
) -> None:
    program.start()
    assert await program.until_joined("system", program.key) == "backend"
    device = SigningKey.generate()
    press = DeviceKey(project="plant", device="press_7", public_key=public_hex(device))
    credentials = KeyCredentials(program.key)
    async with Joined(reactor, program.url, "system", credentials) as backend:
        await backend.call(
            SET_DIRECTORY,
            Directory(projects=("plant",), devices=(press,), ticket_key="0" * 64),
        )
    assert program.process is not None
    program.process.kill()  # its worker still holds the ports for a second or two
    program.process.wait(WITHIN_S)

    process = program.start()
    assert await program.until_joined(None, device) == "press_7"
    process.send_signal(signal.SIGINT)
    assert process.wait(WITHIN_S) == 0
    told = program.log.read_text()
    assert "Traceback" not in told
    assert "press_7" not in told  # it is quiet about what is in order


@pytest_twisted.ensureDeferred
async def test_a_router_whose_worker_died_ends_so_that_it_is_restarted(
    program: Program,
) -> None:
    process = program.start()
    await program.until_joined("system", program.key)
    (worker,) = program.children()
    os.kill(worker, signal.SIGKILL)
    assert process.wait(WITHIN_S) != 0


def test_a_port_in_use_is_told_in_one_sentence(program: Program) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", program.rawsocket_port))
        taken.listen()
        assert program.start().wait(WITHIN_S) == 2
    told = program.log.read_text().strip()
    assert told == (
        f"router: port {program.rawsocket_port} of 127.0.0.1 is in use: "
        "choose another with --rawsocket-port"
    )


def test_principals_that_are_missing_are_told_in_one_sentence(
    program: Program,
) -> None:
    program.principals.unlink()
    assert program.start().wait(WITHIN_S) == 2
    told = program.log.read_text().strip()
    assert told == (
        f"router: principals file {program.principals}: No such file or directory"
    )


def shown(port: int) -> str:
    """The certificate of who listens there."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=60)


@pytest_twisted.ensureDeferred
async def test_a_hangup_has_a_renewed_certificate_taken_at_once(
    program: Program, tmp_path: Path
) -> None:
    plant = Plant(tmp_path / "tls")
    certificate, key = plant.pair("router")
    program.options = ["--tls-certificate", certificate, "--tls-key", key]
    program.url, program.trust = program.url.replace("rs:", "rss:"), plant.trust()
    process = program.start()
    assert await program.until_joined("system", program.key) == "backend"
    credentials = KeyCredentials(program.key)
    async with Joined(
        reactor, program.url, "system", credentials, plant.trust()
    ) as stays:
        for port in (program.port, program.rawsocket_port):
            before = await deferToThread(shown, port)
            plant.authority.renew("router", None)
            renewed = certificate.read_text().strip()
            process.send_signal(signal.SIGHUP)

            async def taken(port: int = port, renewed: str = renewed) -> bool:
                return (await deferToThread(shown, port)).strip() == renewed

            await until(reactor, taken)
            assert before.strip() != renewed
        await stays.call(
            SET_DIRECTORY, Directory(projects=(), devices=(), ticket_key="0" * 64)
        )
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(WITHIN_S) == 0
    assert "Traceback" not in program.log.read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tls-certificate", "router.crt"), "name both files, or neither"),
        (("--tls-clients-on-web",), "needs --tls-client-ca"),
        (
            ("--tls-certificate", "router.crt", "--tls-key", "press_7.key"),
            "is not that of the certificate",
        ),
        (
            (
                *("--tls-certificate", "router.crt", "--tls-key", "router.key"),
                *("--tls-client-ca", "none.crt"),
            ),
            "none.crt: No such file",
        ),
    ],
)
def test_certificates_that_cannot_be_used_are_told_in_one_sentence(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    plant = Plant(tmp_path / "tls")
    principals = tmp_path / "principals.json"
    principals.write_text('{"principals": []}')
    given = [
        one if one.startswith("--") else str(plant.folder / one) for one in options
    ]
    node = ["--cbdir", str(tmp_path / "node"), "--principals", str(principals)]
    result = CliRunner().invoke(main, [*node, *given])
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def nested(serializer: int, depth: int) -> bytes:
    """A HELLO whose details are lists in lists, as JSON, MessagePack or CBOR."""
    opening, closing_ = {1: (b"[", b"]"), 2: (b"\x91", b"\x90"), 3: (b"\x81", b"\x80")}[
        serializer
    ]
    if serializer == 1:
        return b'[1,"system",' + opening * depth + closing_ * depth + b"]"
    head = {2: b"\x93\x01\xa6system", 3: b"\x83\x01\x66system"}[serializer]
    return head + opening * depth + closing_


def until_hung_up(link: socket.socket) -> None:
    link.settimeout(3)
    with suppress(ConnectionResetError, TimeoutError):
        while link.recv(4096):
            pass


def say_by_rawsocket(port: int, serializer: int, message: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as link:
        link.sendall(bytes([0x7F, 0xF0 | serializer, 0, 0]))
        link.recv(4)
        link.sendall(len(message).to_bytes(4, "big") + message)
        until_hung_up(link)


def say_by_websocket(port: int, protocol: str, opcode: int, message: bytes) -> None:
    hello = (
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
    )
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as link:
        link.sendall(hello.encode())
        assert b" 101 " in link.recv(4096)
        length = len(message).to_bytes(8, "big")
        link.sendall(bytes([0x80 | opcode, 0xFF]) + length + bytes(4) + message)
        until_hung_up(link)


@pytest_twisted.ensureDeferred
async def test_lists_in_lists_without_end_do_not_kill_the_router(
    program: Program,
) -> None:
    """A library raises Python's recursion limit; the stack would not bear that."""
    process = program.start()
    await program.until_joined("system", program.key)
    workers = program.children()
    for serializer in (2, 3):
        message = nested(serializer, 300_000)
        say_by_rawsocket(program.rawsocket_port, serializer, message)
    for protocol, opcode, serializer in (
        ("wamp.2.json", 1, 1),
        ("wamp.2.msgpack", 2, 2),
        ("wamp.2.cbor", 2, 3),
    ):
        message = nested(serializer, 300_000)
        say_by_websocket(program.port, protocol, opcode, message)
    assert process.poll() is None
    assert program.children() == workers
    assert await program.until_joined("system", program.key) == "backend"
