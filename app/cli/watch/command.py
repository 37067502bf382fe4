"""Watching the SA contexts of a server, until it is told to end."""

from __future__ import annotations

import os
import re
import signal
import ssl
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
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
    require_secrecy,
    trusted,
)
from app.cli.watch.contexts import Contexts, Shown
from app.cli.watch.lines import TOLD, json_line_of, line_of
from app.cli.watch.screen import screen_of


__all__ = ["RequestRejected", "read_token", "require_secrecy", "run", "trusted"]

DRAW_SECONDS: Final = 0.2
"""How often the screen is drawn, where anything on it changed."""
TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What a bearer token is made of (RFC 6750, 2.1)."""


def read_token(path: Path | None) -> str | None:
    """The credential to show: what a file says, or the environment; None where neither does.

    It is never an argument, for those are shown to everybody on the machine.

    Raises:
        Refused: there is none where one was named, or it cannot be one.
    """
    token = os.environ.get("SA_CONTEXTS_TOKEN")
    if path is not None:
        try:
            token = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise RequestRejected(f"cannot read {path}: {why}") from None
    if token is not None and TOKEN.fullmatch(token) is None:
        raise RequestRejected("what was given as a key or token is none")
    return token


def run(
    url: str,
    filters: Mapping[str, Sequence[str]],
    token: str | None = None,
    trust: ssl.SSLContext | None = None,
    *,
    as_json: bool,
) -> None:
    """Watch until Ctrl+C, on the terminal, or as lines where there is none.

    Args:
        url: the server's.
        filters: those of the API, by name.
        token: the credential to show, if any.
        trust: who is trusted to be the server; who the system trusts, if not given.
        as_json: whether JSON is wanted, on a terminal, too.

    Raises:
        Refused: the server cannot be watched so.
    """
    given = {name: list(values) for name, values in filters.items() if values}
    parameters = {"initial": "true", "view": "basic", **given}
    try:
        if as_json or not sys.stdout.isatty():
            anyio.run(partial(watch_as_lines, url, parameters, token, trust, as_json=as_json))
        else:
            anyio.run(watch_on_screen, url, parameters, Console(), token, trust)
    except KeyboardInterrupt:
        pass  # which is how it ends


async def watch_on_screen(
    url: str,
    parameters: Parameters,
    console: Console,
    token: str | None = None,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Show the contexts, and follow what happens to them.

    Raises:
        Refused: the server cannot be watched so.
    """
    contexts = Contexts(time.monotonic)
    refused: RequestRejected | None = None
    with (
        _terminated_as_by_interrupt(),
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        async with (
            create_client(url, token, trust) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(_draw, contexts, url, live)
            try:
                async with aclosing(events(client, parameters)) as words:
                    async for word in words:
                        with _readable():
                            contexts.take(word)
            except RequestRejected as error:
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


async def watch_as_lines(
    url: str,
    parameters: Parameters,
    token: str | None = None,
    trust: ssl.SSLContext | None = None,
    *,
    as_json: bool,
) -> None:
    """Print a line for each event; say on standard error what becomes of the connection.

    Raises:
        Refused: the server cannot be watched so.
    """
    contexts = Contexts(time.monotonic)
    async with (
        create_client(url, token, trust) as client,
        aclosing(events(client, parameters)) as words,
    ):
        async for word in words:
            contexts.forget_gone()
            with _readable():
                shown = contexts.take(word)
                line = _line(word, shown, as_json=as_json)
            if isinstance(word, Lost):
                sentence = f"sa-contexts: {word.reason}; asking again in {word.seconds:g} s"
                print(sentence, file=sys.stderr)  # noqa: T201  # it is not for the log
            elif line:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()


def _line(word: Connected | Lost | Event, shown: Shown | None, *, as_json: bool) -> bytes:
    """Return the line of an event; nothing where it is about the connection."""
    if not isinstance(word, Event) or word.kind not in TOLD:
        return b""
    return (json_line_of(word) if as_json else line_of(word, shown)).encode()


@contextmanager
def _readable() -> Iterator[None]:
    """Refuse a server whose event has not the shape that the block reads."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError):
        raise RequestRejected("an event of the server has not the shape of its kind") from None
