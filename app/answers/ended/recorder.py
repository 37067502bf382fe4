"""Records how SA contexts end: what the store's changes show, and why it probably happened.

What is kept of a context that exists is when the server learnt of it, if it saw that, and nothing
else. All else is read from the context's last state once it is gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio
import anyio.to_thread
import orjson

from app.answers.background import run_on
from app.answers.ended.buffer import EndedBuffer, ending_json
from app.answers.ended.inference import Inference, Observed, Terms, infer, terms_of
from app.answers.ended.main_modes import MainModes, remotes_of
from app.answers.ended.stillness import Stillness
from app.repository.changes.endings import Moment
from app.repository.query.filters import Key
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.snapshot.model import Change, Item, Snapshot
from app.repository.snapshot.state import CurrentState
from app.repository.store import EngineTimedOut, Store
from app.resources.connections.kind import MONITORING
from app.resources.sa_contexts.description import (
    Direction,
    description_of,
    directions_of,
    packed_names_of,
)
from app.resources.wfp.indexed_names import NameKind, names_in
from app.schemas.names import EndReason, Monitoring
from app.service import Part
from app.settings.limits import EndedLimits
from bindings.engine import Engine
from bindings.errors import EngineBusy, EngineError


SAMPLE_GAPS: Final = 2
"""After how many intervals without a sample of connections the earlier ones no longer count."""

MAX_FIRST_SEEN: Final = 200_000
"""Maximum number of contexts whose beginning is remembered, some 100 bytes each."""


class EndedContexts(Part):
    """The SA contexts that have ended, and when those that exist were first seen.

    Attributes:
        buffer: the contexts that have ended.
        counts: how many contexts ended, by reason; a reason that changes later counts as it was
            first.
        monitoring: whether the engine counted the bytes of connections at the last sample.
    """

    def __init__(
        self, engine: Engine, contexts: Store, connections: Store, limits: EndedLimits
    ) -> None:
        """Begin to record the ends of a store's contexts.

        Args:
            engine: the engine that the store reads; used only in the store's thread.
            contexts: the store.
            connections: the store of connections, whose bytes show idleness.
            limits: how much to keep.
        """
        self.buffer: Final = EndedBuffer(limits.max_ended_contexts, limits.max_ended_context_bytes)
        self.counts = dict.fromkeys(EndReason, 0)
        self.monitoring = Monitoring.UNKNOWN
        self._engine = engine
        self._connections = connections
        self._interval_seconds = contexts.limits.refresh_interval_seconds
        self._clock = contexts.clock
        self._stillness = Stillness(SAMPLE_GAPS * self._interval_seconds)
        self._first_seen: dict[int, Moment] = {}
        contexts.end_recorder = self

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sample the byte counts of connections for the duration of the block."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_on, self._sample_connections)
            yield
            tasks.cancel_scope.cancel()

    def explain(
        self,
        changes: tuple[Change, ...],
        item_before: Callable[[int], Item | None],
        moment: Moment,
    ) -> tuple[Change, ...]:
        """Return the changes with `ending` set; see `EndRecorder`."""
        main_modes = MainModes(self._engine)
        explained = []
        for change in changes:
            if change.kind == "deleted":
                item = item_before(change.object_id)
                ending = self._end(change, item, moment, main_modes)
                explained.append(change._replace(ending=ending))
                continue
            if change.kind == "added" and len(self._first_seen) < MAX_FIRST_SEEN:
                self._first_seen[change.object_id] = moment
            if change.rekey_of is not None:
                self._amend(change.rekey_of, change.object_id)
            explained.append(change)
        return tuple(explained)

    def restart(
        self,
        before: CurrentState | None,
        snapshot: Snapshot,
        moment: Moment,
        *,
        is_new_session: bool,
    ) -> None:
        """Continue with a snapshot whose changes are not known one by one; see `EndRecorder`.

        If the session is new but contexts exist as before, the engine has not restarted: an id and
        its SPIs do not coincide by chance. If none does, it has.
        """
        now = dict(zip(snapshot.ids, snapshot.index_keys, strict=True))
        keys = {} if before is None else before.index_keys()
        if is_new_session:
            remaining = {id_ for id_, key in keys.items() if now.get(id_) == key}
        else:
            remaining = {*now}
        gone = [id_ for id_ in keys if id_ not in remaining]
        has_restarted = is_new_session and not remaining
        reason = EndReason.ENGINE_RESTARTED if has_restarted else EndReason.UNKNOWN
        self.counts[reason] += len(gone)
        for id_ in gone[-self.buffer.max_count :]:  # the others would be evicted at once
            key = keys[id_]
            self._record(id_, key, directions_of(key), moment, Inference(reason, {}))
        self.buffer.begin_epoch()
        self._first_seen = {id_: seen for id_, seen in self._first_seen.items() if id_ in remaining}

    def _end(
        self, change: Change, item: Item | None, moment: Moment, main_modes: MainModes
    ) -> bytes:
        """Record the end of a context and return what to say about it."""
        key = change.old_index_key or b""
        directions = directions_of(key)
        if change.rekey_of is not None:  # the first reason, and the most frequent one
            inference = infer(Terms(), Observed(replaced_by=change.rekey_of))
        else:
            terms = Terms() if item is None else terms_of(item.json)
            seen = self._first_seen.get(change.object_id)
            observed = Observed(
                gone_main_mode=main_modes.gone(terms.main_modes, remotes_of(key))
                if terms.is_ikev2
                else None,
                idle_seconds=self._idle_seconds(directions, moment.seconds)
                if terms.idle_timeout_seconds
                else None,
                idle_tolerance_seconds=SAMPLE_GAPS * self._interval_seconds,
                age_seconds=None if seen is None else moment.seconds - seen.seconds,
            )
            inference = infer(terms, observed)
        self.counts[inference.reason] += 1
        return self._record(change.object_id, key, directions, moment, inference)

    def _record(
        self,
        id_: int,
        key: Key,
        directions: Sequence[Direction],
        moment: Moment,
        inference: Inference,
    ) -> bytes:
        """Add a row; return the members of `SaContextDeleted` that say how the context ended."""
        seen = self._first_seen.pop(id_, None)
        lived: dict[str, Any] = {}
        if seen is not None:
            duration = max(0.0, moment.seconds - seen.seconds)
            lived = {"firstSeen": seen.time, "duration": round(duration, 3)}
        packed_names = packed_names_of(key)
        names = dict.fromkeys(names_in(packed_names, NameKind.PRINCIPAL))
        about = [
            _members({"time": moment.time, "saContextId": str(id_)}),
            description_of(directions),
            _members({"principalNames": [*names], **lived}),
        ]
        addresses = tuple({each.remote: None for each in directions if each.remote})
        self.buffer.add(id_, moment.time, inference, addresses, packed_names, b",".join(about))
        return b",".join(filter(None, (_members(lived), ending_json(inference))))

    def _amend(self, id_: int, replaced_by: int) -> None:
        """Correct why a context ended: its successor appeared only after its end."""
        self.buffer.amend(id_, infer(Terms(), Observed(replaced_by=replaced_by)))

    def _idle_seconds(self, directions: Sequence[Direction], seconds: float) -> float | None:
        """Return how long the bytes of a context's connections have certainly stood still."""
        found = [
            self._stillness.idle_seconds((each.local, each.remote, each.traffic_type), seconds)
            for each in directions
        ]
        known = [each for each in found if each is not None]
        return min(known) if known and len(known) == len(found) else None

    async def _sample_connections(self) -> None:
        while True:
            with suppress(EngineError, EngineBusy, EngineTimedOut, ShuttingDown):
                # Logged by the store; the next sample may succeed.
                snapshot = await self._connections.snapshot_at_most(self._interval_seconds / 2)
                seconds = self._clock()
                await anyio.to_thread.run_sync(self._stillness.add_sample, snapshot, seconds)
                self.monitoring = Monitoring(snapshot.annotations.get(MONITORING, "unknown"))
            await anyio.sleep(self._interval_seconds)


def _members(members: dict[str, Any]) -> bytes:
    """Return members of JSON without braces."""
    return orjson.dumps(members, option=orjson.OPT_UTC_Z)[1:-1]
