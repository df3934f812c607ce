"""An OPC UA server: asyncua's, with a press that has a variable of many types.

``python -m tests.support.opcua_peer PORT`` takes anybody. With a FOLDER it wants
security: it makes ``server.der`` there, takes the clients whose certificates lie in
``clients``, and the user ``operator`` with the password ``secret``.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua import Node, Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import User, UserRole
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.peer_process import obey

URI, APPLICATION = "http://heddle.example/press", "urn:heddle:test:press"
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VARIABLES: dict[str, tuple[Any, ua.VariantType]] = {
    "Temperature": (20.5, ua.VariantType.Double),
    "Setpoint": (25.0, ua.VariantType.Float),
    "Valve": (3, ua.VariantType.Byte),
    "Count": (-7, ua.VariantType.Int32),
    "Running": (True, ua.VariantType.Boolean),
    "Recipe": ("standard", ua.VariantType.String),
    "Started": (STARTED, ua.VariantType.DateTime),
    "Profile": ([1.5, 2.5], ua.VariantType.Double),
    "Range": (ua.Range(0.0, 100.0), ua.VariantType.ExtensionObject),
    "Label": (ua.LocalizedText("Press", "en"), ua.VariantType.LocalizedText),
}
READ_ONLY = {"Temperature", "Started", "Profile", "Range"}


class Users:
    """One user is known, and those who give no name."""

    def get_user(
        self,
        iserver: Any,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        """asyncua asks."""
        if username is None or (username, password) == ("operator", "secret"):
            return User(role=UserRole.User)
        return None


class Press:
    """The server and its nodes."""

    def __init__(self, port: int, folder: Path | None) -> None:
        self._port = port
        self._folder = folder
        self.server = Server(user_manager=Users())
        self._nodes: dict[str, Node] = {}

    async def start(self) -> None:
        """Serve."""
        server = self.server
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self._port}/press")
        await server.set_application_uri(APPLICATION)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        if self._folder is not None:
            await self._secure(self._folder)
        await server.register_namespace("urn:another")
        index = await server.register_namespace(URI)
        press = await server.nodes.objects.add_object(
            ua.NodeId("Press", index), f"{index}:Press"
        )
        for name, (value, kind) in VARIABLES.items():
            node = await press.add_variable(
                ua.NodeId(name, index), f"{index}:{name}", value, kind
            )
            if name not in READ_ONLY:
                await node.set_writable()
            self._nodes[name] = node
        await server.start()

    async def _secure(self, folder: Path) -> None:
        key, certificate = folder / "server.pem", folder / "server.der"
        await setup_self_signed_certificate(
            key,
            certificate,
            APPLICATION,
            "localhost",
            [ExtendedKeyUsageOID.SERVER_AUTH],
            {"organizationName": "Acme"},
        )
        await self.server.load_certificate(certificate)
        await self.server.load_private_key(key)
        self.server.set_security_policy(
            [
                ua.SecurityPolicyType.Basic256Sha256_Sign,
                ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ]
        )
        self.server.set_certificate_validator(self._know)

    async def _know(self, shown: x509.Certificate, _: Any) -> None:
        assert self._folder is not None
        raw = shown.public_bytes(Encoding.DER)
        known = (self._folder / "clients").glob("*.der")
        if not any(file.read_bytes() == raw for file in known):
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    async def do(self, order: dict[str, Any]) -> Any:
        """Obey: set a variable, with a status or a time; get one; begin anew;
        forget all subscriptions.
        """
        if order.get("reset"):
            for name, (value, kind) in VARIABLES.items():
                await self._nodes[name].write_value(ua.Variant(value, kind))
            return None
        if order.get("forget"):
            service = self.server.iserver.subscription_service
            await service.delete_subscriptions(list(service.subscriptions))
            return None
        name = order["of"]
        node = self._nodes[name]
        if "set" in order:
            age = order.get("age_s", 0)
            value = ua.DataValue(
                ua.Variant(order["set"], VARIABLES[name][1]),
                ua.StatusCode(order.get("status", "Good")),
                SourceTimestamp=datetime.now(UTC) - timedelta(seconds=age),
            )
            await self.server.write_attribute_value(node.nodeid, value)
        found = (await node.read_data_value(raise_on_bad_status=False)).Value
        assert found is not None
        return [str(found.Value), found.VariantType.name]


async def serve(port: int, folder: Path | None) -> None:
    """Serve until stdin ends."""
    press = Press(port, folder)
    await press.start()
    try:
        await obey(press.do)
    finally:
        await press.server.stop()


if __name__ == "__main__":
    logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)
    asyncio.run(
        serve(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    )
