"""The README is a promise: its examples are run as they stand."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.support.stack import ROOT

README = (ROOT / "README.md").read_text()


def example(language: str, stack) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert len([line for line in text.splitlines() if line]) <= 14
    text = text.replace("ws://127.0.0.1:8080/ws", stack.router)
    return text.replace('".heddle/', f'"{stack.data}/')


def test_the_python_example_prints_the_runs(stack) -> None:
    done = subprocess.run(
        [sys.executable, "-c", example("python", stack)],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("RunList(runs=")


def test_the_javascript_example_prints_the_runs(stack) -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("no node: apt-get install nodejs")
    page = ROOT / "services/web"
    if not (page / "node_modules/wampy").exists():
        pytest.skip("no page: run `make web`")
    done = subprocess.run(
        [node, "--experimental-websocket", "--input-type=module"],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
        input=example("javascript", stack) + "process.exit(0);",
        cwd=page,
        env={**os.environ, "PASSWORD": stack.password},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.lstrip().startswith("[")
