"""The admission of connections before anything is known of them but their address.

How it works: an address may open so many connections a minute; an address from which a credential
was accepted, ten times as many. Trusted proxies have no such limit, since any client of a proxy may
cause the proxy's connections. In addition, each `Origin` may open so many a second in total, so
that a flood from many addresses does not occupy the processor, and none from one origin keeps
others out. Both precede any work for the connection, which is reset. This host has no limits here:
its programs would share them, and one that means harm has other ways.

Connections that have not sent a request yet are dropped early at random, as in OpenSSH
(`MaxStartups`, sshd_config(5)): none below `STARTUPS_BEGIN`, and one for each new one from
`STARTUPS_FULL` on. The first to go is the one that has been silent for longest, because a client
sends its request or its ClientHello together with the end of the TCP handshake, however distant it
is. If all have sent something, a random one goes: an attacker who holds many loses most.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from app.middleware.gcra import GcraLimiter
from app.net.forwarding import TrustedProxies
from app.net.networks import is_loopback
from app.settings.limits import ConnectionLimits


WINDOW_SECONDS: Final = 60
"""The window of the rate per address."""
VERIFIED_FACTOR: Final = 10
"""How many times the rate an address has from which a credential was accepted."""
TOTAL_PER_SECOND: Final = 500
"""Connections admitted per second and origin; each costs some 0.2 ms, and with TLS a handshake."""
STARTUPS_BEGIN: Final = 64
STARTUPS_FULL: Final = 128
STARTUPS_RATE: Final = 0.3
"""The probability of a drop at `STARTUPS_BEGIN`; it rises to 1 at `STARTUPS_FULL`."""


class Rejection(StrEnum):
    """Why a connection was rejected or dropped before its first request."""

    ADDRESS_RATE = "address_rate"
    """Its address opened too many connections."""
    TOTAL_RATE = "total_rate"
    """Too many connections were opened in total."""
    EARLY_DROP = "early_drop"
    """Too many connections had not sent a request."""


class Origin(StrEnum):
    """Groups of addresses with a total rate each: a flood from one does not keep out another."""

    VERIFIED = "verified"
    """A credential was accepted from the address."""
    PROXY = "proxy"
    """The address is a trusted proxy's: any of its clients may cause its connections."""
    RARE = "rare"
    """The address has more than half of its quota left."""
    FREQUENT = "frequent"


class Startup(Protocol):
    """A connection that has not sent a request yet.

    Attributes:
        network: the client's network, as `TrustedProxies.network_of` returns it.
    """

    network: str


AnyStartup = TypeVar("AnyStartup", bound=Startup)


class Admission:
    """Decides which connections are admitted. Belongs to one event loop.

    Attributes:
        proxies: the trusted proxies.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        is_verified: Callable[[str], bool] = lambda _network: False,
        on_rejection: Callable[[Rejection, str], None] = lambda _reason, _address: None,
    ) -> None:
        """Initialize it without connections.

        Args:
            limits: the limits of connections.
            is_verified: returns whether a credential was accepted from a network; behind a trusted
                proxy, that is the client's, not the proxy's.
            on_rejection: called with the reason and the address or network of each rejected or
                dropped connection.
        """
        quota = limits.rate_limit_connections
        self.proxies = TrustedProxies(limits.trusted_proxies)
        self._has_credential = is_verified
        self._on_rejection = on_rejection
        self._unverified = GcraLimiter(quota, WINDOW_SECONDS)
        self._verified = GcraLimiter(quota * VERIFIED_FACTOR, WINDOW_SECONDS)
        self._total = GcraLimiter(TOTAL_PER_SECOND, 1)

    def is_verified(self, network: str) -> bool:
        """Return whether a network's connections are preferred before they send a request.

        A credential was accepted from it, or it is a trusted proxy, which connects only when a
        client has sent a request.
        """
        return network in self.proxies or self._has_credential(network)

    def rejects(self, address: str) -> bool:
        """Count a new connection, and return whether to reject it."""
        network = self.proxies.network_of(address)
        if network in self.proxies:
            origin = Origin.PROXY
        elif is_loopback(network):
            return False
        else:
            is_verified = self.is_verified(network)
            limiter = self._verified if is_verified else self._unverified
            status = limiter.hit(network)
            if not status.is_within:
                self._on_rejection(Rejection.ADDRESS_RATE, address)
                return True
            is_rare = status.left * 2 > limiter.quota
            origin = Origin.RARE if is_rare else Origin.FREQUENT
            if is_verified:
                origin = Origin.VERIFIED
        if not self._total.hit(origin).is_within:
            self._on_rejection(Rejection.TOTAL_RATE, address)
            return True
        return False

    def early_drop(
        self, silent: Sequence[AnyStartup], others: Sequence[AnyStartup], newest: AnyStartup
    ) -> AnyStartup | None:
        """Return the connection to drop because there is a new one, or None.

        Args:
            silent: those that have sent nothing, oldest first.
            others: those that have sent something.
            newest: the new one.
        """
        excess = len(silent) + len(others) - STARTUPS_BEGIN
        share = excess / (STARTUPS_FULL - STARTUPS_BEGIN)
        if excess < 0 or random.random() >= STARTUPS_RATE + (1 - STARTUPS_RATE) * share:
            return None
        oldest = next((each for each in silent if not self.is_verified(each.network)), None)
        unverified = [e for e in (*others, newest) if not self.is_verified(e.network)]
        if oldest is not None:
            dropped = oldest
        elif unverified and unverified != [newest]:
            dropped = random.choice(unverified)
        else:
            dropped = silent[0] if silent else random.choice(others)
        self._on_rejection(Rejection.EARLY_DROP, dropped.network)
        return dropped
