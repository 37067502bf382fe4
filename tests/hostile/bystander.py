"""Well-behaved clients beside hostile ones.

Attackers share the machine's processors with these clients, as real ones would not: the threads of
these clients have precedence.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from itertools import pairwise
from math import ceil, inf
from statistics import median
from threading import Event, Thread, get_native_id
from time import perf_counter
from types import TracebackType
from typing import Self

import httpx2


PAUSE_SECONDS = 0.02
TIMEOUT_SECONDS = 20
MAX_AGE = 60
"""Of the pages' snapshots, in seconds: what is measured is the attack, not a read of the engine."""
TRIES = 5
"""Of one request: its connection may have been evicted."""


class Bystander(AbstractContextManager["Bystander"]):
    """Clients that request pages and contexts, each in a thread, and check the responses.

    Each keeps its connection, and connects again if it was evicted. No response may be an error.

    Attributes:
        seconds: the duration of each request but the first ones, which connect; with retries.
        tried_again: the number of retries.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
        count: int = 1,
        limit: int = 20,
    ) -> None:
        """Create the clients.

        Args:
            url: the server's URL.
            headers: the headers of each request.
            context: the TLS settings.
            count: the number of clients.
            limit: the number of contexts on a page.
        """
        self.seconds: list[float] = []
        self.tried_again = 0
        self._url = url
        self._headers = headers
        self._context = context
        self._limit = limit
        self._error: Exception | None = None
        self._is_over = Event()
        self._threads = [Thread(target=self._run) for _ in range(count)]

    def __enter__(self) -> Self:
        """Begin, once the server has accepted the credential."""
        with self._client() as client:
            self._get(client, "/sa-contexts?limit=1", [])
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, and raise what went wrong."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        if self._error is not None and error is None:
            raise self._error

    def p99(self) -> float:
        """Return the seconds that 99 of 100 requests took at most, in a typical third of the time.

        Other programs may stop everything for a while.
        """
        size = len(self.seconds) // 3
        if not size:
            return inf
        thirds = (sorted(self.seconds[n * size : (n + 1) * size]) for n in range(3))
        return median(third[ceil(size * 0.99) - 1] for third in thirds)

    def _run(self) -> None:
        try:
            with suppress(PermissionError):  # not root
                os.setpriority(os.PRIO_PROCESS, get_native_id(), -20)  # of this thread
            with self._client() as client:
                self._get(client, "/health/ready", [])
                while not self._is_over.wait(PAUSE_SECONDS):
                    self._walk(client)
        except Exception as error:  # noqa: BLE001  # raised by the thread that waits
            self._error = error

    def _client(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self._url,
            headers=self._headers,
            verify=self._context or True,
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    def _walk(self, client: httpx2.Client) -> None:
        """Request two pages, one of their contexts, and a probe."""
        path = f"/sa-contexts?limit={self._limit}"
        first = self._get(client, f"{path}&maxAge={MAX_AGE}", self.seconds).json()
        second = self._get(client, f"{path}&cursor={first['nextCursor']}", self.seconds).json()
        ids = [int(item["saContextId"]) for page in (first, second) for item in page["items"]]
        assert len(ids) == 2 * self._limit
        assert all(one < next_ for one, next_ in pairwise(ids))
        assert first["snapshot"] == second["snapshot"]
        one = self._get(client, f"/sa-contexts/{ids[1]}", self.seconds).json()
        assert one["saContextId"] == str(ids[1])
        assert self._get(client, "/health/ready", self.seconds).json() == {"status": "ready"}

    def _get(self, client: httpx2.Client, path: str, seconds: list[float]) -> httpx2.Response:
        began = perf_counter()
        for _ in range(TRIES):
            with suppress(httpx2.NetworkError, httpx2.RemoteProtocolError):
                response = client.get(path)
                break
            self.tried_again += 1
        else:
            raise AssertionError(f"{path}: evicted {TRIES} times")
        seconds.append(perf_counter() - began)
        assert response.status_code == 200, response.text
        return response
