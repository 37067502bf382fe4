"""How connections are treated."""

from __future__ import annotations

import socket
from asyncio import Protocol, Transport
from typing import Any

import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.server import PromptProtocol


class Connection(Transport):
    """A transport that knows its socket."""

    def __init__(self, connection: socket.socket | None) -> None:
        super().__init__({"socket": connection})


@pytest.fixture
def protocol(monkeypatch: pytest.MonkeyPatch) -> PromptProtocol:
    made: list[Any] = []
    monkeypatch.setattr(H11Protocol, "connection_made", lambda _, made_: made.append(made_))
    assert issubclass(PromptProtocol, Protocol)
    return PromptProtocol.__new__(PromptProtocol)


def test_that_small_answers_are_sent_at_once(protocol: PromptProtocol) -> None:
    """Proactor's sockets come with Nagle's algorithm on, as one does that is made by hand."""
    with socket.socket() as connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0

        protocol.connection_made(Connection(connection))

        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs sockets that are not TCP")
def test_that_other_connections_are_left_as_they_are(protocol: PromptProtocol) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        protocol.connection_made(Connection(connection))
    protocol.connection_made(Connection(None))
