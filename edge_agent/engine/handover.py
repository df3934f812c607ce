"""Active runs of other versions go on as the installed one, if ``flow.json`` says so.

It happens before an engine begins, in one transaction, and once: afterwards no run is
of another version. Where all must and one cannot, nothing is changed and the engine
does not start; its sentence tells why.
"""

from twisted.logger import Logger

from edge_agent.engine.flows import FlowFile, Flows, FlowUnusable, load_flows
from edge_agent.engine.journal import Journal, RunRow
from edge_agent.engine.records import encode_run
from edge_agent.engine.roster import Roster
from edge_agent.engine.runner import Runner
from heddle.workflow.handover import CannotGoOn, hand_over
from heddle.workflow.run import ENDED

log = Logger()

MUST = "must"


def take_up(journal: Journal, file: FlowFile, time_scale: float = 1.0) -> Flows:
    """The flow's versions, with every run on the one it goes on as.

    Raises ``FlowUnusable``, ``JournalFull`` or ``JournalBroken``.
    """
    flows = load_flows(journal, file, time_scale)
    if file.hand_over:
        _hand_over(journal, flows, must=file.hand_over == MUST)
    return flows


def _hand_over(journal: Journal, flows: Flows, *, must: bool) -> None:
    moved: list[tuple[Runner, RunRow]] = []
    for runner, at_ms in _others(journal, flows):
        try:
            moved.append((runner, _as_installed(flows, runner, at_ms)))
        except FlowUnusable as why:
            if must:
                raise
            log.info("{why}; it goes on as it began", why=str(why))
    if not moved:
        return
    with journal.transaction():
        for runner, row in moved:
            journal.add_events(runner.key, runner.first, runner.events)
            journal.move_run(row)
    for runner, _ in moved:
        log.info(
            "run {run} goes on as version {version}",
            run=runner.id,
            version=flows.installed.version,
        )


def _others(journal: Journal, flows: Flows) -> list[tuple[Runner, int]]:
    """The active runs of other versions, and when each was last written."""
    roster, tails = Roster(journal, flows), journal.tails()
    found = []
    for row in list(journal.runs()):
        if row.flow == flows.installed.key:
            continue
        inputs = tails[row.key].inputs if row.key in tails else []
        runner = roster.load(row, inputs)
        if runner.run.status not in ENDED:
            found.append((runner, max([row.at_ms, *(i.at_ms for i in inputs)])))
    return found


def _as_installed(flows: Flows, runner: Runner, at_ms: int) -> RunRow:
    new = flows.installed
    if runner.broken:
        raise FlowUnusable(f"run {runner.id} is held because of a defect")
    found = hand_over(runner.flow.workflow, new.workflow, runner.run)
    if isinstance(found, CannotGoOn):
        raise FlowUnusable(
            f"run {runner.id} cannot go on as version {new.version} of flow "
            f"{new.id}, which lacks {found.sentence}"
        )
    return RunRow(
        runner.key,
        runner.id,
        new.key,
        runner.acked,
        runner.inputs,
        at_ms,
        runner.drift_us,
        encode_run(found),
    )
