"""How a realm is told of moves: the first at once, of many the last."""

from twisted.internet.task import Clock

from heddle.contract.deployments import DeploymentMoved, DeploymentStatus
from services.backend.deployments.news import EVERY_S, News


class Realm:
    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def publish(self, _topic, event: DeploymentMoved) -> None:
        self.told.append((event.deployment, event.revision))


def moved(deployment: str, revision: int) -> DeploymentMoved:
    return DeploymentMoved(
        deployment=deployment,
        status=DeploymentStatus.RUNNING,
        counts={},
        wave=0,
        waves=1,
        revision=revision,
    )


def test_many_moves_are_told_some_times_a_second_and_the_last_is_among_them() -> None:
    clock, realm = Clock(), Realm()
    news = News(clock, lambda: realm)
    for revision in (1, 2, 4, 3):
        news.moved(moved("a", revision))
    news.moved(moved("b", 1))
    assert realm.told == [("a", 1), ("b", 1)]
    clock.advance(EVERY_S)
    assert realm.told[2:] == [("a", 4)]
    clock.pump([EVERY_S] * 3)
    assert realm.told[3:] == []
    news.moved(moved("a", 5))
    assert realm.told[3:] == [("a", 5)]
    news.stop()
    assert clock.getDelayedCalls() == []
