"""Watching files by polling, in a thread of their own: a file that hangs delays nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import Final

from app.files.daemon_threads import start_daemon


POLL_SECONDS: Final = 1.0
"""Pause between polls."""


async def watch_files(poll: Callable[[], None]) -> None:
    """Poll files until cancelled; a poll in progress is then abandoned.

    Args:
        poll: reloads the files if they have changed; called in a daemon thread.
    """
    is_over = Event()

    def poll_until_over() -> None:
        while not is_over.wait(POLL_SECONDS):
            poll()

    try:
        await asyncio.wrap_future(start_daemon(poll_until_over))
    finally:
        is_over.set()
