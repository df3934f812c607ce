"""Signing in by command line, with the ticket kept in the home of a user."""

from tests.support.databases import free_port
from tests.support.stack import heddle


def test_login_then_commands_without_a_folder(stack, tmp_path) -> None:

    home = {"XDG_CONFIG_HOME": str(tmp_path), "HEDDLE_DATA": ""}
    nowhere = heddle("device", "list", env=home)
    assert nowhere.code in (0, 3)  # 0 where a stack runs in the checkout itself
    signed_in = heddle(
        *("login", stack.page, "--user", "admin", "--password-file", "-"),
        env=home,
        stdin=stack.password + "\n",
    )
    assert signed_in.code == 0, signed_in.err
    assert "as admin (owner)" in signed_in.out
    assert stack.password not in signed_in.out
    file = tmp_path / "heddle/session.json"
    assert file.stat().st_mode & 0o077 == 0
    listed = heddle("device", "list", env=home)
    assert (listed.code, "virtual_1" in listed.out) == (0, True)
    assert heddle("logout", env=home).code == 0
    assert not file.exists()


def test_a_wrong_password_gives_one_sentence(stack, tmp_path) -> None:

    answer = heddle(
        *("login", stack.page, "--user", "nobody", "--password-file", "-"),
        env={"XDG_CONFIG_HOME": str(tmp_path)},
        stdin="wrong\n",
    )
    assert answer.code == 3
    assert len(answer.err.splitlines()) == 1
    assert "Traceback" not in answer.err


def test_no_router_gives_one_sentence(tmp_path) -> None:

    port = free_port()
    answer = heddle(
        *("login", f"http://127.0.0.1:{port}", "--user", "x", "--password-file", "-"),
        env={"XDG_CONFIG_HOME": str(tmp_path)},
        stdin="secret\n",
    )
    assert answer.code == 3
    assert str(port) in answer.err
