"""``heddle deploy`` and ``heddle deployment`` against a scripted backend."""

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from heddle.contract.deployments import (
    CreateDeployment,
    DeploymentRef,
    DeploymentStatus,
    LabelVariables,
    StrategyConfig,
    StrategyKind,
    Window,
)
from heddle.contract.device_deployments import ActiveRuns
from heddle.contract.fleet import Targets
from heddle.local.folder import ADMIN, Folder, StackFile
from tests.support.deploying import Deploying
from tests.support.router import InProcRouter
from tests.support.stack import ROOT, Answer, heddle
from tests.support.waiting import becomes

RUNNING, COMPLETED = DeploymentStatus.RUNNING, DeploymentStatus.COMPLETED
REALM = "project_plant"


class Scene:
    """A router, a scripted backend, and the command line beside them."""

    def __init__(self, router: InProcRouter, centre: Deploying, folder: Path) -> None:
        self.router = router
        self.centre = centre
        self.folder = folder

    async def cli(self, *arguments: str) -> Answer:
        argv = (*arguments, "--data", str(self.folder))
        return await deferToThread(lambda: heddle(*argv))

    def started(self, *arguments: str) -> "Started":
        argv = (*arguments, "--data", str(self.folder))
        return Started(argv, self.folder)


class Started:
    """A command that is under way."""

    def __init__(self, argv: tuple[str, ...], folder: Path) -> None:
        self._files = [(folder / name).open("w+") for name in ("said", "complained")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "heddle.cli", *argv],
            stdout=self._files[0],
            stderr=self._files[1],
            cwd=ROOT,
            # A shell that started these tests in the background had them ignore it.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )

    def out(self) -> str:
        return self._read(0)

    async def says(self, words: str) -> None:
        await becomes(reactor, lambda: words in self.out() or self.out(), True)

    async def ended(self) -> tuple[int, str]:
        """Its exit code and what it complained of."""
        code = await deferToThread(lambda: self.process.wait(90))
        for file in self._files:
            file.close()
        return code, self._read(1)

    def _read(self, which: int) -> str:
        return Path(self._files[which].name).read_text()


def stack_folder(router: InProcRouter, folder: Path) -> Path:
    """A folder by which the command line finds the router."""
    made = Folder(folder)
    made.keys.mkdir(parents=True)
    made.key(ADMIN).write_text(router.owner_key.encode().hex())
    made.write_stack(
        StackFile(pid=1, page=router.web_url, router=router.ws_url, project="plant")
    )
    return folder


@pytest_twisted.async_yield_fixture
async def scene(router: InProcRouter, tmp_path):
    async with (
        router.backend(),
        router.joined(REALM, router.service_key("backend")) as session,
    ):
        centre = Deploying(session)
        await centre.serve()
        yield Scene(router, centre, stack_folder(router, tmp_path / "stack"))


DEPLOY = ("deploy", "bioreactor")


@pytest_twisted.ensureDeferred
async def test_every_option_of_deploy_becomes_part_of_the_request(scene) -> None:
    answer = await scene.cli(
        *DEPLOY,
        *("--to", "site=graz and not spare", "--device", "press_9", "--version", "3"),
        *("--strategy", "blue-green", "--switch-delay", "PT5M", "--timeout", "90"),
        *("--batch-size", "4", "--batch-delay", "1min", "--threshold", "25%"),
        *("--canary", "5", "--canary-delay", "2h", "--watch-time", "10s"),
        *("--revert-timeout", "3min"),
        *("--check", "temperature < 90", "--max-in-flight", "7", "--retries", "2"),
        *("--catch-up", "--dynamic", "--window", "sat,sun 22:00-04:00"),
        *("--window", "00:00-24:00", "--needs-approval", "--no-rollback"),
        *("--no-health-check", "--set", "speed=3", "--set", "name=x=y"),
        *("--set", 'code="5"', "--set-for", "site=graz", "speed=4"),
        *("--set-for", "spare", "slow=true", "--set-on", "press_1", "speed=5"),
        *("--set-on", "press_1", "name=z", "--active-runs", "hand_over"),
        *("--start-run", "--at", "2026-11-23T22:00:00Z", "--note", "why", "--key", "k"),
    )
    assert answer.code == 0, answer.err
    assert "deployment dep_1: bioreactor version 3 to 3 devices" in answer.out
    assert scene.centre.made == [
        CreateDeployment(
            flow="bioreactor",
            version=3,
            strategy=StrategyKind.BLUE_GREEN,
            targets=Targets(
                devices=("press_9",), labels="site=graz and not spare", dynamic=True
            ),
            config=StrategyConfig(
                batch_size=4,
                batch_delay=60_000,
                failure_threshold=25.0,
                canary_percentage=5.0,
                canary_delay=7_200_000,
                switch_delay=300_000,
                timeout=90_000,
                revert_timeout=180_000,
                auto_rollback=False,
                health_check=False,
                watch=10_000,
                check="temperature < 90",
                max_in_flight=7,
                retries=2,
                catch_up=True,
                windows=(
                    Window(days=(5, 6), begins="22:00", ends="04:00"),
                    Window(begins="00:00", ends="24:00"),
                ),
                needs_approval=True,
            ),
            active_runs=ActiveRuns.HAND_OVER,
            start_run=True,
            variables={"speed": 3, "name": "x=y", "code": "5"},
            label_variables=(
                LabelVariables(labels="site=graz", variables={"speed": 4}),
                LabelVariables(labels="spare", variables={"slow": True}),
            ),
            device_variables={"press_1": {"speed": 5, "name": "z"}},
            start=False,
            start_at_ms=1_795_471_200_000,
            note="why",
            key="k",
        )
    ]


@pytest_twisted.ensureDeferred
async def test_watching_ends_with_the_deployment_and_tells_how(scene) -> None:
    watching = scene.started(*DEPLOY, "--all", "--watch")
    await watching.says("running, wave 1 of 2: 3 pending")
    assert scene.centre.made[0].start
    scene.centre.stands(RUNNING, a="success", b="failed: out of memory", c="pending")
    await watching.says("b failed: out of memory")
    scene.centre.stands(COMPLETED, a="success", b="failed: out of memory", c="success")
    assert await watching.ended() == (0, "")
    assert "completed: 2 of 3 devices run bioreactor version 3" in watching.out()
    again = await scene.cli("deployment", "watch", "--json")
    assert json.loads(again.out)["status"] == "completed"
    scene.centre.stands(DeploymentStatus.ROLLED_BACK, detail="b failed", a="success")
    failed = await scene.cli("deployment", "watch", "dep_1")
    assert (failed.code, failed.out.splitlines()[-1]) == (1, "rolled back: b failed")


@pytest_twisted.ensureDeferred
async def test_ctrl_c_ends_the_watching_and_says_what_goes_on(scene) -> None:
    watching = scene.started(*DEPLOY, "--all", "--watch")
    await watching.says("3 pending")
    watching.process.send_signal(signal.SIGINT)
    code, complained = await watching.ended()
    assert code == 130
    assert complained == (
        "deployment dep_1 goes on; see it again with `heddle deployment watch dep_1`, "
        "end it with `heddle deployment cancel dep_1`\n"
    )


@pytest_twisted.ensureDeferred
async def test_watching_outlives_the_router(router: InProcRouter, tmp_path) -> None:
    folder = stack_folder(router, tmp_path / "stack")

    async def serving(stand: Any) -> None:
        async with (
            router.backend(),
            router.joined(REALM, router.service_key("backend")) as session,
        ):
            centre = Deploying(session)
            centre.stands(RUNNING, a="deploying")
            await centre.serve()
            await stand(centre)

    watching: list[Started] = []

    async def first(_centre: Deploying) -> None:
        scene = Scene(router, _centre, folder)
        watching.append(scene.started("deployment", "watch"))
        await watching[0].says("1 deploying")
        await router.restart()

    async def second(centre: Deploying) -> None:
        centre.stands(COMPLETED, a="success")
        code, complained = await watching[0].ended()
        assert (code, "trying again" in complained) == (0, True)

    await serving(first)
    await serving(second)


@pytest_twisted.ensureDeferred
async def test_a_deployment_is_listed_shown_and_steered(scene) -> None:
    none = await scene.cli("deployment", "pause")
    assert (none.code, "no deployment is under way" in none.err) == (1, True)
    scene.centre.page = 2
    scene.centre.stands(RUNNING, a="success", b="verifying", c="failed: it is hot")
    listed = await scene.cli("deployment", "list")
    assert "1 of 3" in listed.out
    shown = await scene.cli("deployment", "show")
    assert "deployment dep_1 is running" in shown.out
    assert "batches of 2, rest 5m, stops when more fail than 20 %" in shown.out
    assert "canary" not in shown.out
    assert "it is hot" in shown.out
    told = await scene.cli("deployment", "history", "dep_1", "--device", "a", "--json")
    assert [entry["number"] for entry in told.json] == [1]
    steered = await scene.cli("deployment", "rollback", "--reason", "because")
    assert steered.out == "deployment dep_1 is rolling back\n"
    request = DeploymentRef(deployment="dep_1", reason="because")
    assert scene.centre.steered == [("rollback", request)]
    unknown = await scene.cli("deployment", "show", "dep_9")
    assert (unknown.code, unknown.err) == (1, "heddle: there is no deployment dep_9\n")


@pytest_twisted.ensureDeferred
async def test_a_preview_deploys_nothing(scene) -> None:
    answer = await scene.cli(*DEPLOY, "--all", "--strategy", "canary", "--preview")
    assert "b, c, d, e, f, g and 3 more" in answer.out
    assert "bioreactor would go to 10 devices, canary, in 2 waves" in answer.out
    assert not scene.centre.made
