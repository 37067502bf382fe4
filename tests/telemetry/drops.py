"""How many log entries were dropped."""

from __future__ import annotations

from app.telemetry.logging.sinks import DROPPED, SinkName


def drops(sink: SinkName) -> float:
    """Return the count of one sink."""
    (family,) = DROPPED.collect()
    return next(each.value for each in family.samples if each.labels == {"sink": sink})
