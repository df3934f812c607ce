"""What a device takes for its project's releases: the key, the proof, the refusals."""

from typing import Any

from edge_agent.config import Config
from edge_agent.identity import Identity
from edge_agent.refusals import Refusals
from edge_agent.releases import Releases
from edge_agent.runtime.runtime import Configuration
from edge_agent.tags import TagTable
from heddle.contract.devices import Announced, Enrolled
from heddle.wamp.session import Session


class Releasing:
    """Proves releases by the pinned key, and tells the centre what was refused."""

    def __init__(
        self,
        reactor: Any,
        config: Config,
        identity: Identity,
        enrolled: Enrolled,
        tags: TagTable,
    ) -> None:
        self._identity = identity
        self._device = enrolled.device
        self._refusals = Refusals(reactor, enrolled.device)
        self.refused = self._refusals.note
        self.releases = Releases(
            enrolled.project,
            lambda: identity.release_key,
            Configuration(
                image=config.engine_image,
                time_scale=config.time_scale,
                memory_mb=config.engine_memory_mb,
            ),
            tags,
            refused=self.refused,
            only_signed=config.only_releases,
        )

    def joined(self, session: Session) -> None:
        """There is a link."""
        self._refusals.joined(session)

    def left(self) -> None:
        """There is none."""
        self._refusals.left()

    def announced(self, answer: Announced) -> None:
        """The backend tells the project's key: the first one is pinned."""
        if not self._identity.pin(answer.release_key):
            why = (
                f"the backend tells another key for releases, {answer.release_key[:16]}"
                f", than the one pinned here, {self._identity.release_key[:16]}"
            )
            self.refused("release.key", self._device, why)
