"""Single-flight refreshes: one read of the engine serves all concurrent requests.

How refreshes are scheduled: at most one runs and one is queued. If the running refresh
started too early for a request, the request waits for the queued one. The pause between
two refreshes is at least the minimum interval, and at least as long as the last refresh
took or a multiple of that: however many requests arrive, refreshes run at most half of
the time or less.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio


class ShuttingDown(Exception):
    """The server is stopping and no longer waits for the engine."""


class _Refresh:
    """One refresh: its start, the events that its waiters wait for, and its error."""

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.partial = anyio.Event()
        self.started: float | None = None
        self.error: Exception | None = ShuttingDown()

    def end(self) -> None:
        """Wake all waiters."""
        self.done.set()
        self.partial.set()


class RefreshScheduler:
    """Runs the refreshes, each for all of its waiters. Belongs to one event loop."""

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        min_interval: float,
        clock: Callable[[], float],
        min_idle_ratio: float = 1,
    ) -> None:
        """Create a scheduler, which starts nothing until `run`.

        Args:
            work: one refresh.
            min_interval: the minimum pause between two refreshes, in seconds.
            clock: returns seconds.
            min_idle_ratio: the minimum ratio of a pause to the duration of the refresh before it.
        """
        self._work = work
        self._min_interval = min_interval
        self._min_idle_ratio = min_idle_ratio
        self._clock = clock
        self._running: _Refresh | None = None
        self._queued: _Refresh | None = None
        self._requested = anyio.Event()
        self._next_start = float("-inf")
        self._is_stopped = False

    async def wait(self, not_before: float, *, until_partial: bool = False) -> None:
        """Wait for a refresh that starts at `not_before` or later to succeed.

        Use the running refresh if it started late enough; otherwise queue one.

        Args:
            not_before: the earliest start, in seconds on the clock.
            until_partial: whether a partial snapshot of the refresh is enough.

        Raises:
            Exception: the refresh failed with this error.
            ShuttingDown: the server is stopping.
        """
        if self._is_stopped:
            raise ShuttingDown
        refresh = self._running
        if refresh is None or refresh.started is None or refresh.started < not_before:
            refresh = self._queue()
        await (refresh.partial if until_partial else refresh.done).wait()
        if refresh.done.is_set() and refresh.error is not None:
            # All waiters raise the same object: without this, each would add to its traceback.
            raise refresh.error.with_traceback(None)

    def request(self) -> None:
        """Queue a refresh, unless one is already queued, without waiting for it."""
        if not self._is_stopped:
            self._queue()

    def request_if_idle(self) -> None:
        """Queue a refresh, unless one is running or queued."""
        if self._running is None:
            self.request()

    async def wait_until_idle(self) -> None:
        """Wait until the running refresh, if any, has ended, successfully or not."""
        if self._running is not None:
            await self._running.done.wait()

    def publish_partial(self) -> None:
        """Wake the waiters for which the running refresh's partial snapshot is enough."""
        if self._running is not None:
            self._running.partial.set()

    def stop(self) -> None:
        """Raise `ShuttingDown` in every current and future `wait`."""
        self._is_stopped = True
        for refresh in (self._running, self._queued):
            if refresh is not None:
                refresh.end()

    async def run(self) -> None:
        """Run the requested refreshes until stopped or cancelled."""
        try:
            while True:
                await self._requested.wait()
                await anyio.sleep(max(0.0, self._next_start - self._clock()))
                if self._is_stopped:
                    return
                self._requested = anyio.Event()
                refresh, self._queued = self._queued, None
                if refresh is not None:
                    await self._run_one(refresh)
        finally:
            self.stop()

    def _queue(self) -> _Refresh:
        """Return the queued refresh; queue one if there is none."""
        if self._queued is None:
            self._queued = _Refresh()
            self._requested.set()
        return self._queued

    async def _run_one(self, refresh: _Refresh) -> None:
        self._running = refresh
        refresh.started = self._clock()
        try:
            await self._work()
            refresh.error = None
        except Exception as error:  # noqa: BLE001  # raised in all waiters
            refresh.error = error.with_traceback(None)
        finally:
            now = self._clock()
            idle = self._min_idle_ratio * (now - refresh.started)
            self._next_start = now + max(self._min_interval, idle)
            self._running = None
            refresh.end()
