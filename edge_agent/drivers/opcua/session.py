"""A session with an OPC UA server: opened, kept alive, let go.

asyncua's own connect, supervisor and reconnect are not used: they would hide a loss
that must be told, and leave the socket open when a server falls silent. A server that
does not answer a small read within ``timeout_ms`` is lost; it is asked every
``ALIVE_EVERY_S``. What asyncua would log is said here, once, by the one who asks.
"""

import asyncio
import logging
import struct
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClientState
from asyncua.client.ua_session import UaSession
from asyncua.crypto import security_policies
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from edge_agent.drivers.linked import LinkLost, PeerRefused
from edge_agent.drivers.opcua.settings import Settings
from edge_agent.drivers.opcua.trust import (
    Identity,
    load_identity,
    made_identity,
    see_trusted,
    trusted_file,
)
from edge_agent.drivers.racing import first_to_fail, os_words
from heddle.wamp.process import ConfigError, read_secret

logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

T = TypeVar("T")

# What asyncua raises when it reads an answer that is none.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    AssertionError,
    struct.error,
)

ALIVE_EVERY_S = 5.0
SESSION_TIMEOUT_MS = 60_000  # how long a server keeps what a dead agent left
CHANNEL_LIFETIME_MS = 3_600_000
RENEW_AT = 0.75  # of the channel's lifetime (OPC 10000-4, 5.5.2.1)
GOODBYE_WITHIN_S = 1.0

_MODES: Final = {
    "sign": ua.MessageSecurityMode.Sign,
    "sign_and_encrypt": ua.MessageSecurityMode.SignAndEncrypt,
}
_POLICIES: Final[dict[str, Any]] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_UNTRUSTED: Final = {
    StatusCodes.BadCertificateUntrusted,
    StatusCodes.BadCertificateInvalid,
    StatusCodes.BadCertificateUriInvalid,
    StatusCodes.BadCertificateUseNotAllowed,
    StatusCodes.BadCertificateTimeInvalid,
    StatusCodes.BadSecurityChecksFailed,
}
_STRANGER: Final = {
    StatusCodes.BadUserAccessDenied,
    StatusCodes.BadIdentityTokenInvalid,
    StatusCodes.BadIdentityTokenRejected,
}
_OF_SESSION: Final = {
    StatusCodes.BadSessionIdInvalid,
    StatusCodes.BadSessionClosed,
    StatusCodes.BadSessionNotActivated,
    StatusCodes.BadSecureChannelIdInvalid,
    StatusCodes.BadSecureChannelClosed,
    StatusCodes.BadConnectionClosed,
    StatusCodes.BadServerHalted,
    StatusCodes.BadShutdown,
}


class OpcSession:
    """One session, used once."""

    def __init__(self, name: str, settings: Settings, files: Path, data: Path) -> None:
        self._name = name
        self._settings = settings
        self._files = files
        self._data = data
        self._client = self._fresh()
        self._protocol: Any = None  # asyncua's, kept to be ended for certain
        self._open = False

    @property
    def client(self) -> Client:
        """asyncua's client of this session."""
        return self._client

    @property
    def services(self) -> UaSession:
        """What the server offers; use ``asked`` around it."""
        if not self._open:
            raise LinkLost(f"{self._settings.url} is not reached yet")
        return self._client.uaclient.session

    async def open(self) -> None:
        """Reach the server and become its guest. Raises ``LinkLost``."""
        try:
            await self._enter()
        except UaStatusCodeError as error:
            raise LinkLost(self._why(error)) from None
        except UaError as error:
            raise LinkLost(f"{self._settings.url}: {self._amiss(error)}") from None
        except TimeoutError:
            raise LinkLost(f"{self._settings.url} did not answer in time") from None
        except OSError as error:
            raise LinkLost(f"{self._settings.url}: {os_words(error)}") from None
        except ConfigError as error:
            raise LinkLost(str(error)) from None
        except _UNREADABLE as error:
            raise LinkLost(self._unreadable(error)) from None
        self._open = True

    async def asked(self, asking: Awaitable[T]) -> T:
        """What the server answers. Raises ``PeerRefused``, or ``LinkLost``."""
        try:
            return await asking
        except TimeoutError:
            raise LinkLost(
                f"{self._settings.url} left a request unanswered for "
                f"{self._settings.timeout_ms / 1000:g} s"
            ) from None
        except UaStatusCodeError as error:
            if error.code in _OF_SESSION:
                raise LinkLost(
                    f"the server ended the session: {_name(error)}"
                ) from None
            raise PeerRefused(f"the server refused: {_name(error)}") from None
        except UaError as error:
            raise PeerRefused(str(error)) from None
        except OSError as error:
            raise LinkLost(f"{self._settings.url}: {os_words(error)}") from None
        except _UNREADABLE as error:
            raise LinkLost(self._unreadable(error)) from None

    async def keep(self) -> None:
        """Watch over the session until it is lost. Raises ``LinkLost``."""
        await first_to_fail(self._watch(), self._gone())

    async def close(self) -> None:
        """Say goodbye if the server hears it, and let go of the socket in any case."""
        self._open = False
        self._client.uaclient.pre_request_hook = None
        with suppress(OSError, TimeoutError, UaError):
            async with asyncio.timeout(GOODBYE_WITHIN_S):
                await self._client.uaclient.close_session(True)
                await self._client.close_secure_channel()
        self._client.disconnect_socket()
        _end(self._protocol)

    # --- opening ---------------------------------------------------------------------

    async def _enter(self) -> None:
        settings, client = self._settings, self._client
        if settings.security != "none":
            await self._secure()
        await self._dial(client)
        await client.send_hello()
        await client.open_secure_channel()
        await client.create_session()
        user, password = settings.user_name, None
        if settings.password_file is not None:
            password = read_secret(self._files / settings.password_file)
        await client.activate_session(username=user, password=password)

    async def _secure(self) -> None:
        settings = self._settings
        identity = self._identity()
        shown = await self._shown()
        chosen = settings.server_certificate
        see_trusted(
            shown,
            trusted_file(self._data, self._name)
            if chosen is None
            else self._files / chosen,
            data=self._data,
            connection=self._name,
            setting=chosen is not None,
        )
        self._client.application_uri = identity.application_uri
        await self._client.set_security(
            _POLICIES[settings.policy],
            certificate=identity.certificate,
            private_key=identity.key,
            server_certificate=shown,
            mode=_MODES[settings.security],
        )

    def _identity(self) -> Identity:
        settings, files = self._settings, self._files
        if settings.certificate is None or settings.private_key is None:
            return made_identity(self._data)
        return load_identity(files / settings.certificate, files / settings.private_key)

    async def _shown(self) -> bytes:
        """The certificate the server shows for what we want to speak."""
        settings, asking = self._settings, self._fresh()
        mode, policy = _MODES[settings.security], _POLICIES[settings.policy]
        try:
            await self._dial(asking)
            await asking.send_hello()
            await asking.open_secure_channel()
            offered = await asking.get_endpoints()
            await asking.close_secure_channel()
        finally:
            asking.disconnect_socket()
            _end(self._protocol)
        for each in offered:
            if each.SecurityMode == mode and each.SecurityPolicyUri == policy.URI:
                return _first(each.ServerCertificate or b"")
        raise LinkLost(
            f"{settings.url} does not offer {settings.security} with "
            f"{settings.policy}; it offers {_offers(offered)}"
        )

    def _fresh(self) -> Client:
        client = Client(self._settings.url, timeout=self._settings.timeout_ms / 1000)
        client.name = client.description = "Heddle agent"
        client.product_uri = "urn:heddle:agent"
        client.application_uri = "urn:heddle:agent"
        client.session_timeout = SESSION_TIMEOUT_MS
        client.secure_channel_timeout = CHANNEL_LIFETIME_MS
        return client

    async def _dial(self, client: Client) -> None:
        await client.connect_socket()
        self._protocol = client.uaclient.protocol

    def _why(self, error: UaStatusCodeError) -> str:
        if error.code in _UNTRUSTED:
            return (
                f"the server does not accept the agent's certificate: {_name(error)}; "
                f"have it trust {self._own_certificate()}"
            )
        if error.code in _STRANGER:
            return f"the server refused the user: {_name(error)}"
        return f"the server refused: {_name(error)}"

    def _amiss(self, error: UaError) -> str:
        if "No matching endpoints" not in str(error):
            return str(error)
        return f'it has no endpoint for security = "{self._settings.security}"'

    def _unreadable(self, error: Exception) -> str:
        what = f"{type(error).__name__}: {error}"
        return f"{self._settings.url} answered what cannot be read ({what})"

    def _own_certificate(self) -> Path:
        if self._settings.certificate is not None:
            return self._files / self._settings.certificate
        return self._data / "opcua" / "certificate.der"

    # --- keeping ---------------------------------------------------------------------

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        renew_s = self._client.secure_channel_timeout / 1000 * RENEW_AT
        renew_at_s = loop.time() + renew_s
        state = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_State))
        while True:
            await asyncio.sleep(ALIVE_EVERY_S)
            services = self.services
            with suppress(PeerRefused):  # an answer, at any rate
                await self.asked(services.read_attributes([state], AttributeIds.Value))
            if loop.time() >= renew_at_s:
                await self._renew()
                renew_at_s = loop.time() + renew_s

    async def _renew(self) -> None:
        try:
            await self.asked(self._client.open_secure_channel(renew=True))
        except PeerRefused as refused:
            raise LinkLost(f"the secure channel was not renewed: {refused}") from None
        self._client.uaclient.revolve_security_token()

    async def _gone(self) -> None:
        async with self._client.subscribe_state() as changes:
            await changes.wait_for_state(UaClientState.DISCONNECTED)
        raise LinkLost(f"{self._settings.url} closed the connection")


def _end(protocol: Any) -> None:
    """What is left unsent to a silent server must not keep the socket open."""
    if protocol is not None and protocol.transport is not None:
        protocol.transport.abort()


def _name(error: UaStatusCodeError) -> str:
    status = ua.StatusCode(error.code)
    return f"{status.name} ({status.doc})"


def _first(chain: bytes) -> bytes:
    """The first certificate, if more follow it: an outer SEQUENCE of long form."""
    size = int.from_bytes(chain[2:4], "big") + 4
    return chain[:size]


def _offers(endpoints: list[ua.EndpointDescription]) -> str:
    found = {
        f"{each.SecurityMode.name} {(each.SecurityPolicyUri or '').rpartition('#')[2]}"
        for each in endpoints
    }
    return ", ".join(sorted(found)) or "nothing"
