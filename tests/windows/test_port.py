"""The port is the server's alone; run by Windows' CPython only."""

from __future__ import annotations

import socket

import pytest

from app.server.uvicorn_server import listen


def test_the_port_is_exclusive() -> None:
    """Without SO_EXCLUSIVEADDRUSE, a program with SO_REUSEADDR could bind the same port
    (learn.microsoft.com, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE").
    """
    with listen("127.0.0.1", 0) as listener, socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        exclusive = socket.SO_EXCLUSIVEADDRUSE  # type: ignore[attr-defined,unused-ignore]  # Windows
        assert listener.getsockopt(socket.SOL_SOCKET, exclusive)
        assert not listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        with pytest.raises(OSError, match=r"WinError 100(13|48)"):  # WSAEACCES, WSAEADDRINUSE
            other.bind(listener.getsockname())
