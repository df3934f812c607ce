"""The engine as a process: its socket, its exits, its memory."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.engine.protocol import (
    MAX_FRAME_BYTES,
    Approve,
    Readings,
    Reply,
    Request,
    StartRun,
    Status,
    Welcome,
    encode,
)
from tests.support.engine import condition, listener, loop, one_phase, timer
from tests.support.engine_process import (
    Client,
    EngineProcess,
    knock,
    running,
    write_flow,
)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[EngineProcess]:
    """An engine whose runs wait for an approval."""
    write_flow(tmp_path, one_phase(listener("a", "APPROVAL", "p")))
    with running(tmp_path) as engine:
        yield engine


def health(directory: Path) -> int:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent.engine", "health", str(directory)],
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


def test_it_welcomes_and_runs_a_flow_to_its_end(tmp_path: Path) -> None:
    write_flow(tmp_path, loop(3, 6000), version=7)
    with running(tmp_path, "--time-scale", "60") as engine, engine.client() as agent:
        welcome = agent.receive()
        assert isinstance(welcome, Welcome)
        assert (welcome.flow, welcome.version, welcome.inputs) == (
            "flow",
            7,
            ("heater",),
        )
        began = time.monotonic()
        agent.ask(StartRun(run="r1"))
        agent.until_event("r1", "WORKFLOW_FINISHED")
        assert time.monotonic() - began >= 0.3
        assert agent.executed == [("r1", 0), ("r1", 1), ("r1", 2)]
        answer = agent.ask(Status(run="r1"))
        assert isinstance(answer, Reply)
        assert answer.runs[0].status == "finished"


def test_readings_move_runs(tmp_path: Path) -> None:
    warm = condition("c", "p", "temp", ">=", 37, sustainTimeInMS=200)
    write_flow(tmp_path, one_phase(warm))
    with running(tmp_path) as engine, engine.client() as agent:
        agent.ask(StartRun(run="r1"))
        agent.send(Readings(at_ms=int(time.time() * 1000), values={"temp": (40, 0)}))
        agent.until_event("r1", "WORKFLOW_FINISHED")


def test_killed_and_started_again_it_goes_on(tmp_path: Path) -> None:
    write_flow(tmp_path, one_phase(timer("t", "p", 1500)))
    with running(tmp_path) as engine:
        with engine.client() as agent:
            agent.acknowledges = False
            agent.ask(StartRun(run="r1"))
            before = agent.events["r1"]
        engine.kill()
        with running(tmp_path) as again, again.client() as agent:
            agent.until_event("r1", "WORKFLOW_FINISHED")
            assert agent.events["r1"][: len(before)] == before


def test_a_new_agent_takes_the_place_of_the_old(waiting: EngineProcess) -> None:
    with waiting.client() as old:
        old.acknowledges = False
        old.ask(StartRun(run="r1"))
        with waiting.client() as new:
            with pytest.raises((EOFError, ConnectionError)):
                while True:
                    old.receive()
            assert new.ask(Approve(run="r1")).runs[0].status == "finished"
            told = new.events["r1"]
            assert [event.number for event in told] == list(range(len(told)))


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x00\x00\x00\x05hello",
        b"\xff\xff\xff\xff" + b"x" * 100_000,
        (MAX_FRAME_BYTES + 1).to_bytes(4, "big"),
        b"\x00\x00\x00\x00",
        b"\x00\x01\x00\x00" + b"\x91" * 65536,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_garbage_closes_the_connection_never_the_engine(
    waiting: EngineProcess, hostile: bytes
) -> None:
    with waiting.client() as agent:
        agent.receive()
        try:
            agent.socket.sendall(hostile)
            with pytest.raises(EOFError):
                agent.receive()
        except ConnectionError:
            pass
    with waiting.client() as agent:
        assert agent.ask(StartRun(run="r1")).runs[0].status == "running"
    waiting.terminate()
    assert "connection closed: " in waiting.said()


def test_frames_may_come_in_any_pieces(waiting: EngineProcess) -> None:
    with waiting.client() as agent:
        frame = encode(Request(id=1, command=StartRun(run="r1")))
        for byte in len(frame).to_bytes(4, "big") + frame:
            agent.socket.sendall(bytes((byte,)))
        assert agent.until(Reply).runs[0].run == "r1"


def test_it_is_healthy_while_it_runs_and_no_agent_is_disturbed(
    waiting: EngineProcess,
) -> None:
    with waiting.client() as agent:
        agent.receive()
        assert health(waiting.directory) == 0
        agent.ask(StartRun(run="r1"))
    waiting.kill()
    assert health(waiting.directory) == 1
    assert health(waiting.directory / "nowhere") == 1


def test_sigterm_ends_it_cleanly(waiting: EngineProcess) -> None:
    with waiting.client() as agent:
        agent.ask(StartRun(run="r1"))
    assert waiting.terminate() == 0
    assert "Traceback" not in waiting.said()
    assert not (waiting.directory / "engine.sock").exists()
    assert not (waiting.directory / "journal.sqlite-wal").exists()


def test_a_second_engine_is_refused(waiting: EngineProcess) -> None:
    waiting.client().socket.close()
    with running(waiting.directory) as second:
        assert second.process.wait(60) == 2
        assert "another engine runs in this directory" in second.said()
    with waiting.client() as agent:
        agent.ask(StartRun(run="r1"))


def test_the_socket_is_not_for_everybody(waiting: EngineProcess) -> None:
    waiting.client().socket.close()
    mode = (waiting.directory / "engine.sock").stat().st_mode
    assert mode & 0o777 == 0o660


def test_with_its_parent_it_ends(tmp_path: Path) -> None:
    write_flow(tmp_path, loop(3))
    with running(tmp_path, "--exit-with-parent", stdin=subprocess.PIPE) as engine:
        engine.client().socket.close()
        assert engine.process.stdin is not None
        engine.process.stdin.close()
        assert engine.process.wait(60) == 0


@pytest.mark.parametrize(
    ("flow", "sentence"),
    [
        (None, "heddle-engine: flow file flow.json: No such file or directory (in {})"),
        ("{", "heddle-engine: flow file flow.json is unusable: Input data was trunc"),
        ('{"flow": "f"}', "is unusable: Object missing required field `version` (in"),
        (
            '{"flow": "f", "version": 1, "definition": {}}',
            "heddle-engine: flow f version 1 cannot be run: ",
        ),
    ],
)
def test_an_unusable_flow_is_one_sentence_and_exit_code_2(
    tmp_path: Path, flow: str | None, sentence: str
) -> None:
    if flow is not None:
        (tmp_path / "flow.json").write_text(flow)
    with running(tmp_path) as engine:
        assert engine.process.wait(60) == 2
        said = engine.said()
        assert sentence.format(tmp_path) in said
        assert said.count("\n") == 1


def test_a_directory_that_is_none_is_one_sentence_and_exit_code_2(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "nowhere") as engine:
        assert engine.process.wait(60) == 2
        assert engine.said() == (
            f"heddle-engine: directory {tmp_path}/nowhere is unusable: "
            "No such file or directory\n"
        )


def test_a_journal_that_is_none_is_one_sentence_and_exit_code_2(
    tmp_path: Path,
) -> None:
    write_flow(tmp_path, loop(3))
    (tmp_path / "journal.sqlite").write_bytes(b"no journal" * 1000)
    with running(tmp_path) as engine:
        assert engine.process.wait(60) == 2
        assert "journal.sqlite is no journal: move it away" in engine.said()


def test_idle_it_stays_below_40_mb(waiting: EngineProcess) -> None:
    with waiting.client() as agent:
        agent.receive()
        assert waiting.rss_kib() < 40 * 1000


def test_it_imports_no_autobahn_and_no_tls() -> None:
    code = (
        "import sys, edge_agent.engine.__main__ as m; m._leave_out_tls();"
        "import edge_agent.engine.process, twisted.internet.reactor;"
        "print([x for x in ('autobahn', 'txaio', 'docker', 'OpenSSL.SSL', "
        "'cryptography', 'heddle.wamp.session') if x in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_a_long_path_needs_no_long_socket_name(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    write_flow(deep, loop(3))
    with running(deep) as engine:
        handle = os.open(deep, os.O_RDONLY | os.O_DIRECTORY)
        try:
            short = Path(f"/proc/self/fd/{handle}")
            client = knock(short, lambda: engine.process.poll() is None, 60, Client)
            assert client is not None, engine.process.poll()
            with client:
                assert isinstance(client.receive(), Welcome)
        finally:
            os.close(handle)


def test_a_silent_connection_costs_nothing(waiting: EngineProcess) -> None:
    waiting.client().socket.close()
    with socket.socket(socket.AF_UNIX) as mute:
        mute.connect(str(waiting.directory / "engine.sock"))
        assert health(waiting.directory) == 0


def test_who_asks_and_does_not_listen_is_made_to_wait(waiting: EngineProcess) -> None:
    with waiting.client() as agent:
        agent.ask(StartRun(run="r1"))
        frame = encode(Request(id=7, command=Status()))
        batch = (len(frame).to_bytes(4, "big") + frame) * 100
        agent.socket.settimeout(1)
        begun = b""
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 100_000_000:
                begun = batch
                while begun:
                    begun = begun[agent.socket.send(begun) :]
                sent += len(batch)
        assert waiting.rss_kib() < 60_000
        agent.socket.settimeout(60)
        for _ in range(sent // len(batch) * 100):
            agent.until(Reply)
        agent.socket.sendall(begun)
        for _ in range(100):
            agent.until(Reply)
