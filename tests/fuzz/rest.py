"""``python -m tests.fuzz.rest``: schemathesis against a live gateway and all behind it.

It makes requests from the API description, right ones and wrong ones, and chains of
them, and looks for server errors, undocumented answers, wrong data taken and right data
refused. It is installed once, in an environment of its own under ``.build``, for it
cannot share ours with crossbar's pins. All it says is on stdout, then what the parts
logged of their own defects; the exit code is 1 if there is anything of either.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from tests.bench.peers.environments import PeerUnavailable, python_with
from tests.support.neighbours import SCHEMATHESIS
from tests.support.stack import ROOT, RunningStack, eventually

STREAMS = ("get_deployments_deployment_events", "get_devices_device_events")
# Without these the sandbox would lose its device, or the fuzzer its own way in.
HARMFUL = (
    "delete_devices_device",
    "post_devices_device_restart",
    "post_devices_device_rotate_key",
    "post_me_password",
    "delete_sessions_session",
    "delete_keys_key",
)
# Right data may still be refused for what it says, or for how things stand.
CONFIG = """\
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 304, 401, 403, 404, 409, 412, 422, 428]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428]

[checks.missing_required_header]
expected-statuses = [400, 401, 428]
"""
PLENTY = "100000000"


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.rest")
    parser.add_argument("--install", action="store_true", help="do nothing else")
    parser.add_argument("--seconds", type=int, default=600, help="at most")
    parser.add_argument("--examples", type=int, default=100, help="per operation")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("more", nargs="*", help="for schemathesis itself, after --")
    given = parser.parse_args()
    try:
        python_with("schemathesis", SCHEMATHESIS)
    except PeerUnavailable as flaw:
        print(f"fuzz: {flaw}", file=sys.stderr)
        return 2
    if given.install:
        return 0
    seed = [] if given.seed is None else [f"--seed={given.seed}"]
    with tempfile.TemporaryDirectory(prefix="heddle-rest-fuzz-") as folder:
        done, defects = examined(
            Path(folder),
            *(f"--max-time={given.seconds}", f"--max-examples={given.examples}"),
            *("--workers=2", *seed, *given.more),
        )
    print(done.stdout + defects, flush=True)
    return 1 if done.returncode or defects else 0


def examined(
    folder: Path, *options: str
) -> tuple[subprocess.CompletedProcess[str], str]:
    """What schemathesis says of a stack of its own, and defects the parts logged."""
    limits = (
        "RATE_PER_MINUTE",
        "RATE_BURST",
        "STRANGERS_PER_MINUTE",
        "WRONG_PER_MINUTE",
    )
    os.environ |= {f"GATEWAY_{limit}": PLENTY for limit in limits}
    stack = RunningStack(folder / "d", "--runtime", "process")
    stack.start()
    try:
        return _asked(stack, folder, options), _defects(stack)
    finally:
        stack.stop()
        for limit in limits:
            del os.environ[f"GATEWAY_{limit}"]


def _asked(
    stack: RunningStack, folder: Path, options: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    bearer = eventually(lambda: _bearer(stack), "the gateway lets the owner in")
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    python = python_with("schemathesis", SCHEMATHESIS)
    left_out = [f"--exclude-operation-id={name}" for name in (*STREAMS, *HARMFUL)]
    command = [
        *(str(python), "-m", "schemathesis.cli", f"--config-file={config}", "run"),
        *(f"{stack.api}/openapi.json", "--checks=all", "--request-timeout=60"),
        *("--header", f"Authorization: Bearer {bearer}", "--output-sanitize=false"),
        *("--suppress-health-check=all", "--warnings=off", "--no-color"),
        *(*left_out, *options),
    ]
    return subprocess.run(
        command, check=False, cwd=folder, capture_output=True, text=True
    )


def _bearer(stack: RunningStack) -> str:
    """An API key of the owner's, so that the run may last longer than a ticket; and
    a deployment.
    """
    login = {"user": "admin", "password": stack.password}
    ticket = _post(f"{stack.api}/login", login)["ticket"]
    key = {"name": "fuzz", "role": "owner"}
    token = str(_post(f"{stack.api}/keys", key, ticket)["token"])
    _post(f"{stack.api}/flows/bioreactor/publish", {}, token)  # something to be found
    deployment = {"flow_id": "bioreactor", "target_devices": ["virtual_1"]}
    _post(f"{stack.api}/deployments", deployment, token)
    return token


def _post(url: str, body: object, bearer: str = "") -> Any:
    headers = {"content-type": "application/json"}
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    request = urllib.request.Request(  # noqa: S310 -- our own
        url, json.dumps(body).encode(), headers
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


def _defects(stack: RunningStack) -> str:
    """Of each part's log, the first traceback."""
    log = (stack.data / "logs/gateway.log").read_text(errors="replace")
    tally = Counter(re.findall(r"web: [A-Z]+ \S+ (\d+) ", log))
    print(f"fuzz: answers by status: {dict(sorted(tally.items()))}")
    found = ""
    for log in sorted((stack.data / "logs").glob("*.log")):
        text = log.read_text(errors="replace")
        if (at := text.find("Traceback")) >= 0:
            found += f"\nfuzz: {log.name}:\n{text[max(0, at - 300) : at + 3000]}\n"
    return found


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
