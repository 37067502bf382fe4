"""Failures of commands: each prints one sentence to standard error and exits with code 1."""

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
"""Error numbers of a file that cannot be written or cannot grow."""


def fail(sentence: str) -> NoReturn:
    """Print one sentence to standard error and exit with code 1."""
    typer.echo(f"sa-contexts: {sentence}", err=True)
    raise typer.Exit(1)


@contextmanager
def explained_failures(*others: type[Exception]) -> Iterator[None]:
    """Call `fail` if the block raises one of `STARTUP_ERRORS` or one of `others`."""
    explained: tuple[type[Exception], ...] = (*STARTUP_ERRORS, *others)
    try:
        yield
    except explained as error:
        fail(explain(error))


@contextmanager
def explained_output_failure() -> Iterator[None]:
    """Exit with code 1 and one sentence if the block fails to write, with one of `NO_SPACE`."""
    try:
        try:
            yield
        finally:
            print(end="", flush=True)  # noqa: T201  # a failure at exit would not be explained
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        discard_output()
        typer.echo(f"sa-contexts: cannot write the output: {error.strerror}", err=True)
        sys.exit(1)


def discard_output() -> None:
    """Discard the buffer of standard output.

    Otherwise, Python would flush the buffer again at exit, fail and exit with code 120 (library
    reference, `sys.exit`). This solution is from "Note on SIGPIPE" in the reference of `signal`.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
