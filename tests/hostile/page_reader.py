"""A client that reads one page after another, over one connection."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from statistics import quantiles
from typing import Self

import httpx2


P99_SECONDS = 0.25
"""How much higher its p99 may be under attack than before, as docs/robustness.md states."""
PATH = "/sa-contexts?limit=20"


class PageReader(httpx2.Client):
    """The client, which measures its p99 when it is entered, before the attack."""

    def __init__(self, url: str, key: str | None = None, tls: ssl.SSLContext | bool = True) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        super().__init__(base_url=url, headers=headers, verify=tls, timeout=10)
        self._quiet = 0.0

    def __enter__(self) -> Self:
        super().__enter__()
        for _ in range(2):  # at first, the server creates some things on demand
            self._quiet = self._p99_seconds(200)
        return self

    def assert_undisturbed(self, is_over: Callable[[], bool] = lambda: True) -> None:
        """Check that each page is answered in time, until the attack is over."""
        assert self._p99_seconds(200, is_over) < self._quiet + P99_SECONDS

    def _p99_seconds(self, at_least: int, is_over: Callable[[], bool] = lambda: True) -> float:
        seconds: list[float] = []
        while len(seconds) < at_least or not is_over():
            began = time.monotonic()
            response = self.get(PATH)
            assert response.status_code == 200, response.text
            seconds.append(time.monotonic() - began)
        return quantiles(seconds, n=100)[98]
