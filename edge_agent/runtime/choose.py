"""Containers where Docker answers, child processes where it does not: said aloud."""

from typing import Any

from twisted.logger import Logger

from edge_agent.config import Config, RuntimeChoice
from edge_agent.runtime.processes import Processes
from edge_agent.runtime.runtime import Runtime, RuntimeUnavailable

log = Logger()


async def choose_runtime(reactor: Any, config: Config, device: str) -> Runtime:
    """The runtime the settings ask for, ready to use.

    Raises ``RuntimeUnavailable`` if containers are insisted on and cannot be had.
    """
    if config.runtime is not RuntimeChoice.PROCESS:
        try:
            return await _containers(reactor, config, device)
        except RuntimeUnavailable as why:
            if config.runtime is RuntimeChoice.CONTAINER:
                raise
            log.warn("engines run as child processes: {why}", why=str(why))
    else:
        log.info("engines run as child processes, as AGENT_RUNTIME says")
    return Processes(reactor, time_scale=config.time_scale)


async def _containers(reactor: Any, config: Config, device: str) -> Runtime:
    from edge_agent.runtime.containers import (  # noqa: PLC0415 -- heavy, and optional
        Containers,
        Place,
    )

    place = Place(device, config.data, config.engine_image, config.time_scale)
    containers = Containers(reactor, place)
    await containers.open()
    log.info(
        "engines run in containers of {image}, Docker {version}",
        image=config.engine_image,
        version=containers.docker,
    )
    return containers
