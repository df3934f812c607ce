"""The process ``heddle-fleetdata``."""

from typing import Any

from heddle.wamp.process import Stop, load_config, run
from services.fleetdata.config import Config
from services.fleetdata.service import Fleetdata


async def start(reactor: Any) -> Stop:
    """Compose and start the service."""
    service = Fleetdata(reactor, load_config(Config, "FLEETDATA_"))
    service.start()
    return service.stop


def main() -> None:
    """Run until told to stop."""
    run(start)


if __name__ == "__main__":
    main()
