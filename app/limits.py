"""How much a connection may take, and for how long."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """The limits of connections; times are in seconds.

    Attributes:
        connection_count: how many there are at most.
        idle_seconds: how long a connection may be without a request.
        request_seconds: how long a request may take to arrive.
        response_seconds: how long a client may leave off reading.
        request_bytes: how long a request's head may be, and its body.
    """

    connection_count: int = 256
    idle_seconds: int = 5
    request_seconds: float = 10.0
    response_seconds: float = 30.0
    request_bytes: int = 16 << 10
