"""The published tunnels: snapshots, and the journal of the changes between them.

There are two stores. One depends on failures. The other does not, and is for callers who may not
see failures.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import anyio.lowlevel

from app.answers.peers.traffic import NOT_COUNTED, Totals
from app.answers.published import PublishedSnapshot, PublishedStore
from app.answers.tunnels.item import Observation, item_of, numbers_of
from app.answers.tunnels.kind import TunnelKind
from app.answers.tunnels.states import Shown, StateHistory, state_of
from app.repository.limits import StoreLimits
from app.repository.query.filters import Key
from app.repository.snapshot.blocks import BLOCK_TEXTS, JsonBlocks, JsonBlocksBuilder
from app.repository.snapshot.model import Change, Item
from app.schemas.names import TunnelState


SLICE: Final = 100
"""Number of tunnels that are encoded without a pause, in some milliseconds."""


class Sources(NamedTuple):
    """The observations of one publication, and their times.

    Attributes:
        observations: the tunnels, in ascending order of their numbers.
        totals: the traffic of all peers.
        taken_at: when the oldest of the reads that they are made from started, in UTC.
        started: the same, in seconds on the stores' clock.
        annotations: members to add to each page.
        at: the time of the observations, in UTC.
        seconds: the time of the observations, on the store's clock.
    """

    observations: Sequence[Observation]
    totals: Totals
    taken_at: datetime
    started: float
    annotations: Mapping[str, str]
    at: datetime
    seconds: float


@dataclass(slots=True)
class _Row:
    """A tunnel, the history of its state, and what is made from both.

    Attributes:
        observation: the last observation.
        history: the history of its state.
        shown: what is shown of it.
        item: the item.
        text: the text of the item with its numbers; empty until it is made.
    """

    observation: Observation
    history: StateHistory
    shown: Shown
    item: Item
    text: bytes = b""


class TunnelStore(PublishedStore[PublishedSnapshot]):
    """The published tunnels.

    Attributes:
        sees_failures: whether failures affect what is published.
        states: the number of tunnels by state.
    """

    def __init__(
        self,
        refresh: Callable[[float], Awaitable[object]],
        limits: StoreLimits,
        *,
        sees_failures: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a store, which publishes nothing before it is asked.

        Args:
            refresh: brings this store up to date; its argument is the maximum age in seconds.
            limits: the lifetime and the number of leases.
            sees_failures: see the attribute.
            clock: returns seconds.
        """
        super().__init__(TunnelKind(), limits, clock)
        self.sees_failures: Final = sees_failures
        self.states: Counter[TunnelState] = Counter()
        self._refresh = refresh
        self._clock = clock
        self._rows: dict[int, _Row] = {}
        self._totals = NOT_COUNTED
        self._texts: list[bytes] = []
        self._blocks = JsonBlocksBuilder().build()

    async def snapshot_at_most(
        self, max_age: float, *, may_be_partial: bool = False
    ) -> PublishedSnapshot:
        """Return a snapshot; see `PublishedStore.snapshot_at_most`."""
        del may_be_partial  # tunnels are read as a whole
        current = self.current
        if current is None or current.started < self._clock() - max_age:
            await self._refresh(max_age)
        assert self.current is not None  # noqa: S101  # `refresh` has published
        return self.current

    async def publish(self, sources: Sources) -> PublishedSnapshot:
        """Publish observations; return the newest snapshot. The caller serializes the calls.

        Texts are made only for tunnels that changed, unless the traffic was sampled again.
        """
        rows: dict[int, _Row] = {}
        texts: list[bytes] = []
        keys: list[Key] = []
        states: Counter[TunnelState] = Counter()
        changes: list[Change] = []
        for count, each in enumerate(sources.observations, 1):
            number = each.tunnel.number
            old = self._rows.get(number)
            row = rows[number] = self._observed(old, each, sources)
            changes += _changes(number, old, row)
            if not row.text or sources.totals is not self._totals:
                row.text = self._text_of(row, sources.totals)
            texts.append(row.text)
            keys.append(row.item.index_key)
            states[row.shown.state] += 1
            if count % SLICE == 0:
                await anyio.lowlevel.checkpoint()
        gone = self._rows.keys() - rows.keys()
        if gone:
            changes += [_deleted(number, self._rows[number]) for number in gone]
            changes.sort(key=lambda change: change.object_id)
        is_same = self.current is not None and not changes and texts == self._texts
        if not is_same:
            self._blocks = await _blocks_of(texts)
            self._texts = texts
        content_revision, publication = self._next_numbers(is_same=is_same)
        if changes or self.current is None:
            self.revision += 1
        self._rows, self._totals, self.states = rows, sources.totals, states
        snapshot = PublishedSnapshot(
            self.epoch,
            self.revision,
            sources.taken_at,
            sources.started,
            [*rows],
            self._blocks,
            keys,
            b"",
            content_revision,
            sources.annotations,
            publication=publication,
        )
        return self._publish(snapshot, changes)

    def _observed(self, old: _Row | None, observation: Observation, sources: Sources) -> _Row:
        """Return the row of a tunnel after an observation: the one before if nothing changed."""
        tunnel, is_expected = observation.tunnel, observation.is_expected
        state = state_of(
            is_up=observation.counted.complete > 0,
            is_template=tunnel.is_template,
            has_remote=bool(tunnel.remotes),
            is_failing=self.sees_failures and observation.is_failing,
            is_expected=is_expected,
        )
        if old is None:
            since = None if self.current is None else sources.at
            history = StateHistory(state, since, sources.seconds)
        else:
            history = old.history
            shown = history.observe(state, sources.at, sources.seconds)
            if (observation, shown) == (old.observation, old.shown):
                return old
        item = item_of(tunnel, history.shown, is_expected=is_expected)
        return _Row(observation, history, history.shown, item)

    def _text_of(self, row: _Row, totals: Totals) -> bytes:
        numbers = numbers_of(row.observation, totals, sees_failures=self.sees_failures)
        return b"%b%b}" % (row.item.json[:-1], numbers)


async def _blocks_of(texts: Iterable[bytes]) -> JsonBlocks:
    builder = JsonBlocksBuilder()
    for count, text in enumerate(texts, 1):
        builder.add(text)
        if count % BLOCK_TEXTS == 0:
            await anyio.lowlevel.checkpoint()
    return builder.build()


def _changes(number: int, old: _Row | None, new: _Row) -> list[Change]:
    """Return the change of a tunnel between two publications, if any."""
    if old is None:
        return [Change("added", number, new.item, None)]
    if old is new or old.item == new.item:
        return []
    return [Change("modified", number, new.item, old.item.index_key)]


def _deleted(number: int, old: _Row) -> Change:
    return Change("deleted", number, None, old.item.index_key)
