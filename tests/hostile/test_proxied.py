"""Clients behind one trusted proxy, one of which guesses keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from tests.auth.made import make_key
from tests.hostile.conftest import P99_SECONDS, waits_less
from tests.hostile.distance import Reach, near_and_far
from tests.hostile.process import Target, running_target


ATTACKER, NEIGHBOUR = "192.0.2.66", "192.0.2.17"
THREADS = 4
PAUSE_SECONDS = 0.02
"""Of a thread between two guesses: the attack is on the quota, not on the processor."""
SECONDS = 6
"""How long the attack lasts at least."""
KEYS = 40
FIRST_USES = 4
"""How many of them are used at a time."""
FAILURES = 30
"""The quota of an address (docs/robustness.md), which is restored within a minute."""


def behind_proxy(client: str, key: str) -> dict[str, str]:
    """Return the headers of a request that a proxy forwards for a client."""
    return {"X-Forwarded-For": client, "Authorization": f"Bearer {key}"}


def status(target: Target, headers: dict[str, str]) -> int:
    """Request a page over a new connection, as most proxies do, and return the status."""
    address = target.reach.address
    with closing(HTTPConnection(address, target.port, timeout=20)) as connection:
        connection.request("GET", "/sa-contexts?limit=1", headers=headers)
        return connection.getresponse().status


class Guesses:
    """Wrong keys from one client behind the proxy, which forges another address each time.

    Attributes:
        statuses: the statuses of all responses.
        is_limited: set at the first 429.
    """

    def __init__(self, target: Target, key: str) -> None:
        self.statuses: Counter[int] = Counter()
        self.is_limited = Event()
        self._target, self._key = target, key
        self._is_over = Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Guess until the end of the block, over a new connection each time."""
        threads = [Thread(target=self._guess, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def _guess(self, thread: int) -> None:
        number = 0
        while not self._is_over.wait(PAUSE_SECONDS):
            number += 1
            forged = f"198.51.100.{number % 256}, {ATTACKER}"
            wrong = f"{self._key[:-6]}{thread}{number:05}"
            answered = status(self._target, behind_proxy(forged, wrong))
            self.statuses[answered] += 1
            if answered == 429:
                self.is_limited.set()


@near_and_far
def test_a_neighbour_behind_the_same_proxy_blocks_nobody(tmp_path: Path, reach: Reach) -> None:
    file = tmp_path / "keys.json"
    keys = [make_key(file, "sa:read", name=f"client {number}") for number in range(KEYS)]
    with (
        running_target(
            reach,
            allow_insecure=True,
            simulated_churn=0,
            api_keys_file=file,
            trusted_proxies=reach.client,
        ) as target,
        ThreadPoolExecutor(FIRST_USES) as pool,
    ):
        guesses = Guesses(target, keys[0])
        assert status(target, behind_proxy(NEIGHBOUR, keys[0])) == 200  # the first refresh
        began = monotonic()
        with (
            target.bystander(behind_proxy(NEIGHBOUR, keys[0])) as bystander,
            guesses.running(),
        ):
            assert guesses.is_limited.wait(SECONDS)
            others = [behind_proxy(NEIGHBOUR, key) for key in keys[1:]]
            first_uses = [*pool.map(partial(status, target), others)]
            Event().wait(SECONDS - (monotonic() - began))
        seconds = monotonic() - began

    assert first_uses == [200] * (KEYS - 1)
    assert set(guesses.statuses) == {401, 429}
    assert FAILURES <= guesses.statuses[401] <= FAILURES * (1 + seconds / 60) + THREADS
    assert guesses.statuses[429] > FAILURES
    assert bystander.tried_again == 0
    waits_less("p99", bystander.p99(), P99_SECONDS + reach.round_trip_seconds)
