"""Watching files by polling, in a thread, so that a disk that hangs cannot block the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio
import anyio.to_thread


POLL_SECONDS: Final = 1.0
"""Pause between polls."""
STALL_SECONDS: Final = 5.0
"""Time after which an unfinished poll counts as stalled."""


async def watch_files(poll: Callable[[], None], on_stall: Callable[[], None] | None = None) -> None:
    """Poll files until cancelled.

    Args:
        poll: reloads the files if they have changed; called in a thread.
        on_stall: called in the event loop every `STALL_SECONDS` while a poll is unfinished.
    """
    limiter = anyio.CapacityLimiter(1)  # other code may use all threads of the default limiter
    while True:
        await anyio.sleep(POLL_SECONDS)
        async with anyio.create_task_group() as tasks:
            if on_stall is not None:
                tasks.start_soon(_report_stalls, on_stall)
            await anyio.to_thread.run_sync(poll, abandon_on_cancel=True, limiter=limiter)
            tasks.cancel_scope.cancel()


async def _report_stalls(on_stall: Callable[[], None]) -> None:
    while True:
        await anyio.sleep(STALL_SECONDS)
        on_stall()
