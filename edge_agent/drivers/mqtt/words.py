"""What a broker or the network said, as a sentence with the way out."""

import socket
import ssl

from paho.mqtt.reasoncodes import ReasonCode

from edge_agent.drivers.mqtt.access import Access

FAILED = 0x80  # reason codes from here on say no

_UNSUPPORTED_VERSION = 0x84
_BAD_CLIENT_ID = 0x85
_BAD_PASSWORD = 0x86
_NOT_AUTHORISED = 0x87
_KEEPALIVE_TIMEOUT = 0x8D
_TAKEN_OVER = 0x8E


def reason(code: ReasonCode) -> str:
    """The broker's own word."""
    return str(code).lower()


def unreachable(access: Access, error: OSError) -> str:
    """Why there is no connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{access.url}: its certificate is not to be trusted "
            f"({error.verify_message}): see ca_file, and the name in url"
        )
    if isinstance(error, ssl.SSLError):
        why = (error.reason or "handshake failed").lower().replace("_", " ")
        return f"{access.url} does not speak TLS with us: {why}"
    if isinstance(error, socket.gaierror):
        return f"{access.url}: nobody knows the name {access.host!r}"
    if isinstance(error, TimeoutError):
        return f"{access.url} does not answer"
    why = (error.strerror or str(error)).lower()
    return f"{access.url} cannot be reached: {why}"


def refused(access: Access, code: ReasonCode) -> str:
    """Why the broker does not let us in."""
    who = f"user {access.user!r}" if access.user else "us without a user"
    spoken, other = ("5", "3.1.1") if access.five else ("3.1.1", "5")
    why = {
        _BAD_PASSWORD: f"{who}: bad user name or password; see user and password_file",
        _NOT_AUTHORISED: f"{who}: not authorised; see user and password_file",
        _UNSUPPORTED_VERSION: f'MQTT {spoken}: set version = "{other}"',
        _BAD_CLIENT_ID: f"client_id {access.client_id!r}",
    }.get(code.value, reason(code))
    return f"{access.url} refuses {why}"


def lost(access: Access, code: ReasonCode, *, by_broker: bool, joined: bool) -> str:
    """Why the connection ended."""
    if code.value == _KEEPALIVE_TIMEOUT and not by_broker:
        return f"{access.url} is silent: no answer to a ping"
    if code.value == _TAKEN_OVER:
        return (
            f"{access.url}: another client uses client_id {access.client_id!r}, too; "
            "give each its own"
        )
    if by_broker:
        return f"{access.url} ended the connection: {reason(code)}"
    if joined:
        return f"{access.url} closed the connection"
    hint = (
        "is it a broker, and does it want TLS (mqtts://)?"
        if access.tls is None
        else "does it want a certificate (cert_file, key_file)?"
    )
    return f"{access.url} closed the connection before it let us in; {hint}"
