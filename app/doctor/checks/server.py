"""Checks of the server's address: its port, its exposure and the firewall."""

from __future__ import annotations

import errno
import os
import socket
from typing import Final

from app.doctor.context import DoctorContext
from app.doctor.probes.listener import asks_for_certificates, is_answered_by_us
from app.doctor.results import CheckResult, Facts, failure, not_applicable, ok, unknown
from app.net.networks import is_loopback
from app.schemas.doctor import Outcome
from app.server.uvicorn_server import bind
from bindings.tcp_listeners import tcp_listeners


FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM})

HOW_TO_LOOK: Final = (
    "Get-NetFirewallPortFilter -Protocol TCP | Where-Object LocalPort -eq {port} | "
    "Get-NetFirewallRule"
)
HOW_TO_ALLOW: Final = (
    "New-NetFirewallRule -DisplayName sa-contexts -Direction Inbound -Protocol TCP "
    "-LocalPort {port} -RemoteAddress CLIENTS -Action Allow"
)


def port(context: DoctorContext) -> CheckResult:
    """Check that the server can listen on the configured address and port, or already does."""
    host, number = context.settings.host, context.settings.port
    facts: Facts = {"host": host, "port": number}
    names = frozenset({host})
    try:
        bind(host, number).close()
    except socket.gaierror as error:
        return failure(
            f"The name {host} cannot be resolved: {error.strerror}.",
            "Set SA_CONTEXTS_HOST to an address of this host.",
            facts,
            names,
        )
    except OSError as error:
        return _cannot_listen(context, error, facts, names)
    which = f"port {number}" if number else "any port"
    return ok(f"The server can listen on {host}, {which}.", facts=facts, names=names)


def _cannot_listen(
    context: DoctorContext, error: OSError, facts: Facts, names: frozenset[str]
) -> CheckResult:
    host, number = context.settings.host, context.settings.port
    certificate = context.settings.tls_certificate_file
    listeners = tcp_listeners(number)
    # Windows returns WSAEACCES for a port that another process uses exclusively, and for a reserved
    # port.
    if error.errno == errno.EADDRINUSE or (error.errno in FORBIDDEN and listeners):
        facts["listeners"] = [
            {"processId": process_id, "program": program} for process_id, program in listeners
        ]
        if is_answered_by_us(host, number):
            return ok(
                f"An sa-contexts server listens on {host}, port {number}.", None, facts, names
            )
        if certificate is not None and asks_for_certificates(host, number, certificate):
            return ok(
                f"A server with the configured certificate listens on {host}, port {number}; it "
                "requires client certificates.",
                None,
                facts,
                names,
            )
        by_whom = ", ".join(
            f"{program or 'a program'} (process {process_id})"
            for process_id, program in listeners
            if process_id is not None
        )
        return failure(
            f"Port {number} of {host} is in use" + (f" by {by_whom}." if by_whom else "."),
            "Stop the program that listens there (find it with `netstat -abno` on Windows, "
            "`ss -lptn` elsewhere), or choose another port: SA_CONTEXTS_PORT.",
            facts,
            names,
        )
    if error.errno in FORBIDDEN:
        return failure(
            f"The system does not allow this account, or any account, to listen on port {number}.",
            "Choose another port: SA_CONTEXTS_PORT. On Windows, `netsh int ipv4 show "
            "excludedportrange protocol=tcp` shows which are reserved.",
            facts,
            names,
        )
    return failure(
        f"The server cannot listen on {host}: {error.strerror}.",
        "Set SA_CONTEXTS_HOST to an address of this host.",
        facts,
        names,
    )


def exposure(context: DoctorContext) -> CheckResult:
    """Check that, if other hosts can reach the server, it requires TLS and credentials."""
    settings = context.settings
    has_tls = settings.tls_certificate_file is not None
    asks = settings.api_keys_file is not None or settings.oidc_issuer is not None
    loopback = is_on_loopback(settings.host)
    facts: Facts = {"isLoopback": loopback, "hasTls": has_tls, "asksForCredentials": asks}
    if loopback and not settings.trusted_proxies:
        return ok("Only this host can reach the server.", facts=facts)
    if loopback and asks:
        return ok(
            "Other machines can reach the server only through trusted proxies and with "
            "credentials.",
            facts=facts,
        )
    if has_tls and asks:
        return ok(
            "Other machines can reach the server only over TLS and with credentials.", facts=facts
        )
    missing = " and ".join(
        word
        for word, is_used in (("TLS", has_tls or loopback), ("credentials", asks))
        if not is_used
    )
    return CheckResult(
        Outcome.WARNING if settings.allow_insecure else Outcome.FAILURE,
        f"Other machines could reach the server without {missing}, and read which hosts "
        "communicate.",
        "Listen on 127.0.0.1 without trusted proxies, or configure TLS and credentials "
        "(docs/settings.md).",
        facts,
    )


def firewall(context: DoctorContext) -> CheckResult:
    """Explain how to check whether Windows Firewall allows other hosts to reach the server."""
    number = context.settings.port
    if is_on_loopback(context.settings.host):
        return not_applicable("Only this host can reach the server, so no firewall is involved.")
    if os.name != "nt":
        return not_applicable("Not running on Windows, so there is no Windows Firewall.")
    return unknown(
        "The doctor did not check whether Windows Firewall lets other machines reach port "
        f"{number}.",
        f"In PowerShell: `{HOW_TO_LOOK.format(port=number)}`. If there is no rule, as an "
        f"administrator: `{HOW_TO_ALLOW.format(port=number)}`.",
    )


def is_on_loopback(host: str) -> bool:
    """Return whether only this host can reach a server that listens on `host`."""
    try:
        addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(is_loopback(str(address[0])) for *_, address in addresses)
