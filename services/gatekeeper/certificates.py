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

from heddle.tls.trust import BadCertificate, ServerFiles
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
                secured = _secured(tls, reactor, options.get("name") or "router")
            except BadCertificate:
                return defer.fail()
            reloads.append(secured.reload)
            if heeds_hangup and len(reloads) == 1:
                _on_hangup(reactor, reloads)
            factory = _wrapped(secured, factory, reactor)
            config = {name: value for name, value in config.items() if name != "tls"}
        return _LISTEN(config, cbdir, factory, reactor, crossbar_log, **options)

    transport.create_listening_port_from_config = listen


def _secured(tls: dict[str, Any], reactor: Any, port: str) -> Any:
    from heddle.tls.serving import Secured  # noqa: PLC0415 -- only where wanted

    (client_ca,) = tls.get("ca_certificates") or (None,)
    files = ServerFiles(
        Path(tls["certificate"]),
        Path(tls["key"]),
        None if client_ca is None else Path(client_ca),
    )
    return Secured(reactor, files, f"port {port}")


def _wrapped(secured: Any, factory: Any, reactor: Any) -> Any:
    from heddle.tls.serving import SecuredFactory  # noqa: PLC0415

    return SecuredFactory(secured, factory, reactor)


def _on_hangup(reactor: Any, reloads: list[Reload]) -> None:
    def reload() -> None:
        for one in reloads:
            one()

    on_hangup(reactor, reload)
