"""Recorded readings as a rehearsal's inputs: which column is which of the workflow."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from heddle.contract.declare import LocalError
from heddle.recordings import Recorded, read_csv
from heddle.workflow.definition import Workflow
from heddle.workflow.inputs import Quality, Reading, Sampled
from heddle.workflow.script import few


class UnknownTag(LocalError):
    """Recording and workflow do not meet; the sentence names what there is."""


class Backtest:
    """The readings of a file that the workflow's conditions look at."""

    def __init__(
        self, file: Path, workflow: Workflow, named: Sequence[tuple[str, str]]
    ) -> None:
        """Raises ``BadRecording`` and ``UnknownTag``."""
        recorded = read_csv(file)
        self._ids = _ids(file, {r.tag for r in recorded}, workflow.tags, named)
        self._recorded = [r for r in recorded if r.tag in self._ids]
        self.count = sum(len(self._ids[r.tag]) for r in self._recorded)
        self.lasts_ms = round(recorded[-1].at_s * 1000)

    @property
    def tags(self) -> frozenset[str]:
        """The workflow's ids that are recorded."""
        return frozenset(tag for ids in self._ids.values() for tag in ids)

    def inputs(self, start_at_ms: int) -> Iterator[Sampled]:
        """In order of time; readings of the same millisecond come together."""
        together: dict[str, Reading] = {}
        at_ms = start_at_ms
        for recorded in self._recorded:
            moment_ms = start_at_ms + round(recorded.at_s * 1000)
            ids = self._ids[recorded.tag]
            if together and (moment_ms != at_ms or ids[0] in together):
                yield Sampled(at_ms, together)
                together = {}
            at_ms = moment_ms
            together.update((tag, _reading(recorded)) for tag in ids)
        if together:
            yield Sampled(at_ms, together)


def _reading(recorded: Recorded) -> Reading:
    if recorded.value is None:
        return Reading(None, Quality.BAD)
    return Reading(recorded.value, Quality(recorded.quality))


def _ids(
    file: Path,
    recorded: set[str],
    wanted: frozenset[str],
    named: Sequence[tuple[str, str]],
) -> Mapping[str, list[str]]:
    """Each used tag of the file with its ids; a tag may be called by the id itself."""
    ids: dict[str, list[str]] = {}
    for tag, node in [*named, *((tag, tag) for tag in sorted(recorded & wanted))]:
        if tag not in recorded:
            raise UnknownTag(
                f"{file} has no tag {tag!r}; it has {few(sorted(recorded))}"
            )
        if node not in wanted:
            raise UnknownTag(
                f"no condition of the workflow looks at {node!r}; they look at "
                f"{few(sorted(wanted))}"
            )
        if any(node in taken for taken in ids.values()):
            raise UnknownTag(f"{node!r} is given two tags of {file}")
        ids.setdefault(tag, []).append(node)
    if not ids:
        raise UnknownTag(
            f"{file} has none of the workflow's tags: tie them with --map TAG=ID; "
            f"recorded are {few(sorted(recorded))}, looked at are {few(sorted(wanted))}"
        )
    return ids
