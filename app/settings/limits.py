"""Limits of connections, rates and net events, as the settings define them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Limits of connections.

    Attributes:
        connection_count: maximum number of connections.
        address_connection_count: maximum per client network; loopback is exempt.
        idle_seconds: how long a connection may be idle, or its TLS handshake take.
        request_seconds: how long a request may take to arrive.
        response_seconds: how long a client may stop reading.
        request_bytes: maximum size of a request's head, and of its content.
    """

    connection_count: int = 256
    address_connection_count: int = 128
    idle_seconds: int = 5
    request_seconds: float = 10.0
    response_seconds: float = 30.0
    request_bytes: int = 16 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Rate limits, per minute, and the number of concurrent streams per caller.

    Attributes:
        rate_address_requests: requests of one address without a credential, and as many with one
            that cannot be verified.
        rate_failures: rejected credentials of one address.
        rate_caller_requests: requests of one caller.
        rate_caller_streams: open event streams of one caller.
    """

    rate_address_requests: int = 600
    rate_failures: int = 30
    rate_caller_requests: int = 60_000
    rate_caller_streams: int = 50


@dataclass(frozen=True, slots=True)
class NetEventLimits:
    """Limits of the net event buffer and of its subscription.

    Attributes:
        net_event_count: maximum number of events kept.
        net_event_bytes: maximum bytes of their JSON.
        heartbeat_seconds: seconds between checks that the subscription's session is alive.
        retry_seconds: seconds between attempts to subscribe while the engine fails.
        patience_seconds: how long a request waits for the first attempt.
    """

    net_event_count: int = 1000
    net_event_bytes: int = 8 << 20
    heartbeat_seconds: float = 5
    retry_seconds: float = 2
    patience_seconds: float = 30
