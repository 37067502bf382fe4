"""Drains: reading everything the engine has, once for all who wait.

At most one drain runs and one is queued. Whoever needs something fresher than
what there is waits for one that starts after asking. Between two drains lies a
minimum interval, which grows with the last drain's length: however many
clients press, the engine is left alone at least half of the time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio


class ShuttingDown(Exception):
    """The drain was given up because the server stops."""


class _Refresh:
    """One drain, and what those who wait for it learn."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.announced = anyio.Event()
        self.began: float | None = None
        self.error: Exception | None = ShuttingDown()

    def end(self) -> None:
        """Let all go on who wait."""
        self.done.set()
        self.announced.set()


class RefreshScheduler:
    """Runs `work` for one or many at a time. Belongs to one event loop."""

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        min_interval: float,
        clock: Callable[[], float],
    ) -> None:
        self._work = work
        self._minimum_interval = min_interval
        self._clock = clock
        self._running: _Refresh | None = None
        self._queued: _Refresh | None = None
        self._wanted = anyio.Event()
        self._next_start = float("-inf")
        self._is_stopped = False

    async def wait(self, not_before: float, *, until_partial: bool = False) -> None:
        """Wait until a drain has succeeded that began at `not_before` or later, on the clock.

        Args:
            not_before: the time.
            until_partial: whether it will do that the drain has announced what it will give.

        Raises:
            Exception: what the drain raised.
            ShuttingDown: the server stops.
        """
        if self._is_stopped:
            raise ShuttingDown
        drain = self._running
        if drain is None or drain.began is None or drain.began < not_before:
            drain = self._queue()
        await (drain.announced if until_partial else drain.done).wait()
        if drain.done.is_set() and drain.error is not None:
            raise drain.error.with_traceback(None)  # one error for many: each its own traceback

    def request(self) -> None:
        """Have a drain run that starts from now on, without waiting for it."""
        if not self._is_stopped:
            self._queue()

    async def wait_until_idle(self) -> None:
        """Wait until the drain that runs now, if one does, has ended in whatever way."""
        if self._running is not None:
            await self._running.done.wait()

    def publish_partial(self) -> None:
        """Let those go on for whom it is enough that the drain that runs will succeed."""
        if self._running is not None:
            self._running.announced.set()

    def stop(self) -> None:
        """Tell all who wait, and who will ask, that the server stops."""
        self._is_stopped = True
        for drain in (self._running, self._queued):
            if drain is not None:
                drain.end()

    async def run(self) -> None:
        """Run the drains that are asked for, until cancelled."""
        try:
            while True:
                await self._wanted.wait()
                await anyio.sleep(max(0.0, self._next_start - self._clock()))
                if self._is_stopped:
                    return
                self._wanted = anyio.Event()
                drain, self._queued = self._queued, None
                if drain is not None:
                    await self._run_one(drain)
        finally:
            self.stop()

    def _queue(self) -> _Refresh:
        """The queued drain."""
        if self._queued is None:
            self._queued = _Refresh()
            self._wanted.set()
        return self._queued

    async def _run_one(self, drain: _Refresh) -> None:
        self._running = drain
        drain.began = self._clock()
        try:
            await self._work()
            drain.error = None
        except Exception as error:  # noqa: BLE001  # all who wait are told
            drain.error = error.with_traceback(None)
        finally:
            now = self._clock()
            self._next_start = now + max(self._minimum_interval, now - drain.began)
            self._running = None
            drain.end()
