"""Watching the SA contexts of a server, until it is told to end."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Final

import anyio
from rich.console import Console
from rich.live import Live

from app.terminal.contexts import Contexts
from app.terminal.lines import TOLD, json_line_of, line_of
from app.terminal.screen import screen_of
from app.terminal.stream import Event, Lost, Parameters, Refused, create_client, events


__all__ = ["Refused", "run"]

DRAW_SECONDS: Final = 0.2
"""How often the screen is drawn, where anything on it changed."""


def run(url: str, filters: Mapping[str, Sequence[str]], *, as_json: bool) -> None:
    """Watch until Ctrl+C, on the terminal, or as lines where there is none.

    Args:
        url: the server's.
        filters: those of the API, by name.
        as_json: whether JSON is wanted, on a terminal, too.

    Raises:
        Refused: the server cannot be watched so.
    """
    given = {name: list(values) for name, values in filters.items() if values}
    parameters = {"initial": "true", "view": "basic", **given}
    try:
        if as_json or not sys.stdout.isatty():
            anyio.run(partial(watch_as_lines, url, parameters, as_json=as_json))
        else:
            anyio.run(watch_on_screen, url, parameters, Console())
    except KeyboardInterrupt:
        pass  # which is how it ends


async def watch_on_screen(url: str, parameters: Parameters, console: Console) -> None:
    """Show the contexts, and follow what happens to them.

    Raises:
        Refused: the server cannot be watched so.
    """
    contexts = Contexts(time.monotonic)
    refused: Refused | None = None
    with (
        _terminated_as_by_interrupt(),
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        async with create_client(url) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(_draw, contexts, url, live)
            try:
                async with aclosing(events(client, parameters)) as words:
                    async for word in words:
                        contexts.take(word)
            except Refused as error:
                refused = error
            tasks.cancel_scope.cancel()
    if refused is not None:
        raise refused


@contextmanager
def _terminated_as_by_interrupt() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl+C does: the terminal is to be left as it was."""
    before = signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


async def _draw(contexts: Contexts, url: str, live: Live) -> None:
    drawn = None
    while True:
        contexts.forget_gone()
        screen = screen_of(contexts, url, *live.console.size)
        if screen != drawn:
            live.update(screen, refresh=True)
            drawn = screen
        await anyio.sleep(DRAW_SECONDS)


async def watch_as_lines(url: str, parameters: Parameters, *, as_json: bool) -> None:
    """Print a line for each event; say on standard error what becomes of the connection.

    Raises:
        Refused: the server cannot be watched so.
    """
    contexts = Contexts(time.monotonic)
    async with create_client(url) as client, aclosing(events(client, parameters)) as words:
        async for word in words:
            contexts.forget_gone()
            shown = contexts.take(word)
            if isinstance(word, Lost):
                sentence = f"sa-contexts: {word.reason}; asking again in {word.seconds:g} s"
                print(sentence, file=sys.stderr)  # noqa: T201  # it is not for the log
            elif isinstance(word, Event) and word.kind in TOLD:
                line = json_line_of(word) if as_json else line_of(word, shown)
                sys.stdout.buffer.write(line.encode())
                sys.stdout.buffer.flush()
