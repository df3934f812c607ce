"""Signing in by command line, with the ticket kept in the home of a user."""

from pathlib import Path

from tests.support.ports import free_port
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


def home(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a user of their own."""
    return {"XDG_CONFIG_HOME": str(folder), "HEDDLE_DATA": "", **more}


def test_somebody_comes_by_invitation_and_is_taken_out(stack, tmp_path) -> None:
    wilma, password = home(tmp_path), "what wilma says\n"
    code = stack.ask("user", "invite", "viewer", "--user", "wilma")["code"]
    words = ("invitation", "accept", "--url", stack.page, "--user", "wilma", code)
    joined = heddle(*words, "--password-file", "-", env=wilma, stdin=password)
    assert (joined.code, "wilma is viewer now" in joined.out) == (0, True), joined.err
    words = ("login", stack.page, "--user", "wilma", "--password-file", "-")
    assert "as wilma (viewer)" in heddle(*words, env=wilma, stdin=password).out
    assert heddle("key", "create", "mine", env=wilma).code == 1
    words = ("project", "list", "--password-file", "-", "--json")
    (found,) = heddle(*words, env=wilma, stdin=password).json["projects"]
    assert found["project"] == "default"
    assert stack.ask("user", "remove", "wilma", "--yes")["role"] == "viewer"
    assert heddle("device", "list", env=wilma).code == 3


def test_a_program_signs_in_by_a_key_that_no_argument_tells(stack, tmp_path) -> None:
    made = stack.ask("key", "create", "for a test", "--role", "operator")
    program = home(tmp_path, HEDDLE_API_KEY=made["token"])
    signed_in = heddle("login", stack.page, env=program)
    assert f"as key_{made['key']} (operator)" in signed_in.out, signed_in.err
    assert made["token"] not in signed_in.out
    (session,) = heddle("session", "list", "--json", env=program).json["sessions"]
    assert (session["is_this"], session["client"][:6]) == (True, "heddle")
    assert stack.ask("key", "revoke", made["key"]) == {"key": made["key"]}
    assert heddle("device", "list", env=program).code == 3
    flawed = heddle("login", stack.page, env=home(tmp_path, HEDDLE_API_KEY="hdl_x"))
    assert (flawed.code, "heddle key create" in flawed.err) == (2, True)


def test_the_audit_trail_is_verified_against_a_noted_head(stack) -> None:
    made = stack.ask("key", "create", "to be audited")
    stack.ask("key", "revoke", made["key"])
    verdict = stack.ask("audit", "verify")
    assert verdict["holds"]
    assert stack.cli("audit", "verify", "--head", verdict["head"]).code == 0
    broken = stack.cli("audit", "verify", "--head", "0" * 64)
    assert (broken.code, "the end was cut off" in broken.err) == (1, True)
    words = ("audit", "list", "--subject", made["key"])
    told = [one["action"] for one in stack.ask(*words)["entries"]]
    assert told == ["key.revoke", "key.create"]
