"""Signed releases on this device: proved before they are kept, and whenever read.

The project's key is pinned with the enrolment, or by the first announcement that tells
one; a release signed with any other is refused, and the centre hears of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import msgspec

from edge_agent.admission import admit, refusal
from edge_agent.runtime.runtime import Configuration
from edge_agent.shelf import HandOver, Wanted
from edge_agent.tags import TagTable
from heddle.contract.declare import check_id
from heddle.contract.device_deployments import VariableInvalid
from heddle.contract.flows import (
    Finding,
    InstallFlow,
    ReleaseRefused,
    Runtime,
    SignedRelease,
)
from heddle.releases import Opened, opened
from heddle.workflow.definition import Workflow
from heddle.workflow.findings import Rule, WorkflowInvalid
from heddle.workflow.parse import parse
from heddle.workflow.variables import bind

INSTALL, KEPT = "flow.install", "release.kept"  # what a refusal is told as
_OF_VARIABLES = (Rule.UNKNOWN_VARIABLE, Rule.INVALID_VARIABLE)


class Releases:
    """Turns releases, and what people install by hand, into what is wanted."""

    def __init__(
        self,
        project: str,
        key: Callable[[], str],
        configuration: Configuration,
        tags: TagTable,
        *,
        refused: Callable[[str, str, str], None] = lambda *_: None,
        only_signed: bool = False,
    ) -> None:
        """``key`` is the project's as pinned, ``refused`` hears action, subject and
        reason; ``only_signed`` refuses whatever is not a release.
        """
        self._project = project
        self._key = key
        self._configuration = configuration
        self._tags = tags
        self._refused = refused
        self._only_signed = only_signed

    def wanted(
        self,
        signed: SignedRelease,
        variables: Mapping[str, Any],
        *,
        action: str,
        runtime: Runtime,
        running: bool = True,
        hand_over: HandOver = HandOver.NO,
    ) -> Wanted:
        """What a release makes of its flow here.

        Raises ``ReleaseRefused``, ``VariableInvalid`` and ``FlowInvalid``.
        """
        release = self._opened(signed, action)
        check_id("flow", release.flow)
        definition = _bound(release, variables)
        admit(definition, self._tags, partial(_read, release.content_hash, variables))
        return Wanted(
            release.flow,
            release.version,
            definition,
            running,
            runtime,
            self._of(release),
            signed,
            dict(variables),
            hand_over,
        )

    def installed(self, request: InstallFlow, runtime: Runtime) -> Wanted:
        """The same for what somebody installs by hand."""
        if request.release is None:
            if self._only_signed:
                why = (
                    f"flow {request.flow!r} is not signed, and this device takes "
                    "releases only (AGENT_ONLY_RELEASES): publish it and deploy that"
                )
                self._refused(INSTALL, request.flow, why)
                raise ReleaseRefused(why)
            admit(request.definition, self._tags)
            return Wanted(
                request.flow,
                request.version,
                request.definition,
                request.running,
                runtime,
                self._configuration,
            )
        wanted = self.wanted(
            request.release,
            request.variables,
            action=INSTALL,
            runtime=runtime,
            running=request.running,
        )
        if (wanted.flow, wanted.version) != (request.flow, request.version):
            raise ReleaseRefused(
                f"the release is version {wanted.version} of flow {wanted.flow!r}, not "
                f"version {request.version} of {request.flow!r}"
            )
        return wanted

    def prove(self, wanted: Wanted) -> None:
        """What was kept is what was signed, if it was. Raises ``ReleaseRefused``."""
        if wanted.signed is None:
            return
        release = self._opened(wanted.signed, KEPT)
        try:
            definition = bind(release.definition, wanted.variables)
        except WorkflowInvalid:
            definition = None
        found = (wanted.flow, wanted.version, wanted.definition)
        if found != (release.flow, release.version, definition):
            why = (
                f"what is kept of flow {wanted.flow!r} is not what its release says: "
                "deploy it again"
            )
            self._refused(KEPT, wanted.flow, why)
            raise ReleaseRefused(why)

    def as_set(self, wanted: Wanted) -> Configuration:
        """What its engine runs as by the settings of now, but for what is pinned."""
        if wanted.signed is None:
            return self._configuration
        return self._of(self._opened(wanted.signed, KEPT))

    def _of(self, release: Opened) -> Configuration:
        device = self._configuration
        return replace(
            device,
            image=release.engine_image or device.image,
            memory_mb=release.engine_memory_mb or device.memory_mb,
        )

    def _opened(self, signed: SignedRelease, action: str) -> Opened:
        try:
            return opened(signed, key=self._pinned(), project=self._project)
        except ReleaseRefused as why:
            self._refused(action, signed.content_hash[:12], str(why))
            raise

    def _pinned(self) -> str:
        if not (key := self._key()):
            raise ReleaseRefused(
                "this device does not know the project's key for releases yet: "
                "it learns it from the backend when it announces itself"
            )
        return key


@dataclass(frozen=True, slots=True)
class _Bound:
    """A release with values for its variables; the two tell what the definition is."""

    content_hash: str
    variables: bytes
    definition: Mapping[str, Any] = field(compare=False)


def _read(
    content_hash: str, variables: Mapping[str, Any], definition: Mapping[str, Any]
) -> Workflow:
    values = msgspec.msgpack.encode(variables, order="sorted")
    return _workflow(_Bound(content_hash, values, definition))


@lru_cache(maxsize=8)  # the members of a swarm are given the same one all at once
def _workflow(bound: _Bound) -> Workflow:
    return parse(bound.definition)


def _bound(release: Opened, variables: Mapping[str, Any]) -> dict[str, Any]:
    try:
        definition: dict[str, Any] = bind(release.definition, variables)
    except WorkflowInvalid as invalid:
        first = invalid.findings[0]
        if variables and first.rule in _OF_VARIABLES:
            raise VariableInvalid(first.message) from None
        raise refusal(
            [
                Finding(rule=str(each.rule), element=each.element, message=each.message)
                for each in invalid.findings
            ]
        ) from None
    return definition
