"""The SA contexts that have ended, newest first, bounded by count and by bytes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from threading import Lock
from typing import Final, NamedTuple

import orjson

from app.answers.ended.inference import Inference
from app.resources.wfp.indexed_names import NameKind, name_condition
from app.schemas.names import EndReason


class RowId(NamedTuple):
    """The position of a row: an id of the buffer, and the row's number in it."""

    buffer: str
    number: int

    def __str__(self) -> str:
        return f"{self.buffer}-{self.number}"


class Row(NamedTuple):
    """A context that has ended.

    Attributes:
        number: rises from 1 in the order in which the server learnt of the ends.
        time: when the server learnt of the end, in UTC.
        reason: why it probably ended.
        remote_addresses: its packed remote addresses.
        names: the peer's names, packed (`app.resources.wfp.indexed_names`).
        about: the first members of its JSON, without braces.
        json: the whole JSON.
    """

    number: int
    time: datetime
    reason: EndReason
    remote_addresses: tuple[bytes, ...]
    names: bytes
    about: bytes
    json: bytes


def ending_json(inference: Inference) -> bytes:
    """Return `endReason` and `evidence` as members of JSON, without braces."""
    members = {"endReason": inference.reason, "evidence": inference.evidence}
    return orjson.dumps(members)[1:-1]


@dataclass(frozen=True, slots=True)
class EndedSelection:
    """Filters on ended contexts; a row must meet all of them.

    Attributes:
        since: only rows of this time or later; None: no such filter.
        before: only rows before this one; None: no such filter.
        reasons: only these reasons; all if empty.
        remote_addresses: only rows with one of these remote addresses; all if empty.
        principal_names: only rows with a name of the peer that matches one of these patterns
            (`name_condition`); all if empty.
    """

    since: datetime | None = None
    before: RowId | None = None
    reasons: frozenset[EndReason] = frozenset()
    remote_addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    principal_names: tuple[str, ...] = ()

    def matcher(self) -> Callable[[Row], bool]:
        """Return a function that returns whether a row meets all filters other than `before`."""
        since, reasons = self.since, self.reasons
        addresses = {address.packed for address in self.remote_addresses}
        has_names = bool(self.principal_names)
        has_name = name_condition({NameKind.PRINCIPAL: self.principal_names})
        return lambda row: (
            (since is None or row.time >= since)
            and (not reasons or row.reason in reasons)
            and (not addresses or not addresses.isdisjoint(row.remote_addresses))
            and (not has_names or has_name(row.names))
        )


@dataclass(frozen=True, slots=True)
class EndedSlice:
    """A page of rows.

    Attributes:
        rows: the rows, newest first.
        next_cursor: the last row, if more rows match; None otherwise.
        missed: whether rows after `since` may have been evicted or never recorded, or `before` is
            not a row of this buffer.
    """

    rows: list[Row]
    next_cursor: RowId | None
    missed: bool


class EndedBuffer:
    """The newest rows. Thread-safe.

    Attributes:
        id: identifies this buffer, which begins when the server starts.
        max_count: the maximum number of rows.
        bytes: the total size of the rows' JSON.
    """

    def __init__(self, max_count: int, max_bytes: int) -> None:
        self.id: Final = secrets.token_hex(6)
        self.bytes = 0
        self.max_count: Final = max_count
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._rows: dict[int, Row] = {}
        self._next = 1
        self._complete_since = datetime.now(UTC)  # later rows are complete
        self._numbers: dict[int, int] = {}  # by the id of the context, in this run of the engine

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        sa_context_id: int,
        time: datetime,
        inference: Inference,
        remote_addresses: tuple[bytes, ...],
        names: bytes,
        about: bytes,
    ) -> None:
        """Add a row; evict the oldest rows to keep the bounds.

        Args:
            sa_context_id: the id of the context.
            time: when the server learnt of the end, in UTC.
            inference: why it ended.
            remote_addresses: see `Row`.
            names: see `Row`.
            about: see `Row`.
        """
        with self._lock:
            number = self._next
            self._next += 1
            self._rows[number] = row = Row(
                number,
                time,
                inference.reason,
                remote_addresses,
                names,
                about,
                _json_of(about, inference),
            )
            self._numbers.pop(sa_context_id, None)  # so that the ids are in the order of the rows
            self._numbers[sa_context_id] = number
            self.bytes += len(row.json)
            while len(self._rows) > self.max_count or self.bytes > self._max_bytes:
                self._evict()

    def amend(self, sa_context_id: int, inference: Inference) -> EndReason | None:
        """Replace why a context ended, because the server has learnt more since.

        Return the earlier reason; None if the context has no row of this run of the engine.
        """
        with self._lock:
            row = self._rows.get(self._numbers.get(sa_context_id, 0))
            if row is None:
                return None
            json = _json_of(row.about, inference)
            self._rows[row.number] = row._replace(reason=inference.reason, json=json)
            self.bytes += len(json) - len(row.json)
            while self.bytes > self._max_bytes:
                self._evict()
            return row.reason

    def begin_epoch(self) -> None:
        """Forget the ids of contexts: the engine may assign them again."""
        with self._lock:
            self._numbers.clear()

    def select(self, selection: EndedSelection, limit: int) -> EndedSlice:
        """Return the newest rows of a selection, at most `limit`."""
        with self._lock:
            rows, complete_since = list(self._rows.values()), self._complete_since
        before, since = selection.before, selection.since
        is_foreign = before is not None and (before.buffer != self.id or before.number > self._next)
        matching = iter(()) if is_foreign else _matching(rows, selection)
        page = list(islice(matching, limit))
        has_more = bool(page) and next(matching, None) is not None
        return EndedSlice(
            page,
            RowId(self.id, page[-1].number) if has_more else None,
            is_foreign or (since is not None and since <= complete_since),
        )

    def _evict(self) -> None:
        oldest = self._rows.pop(next(iter(self._rows)))
        self.bytes -= len(oldest.json)
        self._complete_since = max(self._complete_since, oldest.time)
        while self._numbers:
            sa_context_id, number = next(iter(self._numbers.items()))
            if number > oldest.number:
                break
            del self._numbers[sa_context_id]


def _json_of(about: bytes, inference: Inference) -> bytes:
    return b"{%b,%b}" % (about, ending_json(inference))


def _matching(rows: list[Row], selection: EndedSelection) -> Iterator[Row]:
    before, matches = selection.before, selection.matcher()
    for row in reversed(rows):  # not in the order of `time`: the system's clock may have been set
        if (before is None or row.number < before.number) and matches(row):
            yield row
