"""How much a client may take, and for how long."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """The limits of connections; times are in seconds.

    Attributes:
        connection_count: how many there are at most.
        address_connection_count: how many of them one address may have, but for this host's own.
        idle_seconds: how long a connection may be without a request.
        request_seconds: how long a request may take to arrive.
        response_seconds: how long a client may leave off reading.
        request_bytes: how long a request's head may be, and its body.
    """

    connection_count: int = 256
    address_connection_count: int = 128
    idle_seconds: int = 5
    request_seconds: float = 10.0
    response_seconds: float = 30.0
    request_bytes: int = 16 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """The limits of rates, each in a minute, and of what one caller may have at a time.

    Attributes:
        rate_address_requests: requests of one address without a credential, and as many with one
            that cannot be verified.
        rate_failures: credentials that are not taken, of one address.
        rate_caller_requests: requests of one caller.
        rate_caller_streams: streams of events that one caller may have open.
    """

    rate_address_requests: int = 600
    rate_failures: int = 30
    rate_caller_requests: int = 60_000
    rate_caller_streams: int = 50


@dataclass(frozen=True, slots=True)
class NetEventLimits:
    """How many net events are kept, and how often the engine is asked.

    Attributes:
        net_event_count: events at most.
        net_event_bytes: JSON at most.
        heartbeat_seconds: how often a session that listens is asked whether it lives.
        retry_seconds: the same for an engine that does not answer.
        patience_seconds: how long a request waits for the first answer.
    """

    net_event_count: int = 1000
    net_event_bytes: int = 8 << 20
    heartbeat_seconds: float = 5
    retry_seconds: float = 2
    patience_seconds: float = 30
