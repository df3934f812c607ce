"""Trials over the router: for all who may read flows, in processes of their own."""

from itertools import pairwise

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from heddle.contract.declare import Role
from heddle.contract.flows import FlowInvalid
from heddle.contract.lifecycle import LIST_FLOWS, ListFlows
from heddle.contract.people import CREATE_USER, CreateUser
from heddle.contract.trials import (
    CHECK_FLOW,
    SIMULATE_FLOW,
    BudgetSpent,
    CheckFlow,
    ScriptInvalid,
    SimulateFlow,
    SimulationEnd,
    TrialsBusy,
)
from services.backend.flows.trial_process import CHECK
from services.backend.flows.trial_workers import MOST_OF_A_PERSON, TrialWorkers
from services.backend.flows.trials import question
from tests.support.fleet import running_fleet
from tests.unit.backend.test_trial import SOUND, UNSOUND
from tests.unit.workflow.drawing import Json, document, end, flows, phase, start, timer

PASSWORD = "a good password"


def long_chain(phases: int) -> Json:
    """It takes a while to prove."""
    names = [f"p{n}" for n in range(phases)]
    return document(
        *(start(), end(), [phase(one) for one in names]),
        [timer(f"t_{one}", one) for one in names],
        flows("start > p0", f"t_{names[-1]} > end"),
        [flows(f"t_{one} > {after}")[0] for one, after in pairwise(names)],
    )


@pytest_twisted.ensureDeferred
async def test_a_viewer_checks_and_simulates_and_nothing_is_kept(
    plain_database: str, tmp_path
) -> None:
    async with running_fleet(reactor, plain_database, tmp_path) as fleet:
        async with fleet.owner() as owner:
            await owner.call(
                CREATE_USER,
                CreateUser(user="vera", role=Role.VIEWER, password=PASSWORD),
            )
        ticket = await fleet.ticket(user="vera", password=PASSWORD)
        async with fleet.inside(ticket) as vera:
            verdict = await vera.call(CHECK_FLOW, CheckFlow(definition=UNSOUND))
            (found,) = verdict.findings
            assert (found.rule, found.element) == ("DEAD_END", "q")
            assert found.steps[-1].phases == ("q",)
            simulation = await vera.call(
                SIMULATE_FLOW, SimulateFlow(definition=SOUND, variables={"wait": 2000})
            )
            assert (simulation.end, simulation.lasted_ms) == (SimulationEnd.ENDED, 2000)
            with pytest.raises(FlowInvalid) as invalid:
                await vera.call(SIMULATE_FLOW, SimulateFlow(definition={}))
            assert invalid.value.details["findings"]
            script = ({"at_s": 0, "trigger": "nobody"},)
            with pytest.raises(ScriptInvalid, match="there is no listener 'nobody'"):
                await vera.call(
                    SIMULATE_FLOW, SimulateFlow(definition=SOUND, script=script)
                )
            assert (await vera.call(LIST_FLOWS, ListFlows())).flows == ()


@pytest_twisted.ensureDeferred
async def test_a_trial_that_takes_too_long_is_ended_and_the_next_one_is_made() -> None:
    workers = TrialWorkers(reactor, within_s=0.001)
    try:
        with pytest.raises(BudgetSpent, match="it takes longer than"):
            await workers("ada", asked(long_chain(1500)))
        workers.within_s = 60.0
        assert await workers("ada", asked(SOUND))
    finally:
        await workers.stop()


@pytest_twisted.ensureDeferred
async def test_a_person_has_few_trials_at_a_time() -> None:
    workers = TrialWorkers(reactor, within_s=60.0)
    try:
        waiting = [
            Deferred.fromCoroutine(workers("ada", asked(SOUND)))
            for _ in range(MOST_OF_A_PERSON)
        ]
        with pytest.raises(TrialsBusy):
            await workers("ada", asked(SOUND))
        others = await workers("bea", asked(SOUND))
        assert set(await gatherResults(waiting)) == {others}
    finally:
        await workers.stop()


def asked(definition: Json) -> bytes:
    return question(CHECK, CheckFlow(definition=definition))
