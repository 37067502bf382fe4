"""Failures of commands: one sentence on standard error, and exit code 1."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer

from app.bootstrap import STARTUP_ERRORS, explain


NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Errors of a file that cannot grow or be written."""


def fail(sentence: str) -> NoReturn:
    """Exit with code 1, after one sentence on standard error."""
    typer.echo(f"sa-contexts: {sentence}", err=True)
    raise typer.Exit(1)


@contextmanager
def explained_failures(*others: type[Exception]) -> Iterator[None]:
    """Exit with one sentence if the block raises one of `STARTUP_ERRORS` or of `others`."""
    explained: tuple[type[Exception], ...] = (*STARTUP_ERRORS, *others)
    try:
        yield
    except explained as error:
        fail(explain(error))


@contextmanager
def explained_output_failure() -> Iterator[None]:
    """Exit with one sentence if standard output is a file that cannot be written."""
    try:
        try:
            yield
        finally:
            print(end="", flush=True)  # noqa: T201  # at exit, its failure could not be explained
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        discard_output()
        typer.echo(f"sa-contexts: cannot write the output: {error.strerror}", err=True)
        sys.exit(1)


def discard_output() -> None:
    """Discard what standard output still buffers, so that it does not fail again at exit.

    Python would exit with 120 then (library reference, `sys.exit`; the remedy is from `signal`,
    "Note on SIGPIPE").
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
