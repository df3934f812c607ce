"""One encrypted attempt to reach a router: who must be there, and what went wrong.

A certificate must be signed by somebody trusted and be made out to the very host that
was asked for. What a handshake dies of is told in a sentence with the way out: OpenSSL
says little, and says it nowhere near the operator.
"""

import ipaddress
from typing import Any

from OpenSSL import SSL
from OpenSSL.crypto import X509
from OpenSSL.SSL import X509VerificationCodes as Codes
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from zope.interface import implementer

from heddle.tls.files import named, read_authorities, read_pair
from heddle.tls.trust import BadCertificate, Trust

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; all those of 1.3 are good

_UNKNOWN = (
    Codes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
    Codes.ERR_SELF_SIGNED_CERT_IN_CHAIN,
    Codes.ERR_UNABLE_TO_GET_ISSUER_CERT,
    Codes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
    Codes.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
    Codes.ERR_CERT_SIGNATURE_FAILURE,
)
_SILENT = (
    "ended the connection before it showed a certificate: does it speak TLS at all, "
    "or is its address ws:// or rs://?"
)
_PLAIN = ("wrong version number", "packet length", "record layer", "http request")
_WANTS_OURS = ("certificate required", "alert handshake failure")
_DISLIKES_OURS = (
    "alert unknown ca",
    "alert bad certificate",
    "alert certificate unknown",
    "alert certificate expired",
    "alert unsupported certificate",
    "alert certificate revoked",
)


def context_of(trust: Trust) -> SSL.Context:
    """What every link with this trust begins with; raises ``BadCertificate``."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(CIPHERS)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    if trust.ca is None:
        context.set_default_verify_paths()
    else:
        store: Any = context.get_cert_store()
        for one in read_authorities(trust.ca):
            store.add_cert(X509.from_cryptography(one))
    if trust.certificate is not None or trust.key is not None:
        _show(context, trust)
    return context


def _show(context: SSL.Context, trust: Trust) -> None:
    if trust.certificate is None or trust.key is None:
        raise BadCertificate(
            "a client certificate needs its key, and a key its certificate: "
            f"there is only {trust.certificate or trust.key}"
        )
    pair = read_pair(trust.certificate, trust.key)
    context.use_certificate(pair.leaf)
    context.use_privatekey(pair.key)
    for one in pair.chain:
        context.add_extra_chain_cert(one)


@implementer(IOpenSSLClientConnectionCreator)
class Attempt:
    """One attempt to reach ``host``. Raises ``BadCertificate`` for our own files, and
    ``UnicodeError`` for a host that can have no name.
    """

    def __init__(self, host: str, trust: Trust) -> None:
        self._host = host
        self._name = None if _is_address(host) else host.encode("idna")
        self._trust = trust
        self._context = context_of(trust)
        self._flaw: str | None = None
        self._has_shown = False  # a certificate

    def clientConnectionForTLS(  # noqa: N802 -- Twisted's name
        self, _protocol: Any
    ) -> SSL.Connection:
        """Twisted's word that a handshake begins."""
        connection = SSL.Connection(self._context, None)
        if self._name is not None:
            connection.set_tlsext_host_name(self._name)
        connection.set_verify(
            SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._verify
        )
        return connection

    def why(self, broken: BaseException | None) -> str | None:
        """What ended the handshake, if it was TLS: the rest of a sentence."""
        if self._flaw is not None:
            return self._flaw
        if not isinstance(broken, SSL.Error):
            return None if self._has_shown else _SILENT
        said = _said(broken)
        if any(word in said for word in _PLAIN):
            return "does not speak TLS: is its address ws:// or rs://?"
        if any(word in said for word in _DISLIKES_OURS):
            return (
                f"does not take our certificate, {self._trust.certificate} ({said}): "
                "is it signed by the CA that the router was given for clients?"
            )
        if any(word in said for word in _WANTS_OURS) and not self._trust.certificate:
            return (
                "lets in nobody without a client certificate: make one "
                "(`heddle keys client`) and name it and its key in the settings"
            )
        return f"and we found no way to speak TLS ({said})"

    def _verify(
        self, _link: Any, certificate: Any, code: int, depth: int, ok: int
    ) -> bool:
        """OpenSSL's question about each certificate, the CA's first."""
        self._has_shown = True
        found = certificate.to_cryptography()
        if not ok:
            self._flaw = self._words(code, named(found))
        elif depth == 0:
            self._check_name(found)
        return self._flaw is None

    def _check_name(self, found: Any) -> None:
        fits = (
            verify_certificate_ip_address
            if _is_address(self._host)
            else verify_certificate_hostname
        )
        try:
            fits(found, self._host)
        except (VerificationError, CertificateError):
            self._flaw = (
                f"shows a certificate that is not for {self._host} ({named(found)}): "
                "use a name or address that is in it, or make one with "
                f"`heddle keys server --name {self._host}`"
            )

    def _words(self, code: int, whose: str) -> str:
        if code in _UNKNOWN:
            who = self._trust.ca or "this machine"
            return (
                f"shows a certificate that nobody signed whom {who} trusts ({whose}): "
                "give the file of the CA that did, `ca.crt` of `heddle keys`"
            )
        if code == Codes.ERR_CERT_HAS_EXPIRED:
            return (
                f"shows a certificate that has expired ({whose}): renew it there "
                "(`heddle keys renew`), or set this machine's clock"
            )
        if code == Codes.ERR_CERT_NOT_YET_VALID:
            return f"shows a certificate that is not good yet ({whose}): see the clocks"
        return f"shows a certificate that cannot be trusted ({whose}, error {code})"


def _said(error: SSL.Error) -> str:
    """OpenSSL's own words."""
    reasons = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(one[-1]) for one in reasons) or "without a reason"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
