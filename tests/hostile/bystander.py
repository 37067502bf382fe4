"""A well-behaved client beside hostile ones."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from itertools import pairwise
from math import ceil
from threading import Event, Thread
from time import perf_counter
from types import TracebackType
from typing import Self

import httpx2


PAUSE_SECONDS = 0.02
TIMEOUT_SECONDS = 20
TRIES = 5
"""Of one request: its connection may have been evicted or rejected."""


class Bystander(AbstractContextManager["Bystander"]):
    """Requests pages and contexts in a thread, and checks the responses.

    Attributes:
        seconds: the duration of each request, including retries.
        tried_again: the number of retries.
    """

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.seconds: list[float] = []
        self.tried_again = 0
        self._url = url
        self._headers = headers
        self._error: Exception | None = None
        self._is_over = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, and raise what went wrong."""
        self._is_over.set()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def p99(self) -> float:
        """Return the seconds that 99 of 100 requests took at most."""
        return sorted(self.seconds)[ceil(len(self.seconds) * 0.99) - 1]

    def _run(self) -> None:
        try:
            with httpx2.Client(
                base_url=self._url, headers=self._headers, timeout=TIMEOUT_SECONDS
            ) as client:
                while not self._is_over.wait(PAUSE_SECONDS):
                    self._walk(client)
        except Exception as error:  # noqa: BLE001  # raised by the thread that waits
            self._error = error

    def _walk(self, client: httpx2.Client) -> None:
        """Request two pages, one of their contexts, and a probe."""
        first = self._get(client, "/sa-contexts?limit=20").json()
        second = self._get(client, f"/sa-contexts?limit=20&cursor={first['nextCursor']}").json()
        ids = [int(item["saContextId"]) for page in (first, second) for item in page["items"]]
        assert len(ids) == 40
        assert all(one < next_ for one, next_ in pairwise(ids))
        assert first["snapshot"] == second["snapshot"]
        one = self._get(client, f"/sa-contexts/{ids[7]}").json()
        assert one["saContextId"] == str(ids[7])
        assert self._get(client, "/health/ready").json() == {"status": "ready"}

    def _get(self, client: httpx2.Client, path: str) -> httpx2.Response:
        began = perf_counter()
        for _ in range(TRIES):
            with suppress(httpx2.NetworkError, httpx2.RemoteProtocolError):
                response = client.get(path)
                if "too_many_connections" not in response.text:
                    break
            self.tried_again += 1
        self.seconds.append(perf_counter() - began)
        assert response.status_code == 200, response.text
        return response
