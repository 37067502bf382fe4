"""Why a server cannot be reached: in words, with what to do about it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final, NamedTuple

import httpx2

from app.cli.printable import printable


NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
"""What OpenSSL's versions call an answer that is not TLS."""
OTHER_HOST: Final = frozenset({62, 64})
"""Codes of certificates for another name or address (X509_V_ERR_*_MISMATCH, x509_vfy.h)."""


class Unreachable(NamedTuple):
    """Why a server cannot be reached.

    Attributes:
        reason: the reason, as printable text.
        advice: what to do about it, as a clause; empty if nothing is known.
    """

    reason: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.reason}; {self.advice}" if self.advice else self.reason


def explain_unreachable(error: Exception, url: httpx2.URL) -> Unreachable:
    """Return why a request to a server failed.

    Args:
        error: the error of the client.
        url: the URL of the server.
    """
    other_scheme = "if it speaks TLS, use https://" if url.scheme == "http" else ""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code, verify_message=message):
                advice = "" if code in OTHER_HOST else "if its CA is your own, pass --ca"
                return Unreachable(f"cannot verify its certificate: {message.rstrip('.')}", advice)
            case ssl.SSLError(reason="TLSV13_ALERT_CERTIFICATE_REQUIRED"):
                return Unreachable("client certificate required", "pass one with --certificate")
            case ssl.SSLError(reason=reason) if reason in NO_TLS:
                return Unreachable("the server does not speak TLS there", "try http://")
            case ConnectionRefusedError():
                return Unreachable(
                    "no server listens there",
                    "start one with `sa-contexts serve`, or pass the URL of another with --url",
                )
            case socket.gaierror():
                return Unreachable(f"the name {printable(url.host)} has no address")
            case httpx2.TimeoutException():
                return Unreachable("it does not answer in time")
            case httpx2.RemoteProtocolError() if "illegal" in str(cause):
                return Unreachable("it does not answer with HTTP", other_scheme)
            case ConnectionResetError() | httpx2.RemoteProtocolError():
                return Unreachable("it closed the connection", other_scheme)
    return Unreachable(printable(str(error)) or type(error).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes; those of a group are the failures with each address."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield from _causes(cause)
