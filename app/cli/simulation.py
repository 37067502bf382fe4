"""The notice that the SA contexts of a command are simulated: one sentence, not a line of a log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import typer


NOTICE = "sa-contexts: these SA contexts are simulated; they are no host's"


@contextmanager
def simulation_noticed() -> Iterator[None]:
    """Print the notice to standard error if the block logs that it simulates an engine."""
    logger = logging.getLogger("app.service")
    logger.addFilter(_notice)
    try:
        yield
    finally:
        logger.removeFilter(_notice)


def _notice(record: logging.LogRecord) -> bool:
    """Print the notice instead of its record; return whether to log the record."""
    event = record.msg.get("event") if isinstance(record.msg, dict) else None
    if event != "simulated_engine":
        return True
    typer.echo(NOTICE, err=True)
    return False
