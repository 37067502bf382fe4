"""Checks of where the server listens: its address and port, who can reach it, the firewall."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any, Final

from app.doctor.context import DoctorContext
from app.doctor.probes.listener import asks_for_certificates, is_answered_by_us
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome
from app.server.exposure import is_loopback
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


def port(subject: DoctorContext) -> CheckResult:
    """Whether the server can listen where it is told to, or does so already."""
    host, number = subject.settings.host, subject.settings.port
    facts: Facts = {"host": host, "port": number}
    names = frozenset({host})
    try:
        family, kind, _, _, address = _addresses(host, number)[0]
    except OSError as error:
        return CheckResult(
            Outcome.FAILURE,
            f"There is no address of the name {host}: {error.strerror}.",
            "Set SA_CONTEXTS_HOST to an address of this host.",
            facts,
            names,
        )
    with socket.socket(family, kind) as attempt:
        if sys.platform == "win32":  # what another has bound is not to be shared with it
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # what was closed just now is in nobody's way
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(address)
        except OSError as error:
            return _cannot_listen(subject, error, facts, names)
    which = f"port {number}" if number else "any port"
    return CheckResult(
        Outcome.OK, f"The server can listen at {host}, {which}.", facts=facts, names=names
    )


def _cannot_listen(
    subject: DoctorContext, error: OSError, facts: Facts, names: frozenset[str]
) -> CheckResult:
    host, number = subject.settings.host, subject.settings.port
    certificate = subject.settings.tls_certificate
    listeners = tcp_listeners(number)
    # Windows forbids what another has for itself (WSAEACCES), as it does what it reserves.
    if error.errno == errno.EADDRINUSE or (error.errno in FORBIDDEN and listeners):
        facts["listeners"] = [
            {"processId": process_id, "program": program} for process_id, program in listeners
        ]
        if is_answered_by_us(host, number):
            return CheckResult(
                Outcome.OK,
                f"A server of sa-contexts listens at {host}, port {number}.",
                None,
                facts,
                names,
            )
        if certificate is not None and asks_for_certificates(host, number, certificate):
            return CheckResult(
                Outcome.OK,
                f"A server with the certificate of the settings listens at {host}, port {number}; "
                "it asks clients for theirs.",
                None,
                facts,
                names,
            )
        by_whom = ", ".join(
            f"{program or 'a program'} (process {process_id})"
            for process_id, program in listeners
            if process_id is not None
        )
        return CheckResult(
            Outcome.FAILURE,
            f"Port {number} of {host} is taken" + (f" by {by_whom}." if by_whom else "."),
            "Stop what listens there (`netstat -abno` on Windows, `ss -lptn` elsewhere, shows it), "
            "or choose another port: SA_CONTEXTS_PORT.",
            facts,
            names,
        )
    if error.errno in FORBIDDEN:
        return CheckResult(
            Outcome.FAILURE,
            f"The system lets nobody, or not this account, listen at port {number}.",
            "Choose another port: SA_CONTEXTS_PORT. On Windows, `netsh int ipv4 show "
            "excludedportrange protocol=tcp` shows which are reserved.",
            facts,
            names,
        )
    return CheckResult(
        Outcome.FAILURE,
        f"The server cannot listen at {host}: {error.strerror}.",
        "Set SA_CONTEXTS_HOST to an address of this host.",
        facts,
        names,
    )


def exposure(subject: DoctorContext) -> CheckResult:
    """Whether a server that others can reach has credentials and TLS."""
    settings = subject.settings
    has_tls = settings.tls_certificate is not None
    asks = settings.keys is not None or settings.oidc_issuer is not None
    loopback = is_on_loopback(settings.host)
    facts: Facts = {"isLoopback": loopback, "hasTls": has_tls, "asksForCredentials": asks}
    if loopback:
        return CheckResult(Outcome.OK, "Only this host can reach the server.", facts=facts)
    if has_tls and asks:
        return CheckResult(
            Outcome.OK, "Others can reach the server, by TLS and with credentials.", facts=facts
        )
    missing = " and ".join(
        word for word, there in (("TLS", has_tls), ("credentials", asks)) if not there
    )
    return CheckResult(
        Outcome.WARNING if settings.insecure else Outcome.FAILURE,
        f"Others could reach the server without {missing}, and see who talks to whom.",
        "Let it listen at 127.0.0.1, or configure both: docs/settings.md.",
        facts,
    )


def firewall(subject: DoctorContext) -> CheckResult:
    """Whether others can reach the server through Windows' firewall, which is to be looked at."""
    number = subject.settings.port
    if is_on_loopback(subject.settings.host):
        return CheckResult(
            Outcome.NOT_APPLICABLE, "Only this host can reach the server; no firewall is between."
        )
    if os.name != "nt":
        return CheckResult(
            Outcome.NOT_APPLICABLE, "This is no Windows, whose firewall this is about."
        )
    return CheckResult(
        Outcome.UNKNOWN,
        f"Whether Windows' firewall lets others reach port {number} was not looked at.",
        f"In PowerShell: `{HOW_TO_LOOK.format(port=number)}`. Where there is no rule, as an "
        f"administrator: `{HOW_TO_ALLOW.format(port=number)}`.",
    )


def is_on_loopback(host: str) -> bool:
    """Whether a server that listens there is reached from this host only."""
    try:
        addresses = _addresses(host, None)
    except OSError:
        return False
    return all(is_loopback(str(address[0])) for *_, address in addresses)


def _addresses(host: str, number: int | None) -> list[Any]:
    return list(socket.getaddrinfo(host, number, type=socket.SOCK_STREAM))
