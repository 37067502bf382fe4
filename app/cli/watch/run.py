"""Watches the SA contexts of a server until interrupted, on a screen or as lines."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Final

import anyio
from rich.console import Console
from rich.live import Live

from app.cli.client import (
    Parameters,
    RequestRejected,
    Server,
    create_client,
    malformed_rejected,
)
from app.cli.watch.contexts import Contexts, Shown
from app.cli.watch.lines import CONTEXT_EVENTS, json_line_of, line_of
from app.cli.watch.screen import screen_of
from app.cli.watch.stream import Connected, Event, Lost, events
from app.schemas.names import View


DRAW_SECONDS: Final = 0.2
"""Interval at which a changed screen is redrawn."""


def run(server: Server, filters: Parameters, *, as_json: bool) -> None:
    """Watch until Ctrl+C, on a screen if the output is a terminal, otherwise as lines.

    Args:
        server: the server.
        filters: the API's filters, by name.
        as_json: whether to print JSON lines, even to a terminal.

    Raises:
        RequestRejected: the server cannot be watched.
    """
    view = View.FULL if as_json else View.SUMMARY
    parameters = {**filters, "view": view.value, "initial": "true"}
    try:
        if as_json or not sys.stdout.isatty():
            anyio.run(partial(watch_as_lines, server, parameters, as_json=as_json))
        else:
            anyio.run(watch_on_screen, server, parameters, Console())
    except KeyboardInterrupt:
        pass  # the usual end


async def watch_on_screen(server: Server, parameters: Parameters, console: Console) -> None:
    """Show a live table of the contexts until interrupted.

    Raises:
        RequestRejected: the server cannot be watched.
    """
    contexts = Contexts(time.monotonic)
    rejected: RequestRejected | None = None
    with _sigterm_as_interrupt(), Live(console=console, screen=True, auto_refresh=False) as live:
        async with create_client(server) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(_draw, contexts, server.url, live)
            try:
                async with aclosing(events(client, parameters)) as messages:
                    async for message in messages:
                        with malformed_rejected("an event"):
                            contexts.apply(message)
            except RequestRejected as error:
                rejected = error
            tasks.cancel_scope.cancel()
    if rejected is not None:
        raise rejected


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Handle SIGTERM like Ctrl+C, so that the terminal is restored."""
    before = signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


async def _draw(contexts: Contexts, url: str, live: Live) -> None:
    drawn = None
    while True:
        contexts.drop_expired()
        screen = screen_of(contexts, url, *live.console.size)
        if screen != drawn:
            live.update(screen, refresh=True)
            drawn = screen
        await anyio.sleep(DRAW_SECONDS)


async def watch_as_lines(server: Server, parameters: Parameters, *, as_json: bool) -> None:
    """Print a line for each event; report lost connections on standard error.

    Raises:
        RequestRejected: the server cannot be watched.
    """
    contexts = Contexts(time.monotonic)
    async with (
        create_client(server) as client,
        aclosing(events(client, parameters)) as messages,
    ):
        async for message in messages:
            contexts.drop_expired()
            with malformed_rejected("an event"):
                shown = None if as_json else contexts.apply(message)
                line = _line(message, shown, as_json=as_json)
            if isinstance(message, Lost):
                sentence = f"sa-contexts: {message.reason}; reconnecting in {message.seconds:g} s"
                print(sentence, file=sys.stderr)  # noqa: T201  # for the user, not the log
            elif line:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()


def _line(message: Connected | Lost | Event, shown: Shown | None, *, as_json: bool) -> bytes:
    """Return the line of a message; empty if it is not one of `CONTEXT_EVENTS`."""
    if not isinstance(message, Event) or message.kind not in CONTEXT_EVENTS:
        return b""
    return (json_line_of(message) if as_json else line_of(message, shown)).encode()
