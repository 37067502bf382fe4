"""Names of rules and policies, by the ids that SA contexts and net events contain.

How names are kept: a filter or a provider context cannot be modified, and the engine does not use
its id again as long as it runs. A name that was found by an id is therefore kept until the engine
restarts, even if the filter has gone since: it is still the name of the rule that the SA came from.
A change of a rule makes another filter, with another id. A key, however, can be given to another
provider context, and an id that is not found may be one that the account may not read yet. Both are
read again after `LIFETIME_SECONDS`. No change has to be announced, so no notification can be lost.

What it costs: at most `MAX_NAMES` names are kept, and a refresh, a request or a batch of net events
makes at most `MAX_CALLS` calls of the engine for names, and one that notices its restart.
Names beyond these limits are unknown for the time being: a later refresh looks them up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple

from bindings.call_notes import NOTES
from bindings.engine import Engine
from bindings.engine_options import EngineOption, engine_option
from bindings.errors import AccessDenied, EngineBusy, EngineError, NotFound, NotSupported
from bindings.indirect_strings import display_name
from bindings.policy import Policy


RESOURCE: Final = "filters"
"""The name in the notes of reads under way (`bindings.call_notes`)."""

MAX_NAMES: Final = 16_384
"""Maximum number of names that are kept, those that were not found included: some 4 MB."""
MAX_CALLS: Final = 256
"""Maximum number of calls of the engine for the names of one refresh."""
LIFETIME_SECONDS: Final = 60.0
"""How long a name is kept that may change, and for how long a name was not found."""

EVICTION_SECONDS: Final = 1.0
"""How long a full cache is not searched again for names to forget: a search looks at all names."""


class FilterId(NamedTuple):
    """Refers to a filter."""

    id: int


class ContextId(NamedTuple):
    """Refers to a provider context by its id."""

    id: int


class ContextKey(NamedTuple):
    """Refers to a provider context by its key, a GUID."""

    key: str


Reference = FilterId | ContextId | ContextKey


class PolicyName(NamedTuple):
    """The name of a filter or a provider context.

    Attributes:
        text: the name, with indirect strings resolved; None if it has none, or was not found.
        provider_context_key: the key of the provider context that a filter refers to, if any.
    """

    text: str | None
    provider_context_key: str | None = None


UNKNOWN: Final = PolicyName(None)


@dataclass(slots=True)
class _Kept:
    """A name, when it must be read again, and when it was last used."""

    name: PolicyName
    expires: float
    used: float


class RuleNames:
    """A bounded cache of names, with a session of its own. Any thread may use it."""

    def __init__(
        self,
        engine: Engine,
        *,
        max_names: int = MAX_NAMES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create an empty cache.

        Args:
            engine: reads the names; opens a session when the first name is needed.
            max_names: see `MAX_NAMES`.
            clock: a monotonic clock, in seconds.
        """
        self._engine = engine
        self._max_names = max_names
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[Reference, _Kept] = {}
        self._incarnation = 0
        self._paused_until = float("-inf")
        self._full_until = float("-inf")
        self._is_closed = False

    def lookup(self, max_calls: int = MAX_CALLS) -> NameLookup:
        """Return a lookup for one refresh, request or batch.

        Args:
            max_calls: the maximum number of calls of the engine; 0: use only names that are kept.
        """
        return NameLookup(self, max_calls)

    def close(self) -> None:
        """Close the session for good: from now on, only names that are kept are found."""
        self._is_closed = True
        self._engine.close()

    def __len__(self) -> int:
        return len(self._kept)

    def kept(self, reference: Reference) -> tuple[PolicyName, bool] | None:
        """Return a name and whether it is up to date; None if it is not kept."""
        now = self._clock()
        with self._lock:
            found = self._kept.get(reference)
            if found is None:
                return None
            found.used = now
            return found.name, now < found.expires

    def may_read(self, reference: Reference) -> bool:
        """Return whether a name may be looked up now: reading is not paused, and there is room."""
        now = self._clock()
        with self._lock:
            if self._is_closed or now < self._paused_until:
                return False
            if reference in self._kept:
                return True
            if len(self._kept) >= self._max_names and now >= self._full_until:
                self._evict(now)
                self._full_until = now + EVICTION_SECONDS
            return len(self._kept) < self._max_names

    def read(self, reference: Reference) -> PolicyName:
        """Read a name and keep it.

        Raises:
            EngineError: the engine failed; nothing is kept. If the account may not read names, or
                the engine lacks the functions, reading is paused for `LIFETIME_SECONDS`.
            EngineBusy: another thread held the session for too long.
        """
        try:
            with NOTES.within(RESOURCE):
                name = self._engine.with_policy(lambda policy: _name(policy, reference))
        except NotFound:
            name = UNKNOWN
        except (AccessDenied, NotSupported):
            self._paused_until = self._clock() + LIFETIME_SECONDS
            raise
        finally:
            self._end_use()
        self._forget_other_runs()
        lasts = name is not UNKNOWN and not isinstance(reference, ContextKey)
        now = self._clock()
        kept = _Kept(name, float("inf") if lasts else now + LIFETIME_SECONDS, now)
        with self._lock:
            self._kept[reference] = kept
        return name

    def check_run(self) -> None:
        """Forget all names if the engine was restarted since the last call."""
        if self._is_closed:
            return
        with suppress(EngineError, EngineBusy), NOTES.within(RESOURCE):
            self._engine.run_in_session(
                lambda session: engine_option(session, EngineOption.COLLECT_NET_EVENTS)
            )
        self._end_use()
        self._forget_other_runs()

    def _end_use(self) -> None:
        """Close the session again, if another thread closed it during the use that reopened it."""
        if self._is_closed:
            self._engine.close()

    def _forget_other_runs(self) -> None:
        with self._lock:
            if self._engine.incarnation != self._incarnation:
                self._incarnation = self._engine.incarnation
                self._kept.clear()

    def _evict(self, now: float) -> None:
        """Forget the names that were not used for a lifetime; those in use stay."""
        unused = [
            reference
            for reference, kept in self._kept.items()
            if kept.used < now - LIFETIME_SECONDS
        ]
        for reference in unused:
            del self._kept[reference]


def _name(policy: Policy, reference: Reference) -> PolicyName:
    match reference:
        case FilterId(filter_id):
            found = policy.get_filter(filter_id)
            return PolicyName(display_name(found.name), found.provider_context_key)
        case ContextId(context_id):
            return PolicyName(display_name(policy.get_context(context_id).name))
        case ContextKey(key):
            return PolicyName(display_name(policy.get_context_by_key(key).name))


class NameLookup:
    """Names for one refresh, request or batch: each name is the same throughout. Not thread-safe.

    Attributes:
        calls_left: how many calls of the engine it may still make.
    """

    def __init__(self, names: RuleNames, max_calls: int) -> None:
        self.calls_left = max_calls
        self._names = names
        self._found: dict[Reference, PolicyName] = {}
        self._is_checked = max_calls == 0

    def __call__(self, reference: Reference) -> PolicyName:
        """Return a name; `UNKNOWN` if it is not found, or the engine or a limit prevents it."""
        found = self._found.get(reference)
        if found is None:
            found = self._found[reference] = self._find(reference)
        return found

    def _find(self, reference: Reference) -> PolicyName:
        if not self._is_checked:
            self._is_checked = True
            self._names.check_run()
        name, is_current = self._names.kept(reference) or (UNKNOWN, False)
        if is_current or self.calls_left == 0 or not self._names.may_read(reference):
            return name
        self.calls_left -= 1
        try:
            return self._names.read(reference)
        except (EngineError, EngineBusy):
            self.calls_left = 0  # not again before the next refresh
            return name
