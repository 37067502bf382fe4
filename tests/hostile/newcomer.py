"""A regular client that opens a new connection for each request."""

from __future__ import annotations

import http.client
import ssl
from contextlib import AbstractContextManager
from functools import partial
from statistics import median
from threading import Event, Thread
from time import perf_counter
from typing import Self

from tests.hostile.bystander import MAX_AGE
from tests.hostile.process import Target


PAUSE_SECONDS = 0.04


class Newcomer(AbstractContextManager["Newcomer"]):
    """Requests pages in a thread, each over a connection of its own.

    Attributes:
        seconds: from the start of each connection to the end of its response.
        failures: the errors, and the statuses other than 200.
    """

    def __init__(self, target: Target, key: str, tls: ssl.SSLContext | None, source: str) -> None:
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self._target, self._source, self._tls = target, source, tls
        self._headers = {"Authorization": f"Bearer {key}", "Host": "localhost"}
        self._is_over = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    @property
    def slowest(self) -> float:
        """The longest time of a typical third: other programs may stop everything for a while."""
        size = len(self.seconds) // 3
        return median(max(self.seconds[n * size : (n + 1) * size]) for n in range(3))

    def ask(self) -> None:
        """Send one request, and record its outcome."""
        began = perf_counter()
        try:
            status = self._ask()
        except OSError as error:
            self.failures.append(repr(error))
        else:
            self.seconds.append(perf_counter() - began)
            if status != http.HTTPStatus.OK:
                self.failures.append(str(status))

    def _run(self) -> None:
        while not self._is_over.wait(PAUSE_SECONDS):
            self.ask()

    def _ask(self) -> int:
        connect: partial[http.client.HTTPConnection] = (
            partial(http.client.HTTPConnection)
            if self._tls is None
            else partial(http.client.HTTPSConnection, context=self._tls)
        )
        address, port = self._target.reach.address, self._target.port
        connection = connect(address, port, timeout=20, source_address=(self._source, 0))
        try:
            path = f"/sa-contexts?limit=2&maxAge={MAX_AGE}"
            connection.request("GET", path, headers=self._headers)
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()
