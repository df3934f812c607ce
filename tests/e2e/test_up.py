"""``heddle up`` itself: bad circumstances give one sentence, Ctrl-C ends cleanly."""

import socket

import psutil
import pytest

from tests.support.ports import free_port
from tests.support.stack import RunningStack, eventually, heddle, running_stack


def refused(*arguments: str, env: dict[str, str] | None = None) -> str:
    answer = heddle("up", *arguments, env=env)
    assert answer.code == 2, answer.err
    assert "Traceback" not in answer.err
    return answer.err


def free_ports() -> tuple[str, ...]:
    return "--port", str(free_port()), "--api-port", str(free_port())


@pytest.mark.parametrize("option", ["--port", "--api-port"])
def test_a_port_in_use_is_named(option, tmp_path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        said = refused("--data", str(tmp_path / "d"), *free_ports(), option, str(port))
    assert f"port {port}" in said
    assert f" {option}" in said


def test_database_programs_that_are_none_are_named(tmp_path) -> None:
    said = refused(
        *("--data", str(tmp_path / "d"), *free_ports()),
        *("--postgres-bin", str(tmp_path)),
    )
    assert str(tmp_path) in said


def test_a_second_stack_in_the_same_folder_is_refused(stack) -> None:
    said = refused("--data", str(stack.data), *free_ports())
    assert "already runs" in said
    assert stack.page in said


def test_a_bad_driver_is_named_and_everything_is_stopped(tmp_path) -> None:
    answer = heddle(
        *("up", "--data", str(tmp_path / "d"), *free_ports()),
        *("--driver", "csv:nowhere.csv"),
    )
    assert answer.code == 2
    assert "nowhere.csv" in answer.err


def test_containers_without_docker_are_refused_in_a_sentence(tmp_path) -> None:
    answer = heddle(
        *("up", "--data", str(tmp_path / "d"), *free_ports()),
        *("--runtime", "container"),
        env={"DOCKER_HOST": f"unix://{tmp_path}/no-docker.sock"},
    )
    assert answer.code == 2
    assert "Docker" in answer.err


def test_ctrl_c_leaves_no_process_behind_and_the_data_stays(tmp_path) -> None:
    with running_stack(tmp_path / "d", "--time-scale", "60") as stack:
        assert stack.process is not None
        family = psutil.Process(stack.process.pid).children(recursive=True)
        run = stack.ask("run", "start", "bioreactor")["run"]
        stack.until(run, lambda r: r["status"] == "finished", "finished")
        before = stack.all_events(run)
    assert not [one for one in family if one.is_running()]
    with running_stack(tmp_path / "d", "--time-scale", "60") as again:
        assert again.all_events(run) == before


def test_a_killed_up_takes_its_children_along(tmp_path) -> None:
    stack = RunningStack(tmp_path / "d", "--runtime", "process")
    stack.start()
    assert stack.process is not None
    family = psutil.Process(stack.process.pid).children(recursive=True)
    stack.process.kill()
    stack.process.wait(60)
    eventually(
        lambda: not [one for one in family if one.is_running()],
        "all children have ended",
    )
    with running_stack(tmp_path / "d", "--runtime", "process"):
        pass
