"""Runs a watch: follows a server's SA contexts until interrupted, on screen or as lines."""

from __future__ import annotations

import signal
import ssl
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Final

import anyio
from rich.console import Console
from rich.live import Live

from app.cli.watch.client import (
    Connected,
    Event,
    Lost,
    Parameters,
    RequestRejected,
    create_client,
    events,
)
from app.cli.watch.contexts import Contexts, Shown
from app.cli.watch.lines import CONTEXT_EVENTS, json_line_of, line_of
from app.cli.watch.screen import screen_of


DRAW_SECONDS: Final = 0.2
"""Interval of redrawing a changed screen."""


def run(
    url: str,
    filters: Mapping[str, Sequence[str] | None],
    token: str | None = None,
    trust: ssl.SSLContext | None = None,
    *,
    as_json: bool,
) -> None:
    """Watch until Ctrl+C, on screen in a terminal, else as lines.

    Args:
        url: the server's URL.
        filters: the API's filters, by name.
        token: the credential to send, if any.
        trust: the TLS context; by default the system's.
        as_json: whether to print JSON lines, even in a terminal.

    Raises:
        RequestRejected: the server cannot be watched.
    """
    query = {name: list(values) for name, values in filters.items() if values}
    parameters = {"initial": "true", "view": "basic", **query}
    try:
        if as_json or not sys.stdout.isatty():
            anyio.run(partial(watch_as_lines, url, parameters, token, trust, as_json=as_json))
        else:
            anyio.run(watch_on_screen, url, parameters, Console(), token, trust)
    except KeyboardInterrupt:
        pass  # the normal end


async def watch_on_screen(
    url: str,
    parameters: Parameters,
    console: Console,
    token: str | None = None,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Show a live table of the contexts.

    Raises:
        RequestRejected: the server cannot be watched.
    """
    contexts = Contexts(time.monotonic)
    rejected: RequestRejected | None = None
    with _sigterm_as_interrupt(), Live(console=console, screen=True, auto_refresh=False) as live:
        async with create_client(url, token, trust) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(_draw, contexts, url, live)
            try:
                async with aclosing(events(client, parameters)) as messages:
                    async for message in messages:
                        with _malformed_rejected():
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


async def watch_as_lines(
    url: str,
    parameters: Parameters,
    token: str | None = None,
    trust: ssl.SSLContext | None = None,
    *,
    as_json: bool,
) -> None:
    """Print a line for each event; report lost connections on standard error.

    Raises:
        RequestRejected: the server cannot be watched.
    """
    contexts = Contexts(time.monotonic)
    async with (
        create_client(url, token, trust) as client,
        aclosing(events(client, parameters)) as messages,
    ):
        async for message in messages:
            contexts.drop_expired()
            with _malformed_rejected():
                shown = contexts.apply(message)
                line = _line(message, shown, as_json=as_json)
            if isinstance(message, Lost):
                sentence = f"sa-contexts: {message.reason}; reconnecting in {message.seconds:g} s"
                print(sentence, file=sys.stderr)  # noqa: T201  # for the user, not the log
            elif line:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()


def _line(message: Connected | Lost | Event, shown: Shown | None, *, as_json: bool) -> bytes:
    """Return the line of an event; empty if it is about the connection."""
    if not isinstance(message, Event) or message.kind not in CONTEXT_EVENTS:
        return b""
    return (json_line_of(message) if as_json else line_of(message, shown)).encode()


@contextmanager
def _malformed_rejected() -> Iterator[None]:
    """Raise `RequestRejected` if the block fails to read an event."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError):
        raise RequestRejected("an event of the server lacks the shape of its kind") from None
