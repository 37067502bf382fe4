"""Limits of connections, rates and what is kept; each field has the name of a setting."""

from dataclasses import dataclass

from app.net.forwarding import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Limits of connections.

    Attributes:
        max_connections: maximum number of connections.
        max_connections_per_address: maximum number per client network; loopback and trusted proxies
            are exempt.
        rate_limit_connections: new connections per minute and client network; likewise.
        trusted_proxies: the networks of trusted proxies; None: there are none.
        keepalive_timeout_seconds: how long a connection may be idle, and a TLS handshake may take.
        request_timeout_seconds: how long a request may take to arrive completely.
        send_timeout_seconds: how long a client may read too little (`app.server.read_timeout`).
        max_request_bytes: maximum size of a request's head, and of a body that is discarded.
        max_body_bytes: maximum size of a request's body, which the application gets; 0: bodies are
            discarded.
    """

    max_connections: int = 256
    max_connections_per_address: int = 128
    rate_limit_connections: int = 600
    trusted_proxies: tuple[Network, ...] | None = None
    keepalive_timeout_seconds: int = 5
    request_timeout_seconds: float = 10.0
    send_timeout_seconds: float = 30.0
    max_request_bytes: int = 16 << 10
    max_body_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Rate limits, per minute, and the number of concurrent streams per caller.

    Attributes:
        rate_limit_per_address: requests from one address that have no credential or need none;
            also, in a separate quota, requests whose credential cannot be verified.
        rate_limit_rejections: rejected credentials from one address.
        rate_limit_per_caller: requests of one caller.
        max_streams_per_caller: concurrent event streams of one caller; not per minute.
    """

    rate_limit_per_address: int = 600
    rate_limit_rejections: int = 30
    rate_limit_per_caller: int = 60_000
    max_streams_per_caller: int = 50


@dataclass(frozen=True, slots=True)
class NetEventLimits:
    """Limits of the net event buffer and of its subscription.

    Attributes:
        max_net_events: maximum number of events kept.
        max_net_event_bytes: maximum size of their JSON.
        heartbeat_interval_seconds: time between checks that the subscription's session is alive.
        refresh_retry_seconds: time between attempts to subscribe while the engine fails.
        engine_timeout_seconds: how long a request waits for the first attempt to subscribe.
    """

    max_net_events: int = 1000
    max_net_event_bytes: int = 8 << 20
    heartbeat_interval_seconds: float = 5
    refresh_retry_seconds: float = 2
    engine_timeout_seconds: float = 30


@dataclass(frozen=True, slots=True)
class EndedLimits:
    """Limits of the list of SA contexts that have ended.

    Attributes:
        max_ended_contexts: maximum number of contexts kept.
        max_ended_context_bytes: maximum size of their JSON.
    """

    max_ended_contexts: int = 10_000
    max_ended_context_bytes: int = 8 << 20
