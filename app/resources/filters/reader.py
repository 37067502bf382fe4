"""Reads a filter and the policy that it leads to, for one request."""

from __future__ import annotations

from functools import partial

from app.repository.engine_calls import EngineCalls
from app.resources.filters.encoding import encode_filter
from app.service import Part
from bindings.call_notes import NOTES
from bindings.engine import Engine
from bindings.errors import AccessDenied, NotFound, NotSupported
from bindings.policy import Policy, PolicyFilter, ProviderContext
from bindings.rule_names import RESOURCE


class FilterReader(Part):
    """Reads filters through the session that requests share."""

    def __init__(self, engine: Engine, calls: EngineCalls) -> None:
        """Create a reader.

        Args:
            engine: the engine to read.
            calls: makes the calls of the engine.
        """
        self._engine = engine
        self._calls = calls

    async def read(self, filter_id: int) -> bytes:
        """Return the JSON of a filter as it is now.

        Raises:
            NotFound: there is no such filter.
            ResourceUnreadable: processes died reading filters.
            EngineError: the engine failed.
            EngineBusy: another thread used the engine's session for too long.
            EngineTimedOut: the engine did not answer in time.
            ShuttingDown: the server is stopping.
        """
        return await self._calls.run((RESOURCE, filter_id), partial(self._read, filter_id))

    def _read(self, filter_id: int) -> bytes:
        """Read a filter and its policy. Runs in a thread."""
        with NOTES.reading(RESOURCE):
            found, policy = self._engine.with_policy(partial(_filter_and_policy, filter_id))
        return encode_filter(found, policy)


def _filter_and_policy(
    filter_id: int, policies: Policy
) -> tuple[PolicyFilter, ProviderContext | None]:
    found = policies.get_filter(filter_id)
    policy = None
    if found.provider_context_key is not None:
        try:
            policy = policies.get_context_by_key(found.provider_context_key)
        except (NotFound, AccessDenied, NotSupported):
            policy = None
    return found, policy
