"""The server's end of TLS: one certificate, taken anew whenever its files change.

A renewed certificate serves the connections that come from then on; those that stand
are left alone. Files that cannot be used, because one is half written, has expired, or
does not fit the other, are told, and what served before goes on. With a CA for clients
nobody comes in without a certificate that it signed: they are refused in the handshake,
before a byte of theirs is looked at. Who speaks plain HTTP is told to use TLS.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from typing_extensions import override
from zope.interface import implementer

from heddle.tls.dialling import CIPHERS
from heddle.tls.files import Pair, named, read_authorities, read_pair
from heddle.tls.trust import BadCertificate, ServerFiles

log = Logger()

LOOK_EVERY_S = 10.0
WARN_BEFORE_S = 14 * 24 * 3600
WARN_EVERY_S = 24 * 3600

_SAID_PLAINLY = "http request"  # OpenSSL's words for it
_ANSWER = b"This port speaks TLS: use https:// (or wss://) in the address.\n"
_PLAIN_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(_ANSWER), _ANSWER)
)


@implementer(IOpenSSLServerConnectionCreator)
class Secured:
    """One port's TLS. Raises ``BadCertificate`` if it cannot begin."""

    def __init__(
        self,
        clock: Any,
        files: ServerFiles,
        port: str,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._files = files
        self._port = port  # what it is called in the log
        self._wall = wall
        self._warned_at_s: float | None = None
        self._loop = LoopingCall(self.look)
        self._loop.clock = clock
        self._seen = self._found = self._state()
        self._context, self._pair = self._read()

    def start(self) -> None:
        """Look after the files."""
        self._warn_of_end()
        _ = self._loop.start(LOOK_EVERY_S, now=False).addErrback(
            lambda flaw: log.failure("looking after certificates failed", flaw)
        )

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def look(self) -> None:
        """Take the files anew if they have changed, and stand still since a look ago:
        whoever writes them one after another is done then.
        """
        found, before = self._state(), self._found
        self._found = found
        if found == before and found != self._seen:
            self.reload()
        self._warn_of_end()

    def reload(self) -> None:
        """Take the files anew; if they cannot be used, what served before stays."""
        self._seen = self._state()
        try:
            self._context, self._pair = self._read()
        except BadCertificate as flaw:
            why = str(flaw)
        else:
            self._warned_at_s = None
            self._tell_taken()
            return
        log.error(
            "{port}: {why}; the former certificate stays in use",
            port=self._port,
            why=why,
        )

    def serverConnectionForTLS(  # noqa: N802 -- Twisted's name
        self, protocol: Any
    ) -> SSL.Connection:
        """Twisted's word that somebody connects."""
        return _Answering(self._context, protocol)

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_state_of(file) for file in self._files.all())

    def _read(self) -> tuple[SSL.Context, Pair]:
        pair = read_pair(self._files.certificate, self._files.key, self._now())
        context = _context(pair)
        if self._files.client_ca is not None:
            _demand(context, self._files.client_ca, self._now())
        return context, pair

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)

    def _tell_taken(self) -> None:
        log.info(
            "{port}: {file} is taken anew: {whose}, until {until:%Y-%m-%d}",
            port=self._port,
            file=str(self._files.certificate),
            whose=named(self._pair.leaf),
            until=self._pair.until,
        )

    def _warn_of_end(self) -> None:
        left_s = self._pair.until.timestamp() - self._wall()
        told_s = self._warned_at_s
        if left_s > WARN_BEFORE_S:
            return
        if told_s is not None and self._wall() - told_s < WARN_EVERY_S:
            return
        self._warned_at_s = self._wall()
        log.warn(
            "{port}: the certificate in {file} {ends} on {until:%Y-%m-%d %H:%M} UTC: "
            "renew it (`heddle keys renew`), it is taken without a restart",
            port=self._port,
            file=str(self._files.certificate),
            ends="ends" if left_s > 0 else "has ended",
            until=self._pair.until,
        )


class SecuredFactory(TLSMemoryBIOFactory):
    """A factory whose connections speak TLS; it looks after the files as it listens."""

    noisy = False

    def __init__(self, secured: Secured, wrapped: Any, clock: Any = None) -> None:
        super().__init__(secured, isClient=False, wrappedFactory=wrapped, clock=clock)
        self._secured = secured

    def reload(self) -> None:
        """Take the files anew, for connections to come."""
        self._secured.reload()

    @override
    def startFactory(self) -> None:
        """Twisted's word that the port is open."""
        self._secured.start()

    @override
    def stopFactory(self) -> None:
        """Twisted's word that it is not."""
        self._secured.stop()


class _Answering(SSL.Connection):
    """A connection that has a word for who speaks HTTP without TLS."""

    def __init__(self, context: SSL.Context, protocol: Any) -> None:
        super().__init__(context, None)
        self._protocol = protocol

    @override
    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except SSL.Error as error:
            if _SAID_PLAINLY in str(error):
                self._protocol.transport.write(_PLAIN_ANSWER)
            raise
        self._protocol = None  # no circle for as long as it lives


def _context(pair: Pair) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS)
    # No tickets: one would outlive the CA that let its owner in.
    context.set_options(
        SSL.OP_CIPHER_SERVER_PREFERENCE
        | SSL.OP_NO_COMPRESSION
        | SSL.OP_NO_RENEGOTIATION
        | SSL.OP_NO_TICKET
    )
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(b"heddle")
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.use_certificate(pair.leaf)
    context.use_privatekey(pair.key)
    for one in pair.chain:
        context.add_extra_chain_cert(one)
    context.check_privatekey()
    return context


def _demand(context: SSL.Context, ca: Path, at: datetime) -> None:
    store: Any = context.get_cert_store()
    for one in read_authorities(ca, at):
        store.add_cert(X509.from_cryptography(one))
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)


def _state_of(file: Path) -> tuple[int, int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
