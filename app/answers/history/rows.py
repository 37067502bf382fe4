"""The rows of the last 24 hours, one for each minute, in memory of fixed size."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson


MINUTES: Final = 24 * 60
"""The number of rows."""
MAX_PROTECTIONS: Final = 32
"""Maximum number of protections in a row; the contexts of the others are counted together."""
MAX_PROTECTION_LENGTH: Final = 100
"""Maximum length of a protection in words; a longer one is counted with the others."""
OTHER: Final = "other"
"""The protections that are not listed."""
_UNKNOWN: Final = -1


class Measured(NamedTuple):
    """What was measured at the end of a minute. What is unknown is None.

    Attributes:
        contexts: the number of SA contexts.
        protections: the number of contexts by protection in words.
        weaknesses: the number of contexts by weakness.
        failures: the failures reported during the minute.
        bytes_inbound: the bytes received under IPsec during the minute.
        bytes_outbound: the bytes sent under IPsec during the minute.
    """

    contexts: int | None = None
    protections: Mapping[str, int] | None = None
    weaknesses: Mapping[str, int] | None = None
    failures: int | None = None
    bytes_inbound: int | None = None
    bytes_outbound: int | None = None


class HistoryRows:
    """The rows, encoded when they are added. Belongs to one event loop.

    A row has the slot of its minute modulo `MINUTES`. Minutes without a row, such as those in which
    the host slept, are shown with nulls.
    """

    def __init__(self) -> None:
        self._texts: list[bytes] = [b""] * MINUTES
        self._failures = array("q", [_UNKNOWN]) * MINUTES
        self._minutes = array("q", [_UNKNOWN]) * MINUTES
        self._first: int | None = None
        self._last = 0

    def add(self, minute: int, measured: Measured) -> None:
        """Add the row of a minute.

        Args:
            minute: the minute's end, in minutes since 1970 UTC. If it is before that of the last
                row, because the system's clock was set back, later rows are dropped.
            measured: what was measured.
        """
        for later in range(minute + 1, min(self._last, minute + MINUTES) + 1):
            self._minutes[later % MINUTES] = _UNKNOWN
        slot = minute % MINUTES
        self._texts[slot] = _encoded(measured)
        self._failures[slot] = _UNKNOWN if measured.failures is None else measured.failures
        self._minutes[slot] = minute
        self._first = minute if self._first is None else min(self._first, minute)
        self._last = minute

    def since(self, time: datetime | None, *, with_failures: bool) -> Iterator[bytes]:
        """Yield the JSON of the rows from a time on, the oldest first.

        Args:
            time: the end of the first minute to yield, at the earliest; None: all rows.
            with_failures: whether to show the failures; null otherwise.
        """
        if self._first is None:
            return
        first = max(self._first, self._last - MINUTES + 1)
        if time is not None:
            first = max(first, -int(-time.timestamp() // 60))
        for minute in range(first, self._last + 1):
            slot = minute % MINUTES
            is_known = self._minutes[slot] == minute
            text = self._texts[slot] if is_known else _encoded(Measured())
            failures = self._failures[slot] if is_known and with_failures else _UNKNOWN
            shown = b"null" if failures == _UNKNOWN else b"%d" % failures
            yield b'{"time":"%b",%b,"failures":%b}' % (_time_of(minute), text, shown)


def _time_of(minute: int) -> bytes:
    return f"{datetime.fromtimestamp(minute * 60, UTC):%Y-%m-%dT%H:%M:%SZ}".encode()


def _encoded(measured: Measured) -> bytes:
    """Return the members of a `HistoryRow` other than `time` and `failures`, without braces."""
    sent, received = measured.bytes_outbound, measured.bytes_inbound
    members: dict[str, Any] = {
        "saContexts": measured.contexts,
        "protections": _counts("protection", _limited(measured.protections)),
        "weaknesses": _counts("weakness", measured.weaknesses),
        "bytesInbound": None if received is None else str(received),
        "bytesOutbound": None if sent is None else str(sent),
    }
    return orjson.dumps(members)[1:-1]


def _limited(protections: Mapping[str, int] | None) -> Mapping[str, int] | None:
    if protections is None:
        return None
    order = sorted(protections.items(), key=lambda item: (-item[1], item[0]))
    listed = [item for item in order if len(item[0]) <= MAX_PROTECTION_LENGTH][:MAX_PROTECTIONS]
    others = sum(protections.values()) - sum(contexts for _, contexts in listed)
    return dict([*listed, (OTHER, others)] if others else listed)


def _counts(name: str, counts: Mapping[str, int] | None) -> list[dict[str, Any]] | None:
    if counts is None:
        return None
    return [{name: value, "saContexts": contexts} for value, contexts in counts.items()]
