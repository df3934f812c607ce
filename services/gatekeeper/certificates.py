"""The router's ports speak TLS, by certificates that may be renewed under them.

Crossbar reads a certificate once, at its start. Here what its configuration says of
TLS is taken out before Crossbar looks, and the port's connections are wrapped by ours:
they take renewed files, and let in only who has a certificate where that is demanded.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from crossbar.worker import transport
from twisted.internet import defer

from heddle.tls.trust import BadCertificate, ServerFiles, behind_tls
from heddle.wamp.process import on_hangup

_LISTEN = transport.create_listening_port_from_config

Reload = Callable[[], None]


def secure(*, heeds_hangup: bool) -> None:
    """Secure every port that the router worker opens from now on.

    With ``heeds_hangup`` SIGHUP has all their files taken anew; only for a process
    that is the router's own.
    """
    reloads: list[Reload] = []

    def listen(
        config: dict[str, Any],
        cbdir: str,
        factory: Any,
        reactor: Any,
        crossbar_log: Any,
        **options: Any,
    ) -> Any:
        if (tls := config.get("tls")) is not None:
            try:
                name = options.get("name") or "router"
                factory = behind_tls(_files(tls), factory, reactor, f"port {name}")
            except BadCertificate:
                return defer.fail()
            reloads.append(factory.reload)
            if heeds_hangup and len(reloads) == 1:
                _on_hangup(reactor, reloads)
            config = {name: value for name, value in config.items() if name != "tls"}
        return _LISTEN(config, cbdir, factory, reactor, crossbar_log, **options)

    transport.create_listening_port_from_config = listen


def _files(tls: dict[str, Any]) -> ServerFiles:
    (client_ca,) = tls.get("ca_certificates") or (None,)
    return ServerFiles(
        Path(tls["certificate"]),
        Path(tls["key"]),
        None if client_ca is None else Path(client_ca),
    )


def _on_hangup(reactor: Any, reloads: list[Reload]) -> None:
    def reload() -> None:
        for one in reloads:
            one()

    on_hangup(reactor, reload)
