"""Containers where Docker answers, child processes where it does not: said aloud.

Once a flow's engine has been put into a container it stays there: Docker starts it
again after a reboot, maybe before it answers us, and a child would find the journal
taken.
"""

from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from edge_agent.config import Config, RuntimeChoice
from edge_agent.runtime.processes import Processes
from edge_agent.runtime.runtime import EngineFailed, Runtime, RuntimeUnavailable
from edge_agent.shelf import Shelf
from heddle.contract.flows import Runtime as Kind

if TYPE_CHECKING:
    from edge_agent.runtime.containers import Containers

log = Logger()


async def choose_runtime(reactor: Any, config: Config, device: str) -> Runtime:
    """The runtime the settings ask for. A Docker Engine that is insisted on and does
    not answer yet is waited for, while the agent does everything else.
    """
    if config.runtime is RuntimeChoice.PROCESS:
        log.info("engines run as child processes, as AGENT_RUNTIME says")
        return Processes(reactor)
    return await _containers(reactor, config, device)


async def _containers(reactor: Any, config: Config, device: str) -> Runtime:
    from edge_agent.runtime.containers import (  # noqa: PLC0415 -- heavy, and optional
        Containers,
        Place,
    )

    containers = Containers(reactor, Place(device, config.data))
    try:
        why = await _flaw(containers, config.engine_image)
    except BaseException:  # told to stop meanwhile: its threads must end, too
        await containers.close(keep=True)
        raise
    if why is None:
        log.info(
            "engines run in containers of {image}, Docker {version}",
            image=config.engine_image,
            version=containers.docker,
        )
        return containers
    if config.runtime is RuntimeChoice.CONTAINER or _has_containers(config):
        log.warn("engines cannot run yet: {why}", why=why)
        return containers
    await containers.close(keep=True)
    log.warn("engines run as child processes: {why}", why=why)
    return Processes(reactor)


async def _flaw(containers: "Containers", image: str) -> str | None:
    """Why no engine can run in a container now."""
    try:
        await containers.open()
        if await containers.images([image]):
            return None
    except (RuntimeUnavailable, EngineFailed) as why:
        return str(why)
    return (
        f"Docker has no image {image!r}: build it (`make images`), load it "
        "(`docker load`), or set AGENT_ENGINE_IMAGE"
    )


def _has_containers(config: Config) -> bool:
    wanted = Shelf(config.data / "flows").wanted()
    return any(each.runtime is Kind.CONTAINER for each in wanted)
