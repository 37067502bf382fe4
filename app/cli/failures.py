"""Failures of commands: one sentence on standard error, and exit code 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from app.bootstrap import STARTUP_ERRORS, explain


def fail(sentence: str) -> NoReturn:
    """Exit with code 1, after one sentence on standard error."""
    typer.echo(f"sa-contexts: {sentence}", err=True)
    raise typer.Exit(1)


@contextmanager
def explained_failures(*others: type[Exception]) -> Iterator[None]:
    """Exit with one sentence if the settings, the library or the engine fail, or with `others`."""
    explained: tuple[type[Exception], ...] = (*STARTUP_ERRORS, *others)
    try:
        yield
    except explained as error:
        fail(explain(error))
