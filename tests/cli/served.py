"""A server in a thread of this process, on a real socket, with a simulator that tests control."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from app.bootstrap import create_service
from app.main import create_app
from app.server.tls.certificates import CertificateReloader
from app.server.uvicorn_server import create_server, listen
from app.settings.model import Settings
from tests.conftest import SIMULATOR_PATH


SECONDS = 30
"""Timeout of every wait."""


@contextmanager
def served(
    contexts: int, port: int = 0, tls: CertificateReloader | None = None, **settings: Any
) -> Iterator[int]:
    """Serve a simulator that changes only on request; yield the port."""
    listener = listen("127.0.0.1", port)
    begun = Event()
    given = {
        "library": SIMULATOR_PATH,
        "simulated_contexts": contexts,
        "simulated_churn": 0,
        "refresh_min_interval_seconds": 0,
        "refresh_retry_seconds": 0.05,
        **settings,
    }
    service = create_service(Settings(**given))
    server = create_server(create_app(service), service.stop, tls=tls)

    def run() -> None:
        async def serve() -> None:
            begun.set()
            await server.serve([listener])

        asyncio.run(serve())

    thread = Thread(target=run)
    thread.start()
    try:
        assert begun.wait(SECONDS)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        listener.close()
    assert not thread.is_alive()
