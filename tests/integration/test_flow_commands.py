"""`heddle flow …` as a person types it, against a real backend and a real router."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from heddle.cli.connect import SavedSession
from heddle.contract.flows import (
    INSTALL_FLOW,
    FlowState,
    InstalledFlow,
    InstallFlow,
    Runtime,
)
from heddle.releases import opened
from heddle.wamp.session import Caller
from tests.support.fleet import Fleet, running_fleet
from tests.support.stack import Answer

LONGER = "sed -i s/60000/90000/"
BROKEN = "sed -i '1s/{/[/'"
UNFINISHED = """sed -i 's/"elementType": "EVENT_DISPATCHER"/"elementType": "PHASE"/'"""


class Person:
    """Types commands in a folder of their own, signed in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def heddle(
        self, *arguments: str, editor: str = "false", code: int = 0
    ) -> Any:
        """Run a command; its exit code must be ``code``."""
        answer = await deferToThread(self._run, arguments, editor)
        assert answer.code == code, (arguments, answer.out, answer.err)
        return answer

    def _run(self, arguments: tuple[str, ...], editor: str) -> Answer:
        env = {k: v for k, v in os.environ.items() if not k.startswith("HEDDLE_")}
        env |= {"XDG_CONFIG_HOME": str(self.folder), "EDITOR": editor, "VISUAL": editor}
        return Answer(
            subprocess.run(
                [sys.executable, "-m", "heddle.cli", "flow", *arguments],
                cwd=self.folder,
                env=env,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        )


@pytest_twisted.async_yield_fixture
async def fleet(plain_database, tmp_path):
    async with running_fleet(reactor, plain_database, tmp_path) as running:
        yield running


async def signed_in(fleet: Fleet, folder: Path) -> Person:
    saved = SavedSession(router=fleet.router.url, ticket=await fleet.ticket("plant"))
    file = folder / "heddle" / "session.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(msgspec.to_builtins(saved)))
    return Person(folder)


@pytest_twisted.ensureDeferred
async def test_a_flow_is_written_published_and_put_away(
    fleet: Fleet, tmp_path: Path
) -> None:
    person = await signed_in(fleet, tmp_path / "home")
    heddle = person.heddle
    made = await heddle("new", "heat", "--template", "timer", "--label", "hot")
    assert made.out == "heat version 1 is saved\n"
    there = await heddle("new", "heat", code=1)
    assert "there is a flow heat already: change it with `heddle flow edit" in there.err
    await _edited(person)
    told = await heddle("publish", "heat", "--note", "first")
    assert told.out.startswith("heat version 2 is published: release ")
    (release,) = (await heddle("releases", "heat", "--json")).json["releases"]
    assert (release["version"], release["note"]) == (2, "first")
    assert release["content_hash"][:12] in told.out
    compared = await heddle("diff", "heat", "1")
    assert compared.out.splitlines() == [
        "heat: from version 1 to version 2, 1 change",
        "~ variable duration_ms",
        "    value: 60000 → 90000",
    ]
    listed = (await heddle("list")).out.splitlines()[1].split()
    assert listed[:6] == ["heat", "2", "published", "2", "heat", "graz"]
    await heddle("archive", "heat")
    (hidden,) = (await heddle("list", "--stage", "archived", "--json")).json["flows"]
    assert hidden["flow"] == "heat"
    refused = await heddle("publish", "heat", code=1)
    assert "flow heat is archived and cannot be published" in refused.err
    assert "is restored: it is published" in (await heddle("restore", "heat")).out


async def _edited(person: Person) -> None:
    """With an editor that changes something, nothing, or breaks it."""
    saved = await person.heddle("edit", "heat", editor=LONGER)
    assert saved.out == "heat version 2 is saved\n"
    same = await person.heddle("edit", "heat", editor="touch")
    assert same.out == "nothing changed: heat stays at version 2\n"
    kept = person.folder / "heat.edited.json"
    broken = await person.heddle("edit", "heat", editor=BROKEN, code=1)
    assert "what you wrote is kept in heat.edited.json" in broken.err
    assert kept.read_text().startswith("[\n")
    refused = await person.heddle("edit", "heat", editor=UNFINISHED, code=1)
    assert "NO_END_EVENT_DISPATCHER" in refused.err
    assert "kept in heat.edited.json" in refused.err
    assert json.loads(kept.read_text())["id"] == "heat"
    await person.heddle("edit", "heat", "--label", "graz")
    (found,) = (await person.heddle("list", "--search", "GRAZ", "--json")).json["flows"]
    assert (found["version"], found["labels"]) == (2, ["graz"])


async def _kept_unfinished(person: Person) -> None:
    draft = {"id": "x", "nodes": []}
    (person.folder / "heat.json").write_text(json.dumps(draft))
    unfinished = await person.heddle("save", "heat.json", "--unfinished")
    assert "SCHEMA at workflow: workflow: unknown field 'nodes'" in unfinished.err
    await person.heddle("clone", "heat", "copy")
    await person.heddle("delete", "copy", "--yes")


@asynccontextmanager
async def device(fleet: Fleet) -> AsyncIterator[list[InstallFlow]]:
    """A device that notes what it is to install."""
    key = await fleet.enrol("press_7")
    asked: list[InstallFlow] = []

    async def install(request: InstallFlow, _caller: Caller) -> InstalledFlow:
        asked.append(request)
        return InstalledFlow(
            flow=request.flow,
            version=request.version,
            runtime=Runtime.PROCESS,
            state=FlowState.READY,
            engine="pid 1",
        )

    async with fleet.agent(key) as agent:
        await agent.serve(INSTALL_FLOW, install, device="press_7")
        yield asked


@pytest_twisted.ensureDeferred
async def test_a_release_is_installed_signed_and_a_draft_is_told_to_be_one(
    fleet: Fleet, tmp_path: Path
) -> None:
    person = await signed_in(fleet, tmp_path / "home")
    heddle = person.heddle
    await _kept_unfinished(person)
    await heddle("new", "timed", "--template", "timer")
    here = ("--device", "press_7")
    async with device(fleet) as asked:
        told = await heddle("install", "timed", *here, "--set", "duration_ms=7")
        assert "timed version 1 is a draft and is installed unsigned" in told.err
        await heddle("publish", "timed")
        signed = await heddle("install", "timed", *here, "--set", "duration_ms=5")
        assert (signed.err, "is ready on press_7" in signed.out) == ("", True)
    plain, proved = asked
    assert (plain.release, plain.variables) == (None, {})
    assert "variables" not in plain.definition
    assert '"durationInMS": 7' in json.dumps(plain.definition)
    assert proved.variables == {"duration_ms": "5"}
    assert proved.release is not None
    release = opened(proved.release, key=proved.release.key, project="plant")
    assert (release.flow, release.definition) == ("timed", proved.definition)
    drafted = await heddle("install", "heat", *here, "--set", "x=1", code=1)
    assert "UNKNOWN_VARIABLE at x: there is no variable 'x'" in drafted.err
    versions = (await heddle("versions", "timed", "--json")).json["versions"]
    assert [one["published"] for one in versions] == [True]
