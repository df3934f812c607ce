"""Fuzzes all that reads an author's workflow: JSON, form, rules, proof, first steps.

Every input is decoded and read, with all findings of both modes. Sampled are what
takes longer: asking ``parse`` and ``findings`` anew, the proof that a workflow is
sound (of those with at most ``MAX_PROVED`` elements), and the first steps of a run.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from heddle.workflow.definition import Workflow
from heddle.workflow.effects import Tell
from heddle.workflow.engine import step
from heddle.workflow.findings import Finding, Mode, WorkflowInvalid
from heddle.workflow.parse import decode, findings, parse, read
from heddle.workflow.run import Run
from heddle.workflow.soundness import check
from tests.fuzz.corpus import corpus
from tests.fuzz.mutate import spoil, tear
from tests.unit.workflow.edges import alphabet

ASKED_ANEW = 1 / 10
PROVED = 1 / 25  # of those that keep the rules
RUN = 1 / 5
STEPS = 8
MAX_PROVED = 60  # elements


class Wrong(Exception):
    """A promise was not kept."""


class ParserTarget:
    """Workflows as texts."""

    bound_s = 4.0  # of processor time; a proof is promised in one
    ending = ".json"

    def __init__(self) -> None:
        self._corpus = sorted(corpus(), key=len)
        self._sample = random.Random()  # noqa: S311 -- a test's, not a secret's

    def make(self, chance: random.Random) -> bytes:
        raw, other = self._whole(chance), self._whole(chance)
        if chance.random() < 0.2:
            return tear(chance, raw, other)
        ours, theirs = msgspec.json.decode(raw), msgspec.json.decode(other)
        try:
            made = msgspec.json.encode(_encodable(spoil(chance, ours, theirs)))
        except RecursionError:  # nested so often that Python cannot write it down
            return tear(chance, raw, other)
        return tear(chance, made, other) if chance.random() < 0.05 else made

    def _whole(self, chance: random.Random) -> bytes:
        """A workflow of the corpus, rather a small one."""
        return self._corpus[int(chance.random() ** 1.5 * len(self._corpus))]

    def take(self, raw: bytes, count: Counter[str]) -> None:
        self._sample.seed(raw)
        count["inputs"] += 1
        try:
            document = decode(raw)
        except WorkflowInvalid as invalid:
            _expect(bool(invalid.findings), "refused without a finding")
            count["not_json"] += 1
            return
        workflow, noted = read(document)
        found = {mode: _told(noted.of(mode)) for mode in Mode}
        if self._sample.random() < ASKED_ANEW:
            _ask_anew(document, found)
        if workflow is None or noted.common:
            _expect(all(found.values()), "refused, yet a mode accepts it")
            count["invalid"] += 1
            return
        count["strict" if not found[Mode.STRICT] else "compat"] += 1
        self._go_on(document, workflow, count)

    def _go_on(self, document: Any, workflow: Workflow, count: Counter[str]) -> None:
        if self._sample.random() < PROVED and len(workflow.elements) <= MAX_PROVED:
            verdict = check(document)
            count["proved" if not verdict.unproved else "proved_in_part"] += 1
        if self._sample.random() < RUN:
            self._run(workflow)
            count["run"] += 1

    def _run(self, workflow: Workflow) -> None:
        """Whatever may be saved can be run."""
        run, at_ms = Run(), 0
        for _ in range(STEPS):
            received = self._sample.choice([*alphabet(workflow, run, at_ms)])
            at_ms = received.at_ms + self._sample.choice((0, 1, 100))
            outcome = step(workflow, run, received)
            numbers = [e.number for e in outcome.effects if isinstance(e, Tell)]
            wanted = list(range(run.events, outcome.run.events))
            _expect(numbers == wanted, f"event numbers are {numbers}, not {wanted}")
            run = outcome.run

    def story(self, raw: bytes) -> bytes:
        return raw

    def replay(self, story: bytes) -> None:
        self.take(story, Counter())

    def renew(self) -> None:
        pass

    def smaller(self, story: bytes) -> Iterator[bytes]:
        with suppress(msgspec.MsgspecError, RecursionError):
            for smaller in _pruned(msgspec.json.decode(story)):
                yield msgspec.json.encode(smaller)
            return
        size = len(story) // 2
        while size:
            for at in range(0, len(story), size):
                yield story[:at] + story[at + size :]
            size //= 2

    def end(self) -> None:
        pass


def _told(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    for finding in found:
        _expect(bool(finding.message), "a finding without a sentence")
        finding.message.encode()  # it can be told
    return found


def _ask_anew(document: Any, found: Mapping[Mode, tuple[Finding, ...]]) -> None:
    """The functions others call, which read the document each for themselves."""
    for mode in Mode:
        _expect(findings(document, mode) == found[mode], "findings change")
    try:
        parse(document)
    except WorkflowInvalid:
        _expect(all(found.values()), "parse refuses what a mode accepts")


def _expect(kept: bool, promise: str) -> None:
    if not kept:
        raise Wrong(promise)


def _encodable(value: Any) -> Any:
    """Whole numbers no decoder knows become floats, as JSON writers write them."""
    if isinstance(value, dict):
        return {key: _encodable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    return value


def _pruned(value: Any) -> Iterator[Any]:
    """The document with one part less, or one part put in another's place."""
    if isinstance(value, list):
        for at, one in enumerate(value):
            yield value[:at] + value[at + 1 :]
            for smaller in _pruned(one):
                yield [*value[:at], smaller, *value[at + 1 :]]
    elif isinstance(value, dict):
        for key, one in value.items():
            yield {k: v for k, v in value.items() if k != key}
            for smaller in _pruned(one):
                yield {**value, key: smaller}
    elif isinstance(value, str) and len(value) > 1:
        yield value[: len(value) // 2]
