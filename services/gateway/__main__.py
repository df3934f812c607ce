"""The process ``heddle-gateway``."""

from typing import Any

from heddle.wamp.process import Stop, load_config, on_hangup, run
from services.gateway.config import Config
from services.gateway.service import Gateway


async def start(reactor: Any) -> Stop:
    """Compose and start the service."""
    service = Gateway(reactor, load_config(Config, "GATEWAY_"))
    service.start()
    if service.is_secured:
        on_hangup(reactor, service.renew)
    return service.stop


def main() -> None:
    """Run until told to stop."""
    run(start)


if __name__ == "__main__":
    main()
