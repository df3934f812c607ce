"""``heddle-backend``: reads the settings, starts the service, stops it on a signal."""

from typing import Any

from heddle.wamp.process import Stop, load_config, run
from services.backend.config import Config
from services.backend.service import Backend


async def start(reactor: Any) -> Stop:
    """Start the backend; waits for its database."""
    backend = Backend(reactor, load_config(Config, "BACKEND_"))
    await backend.start()
    return backend.stop


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    run(start)


if __name__ == "__main__":
    main()
