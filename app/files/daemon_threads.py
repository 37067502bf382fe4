"""Daemon threads for calls that may hang: on a network share, a device, a name server.

A call that hangs in the operating system cannot be interrupted, only abandoned with its thread.
Such a thread must be a daemon: Python waits at its exit for all others, those of anyio and of
`concurrent.futures` included.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar


T = TypeVar("T")


def start_daemon(function: Callable[..., T], *arguments: object) -> Future[T]:
    """Call a function in a daemon thread, and return the future of its result.

    The call cannot be cancelled: a caller that stops waiting abandons the thread. If no thread can
    be started, the future raises OSError (EAGAIN).
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # `asyncio.wrap_future` would cancel a pending one

    def run() -> None:
        try:
            result = function(*arguments)
        except BaseException as error:  # noqa: BLE001  # raised in the caller
            future.set_exception(error)
        else:
            future.set_result(result)

    try:
        Thread(target=run, name=getattr(function, "__name__", None), daemon=True).start()
    except RuntimeError as error:  # the system has no more threads (pthread_create(3))
        future.set_exception(OSError(errno.EAGAIN, str(error)))
    return future
