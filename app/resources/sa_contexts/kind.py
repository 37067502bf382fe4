"""SA contexts as a listed resource: how they are read, indexed, counted and encoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.repository.changes.rekeys import Negotiation
from app.repository.query.filters import Key
from app.repository.resource import ResourceKind
from app.repository.snapshot.model import Item
from app.resources.sa_contexts.counts import SaContextCounts
from app.resources.sa_contexts.encoding import InterfaceAlias, encode_sa_context
from app.resources.sa_contexts.event_encoding import SaContextEvents
from app.resources.sa_contexts.filters import SaContextSelection
from app.resources.sa_contexts.index import index_key, reader
from app.resources.sa_contexts.rules import Lookup, looked_up_names, no_names
from app.resources.sa_contexts.summary_view import summary_view
from app.resources.sa_contexts.views import basic_view
from app.schemas.names import Baseline, View
from bindings.decode import decode_sa_context
from bindings.engine import Engine
from bindings.fingerprints import fingerprint
from bindings.memory import RawTree
from bindings.rule_names import RuleNames
from bindings.tree import local_if_luids


_NEGOTIATIONS: Final = reader("remote", "mm_sa_id", "qm_filter_id")


class SaContextKind(ResourceKind):
    """SA contexts, whose weaknesses are judged against a baseline."""

    selection = SaContextSelection
    with_source = staticmethod(Engine.with_sa_contexts)
    events = SaContextEvents()

    def __init__(
        self,
        aliases: Callable[[], InterfaceAlias],
        baseline: Baseline = Baseline.NIST_SP_800_77R1,
        names: RuleNames | None = None,
    ) -> None:
        """Create the resource kind.

        Args:
            aliases: returns, for one refresh, a function that maps an interface's LUID to its
                alias.
            baseline: the baseline against which weaknesses are judged.
            names: finds the names of rules of SAs that have no transport filter with a name.
        """
        self._aliases = aliases
        self._baseline: Final = baseline
        self._names = names

    def encoder(self) -> SaContextEncoder:
        """Create an encoder for one refresh, with the current names of interfaces and rules."""
        lookup = no_names if self._names is None else self._names.lookup()
        return SaContextEncoder(self._aliases(), self._baseline, lookup)

    def is_half_built(self, plain: RawTree) -> bool:
        """Return whether one of the context's SAs is missing."""
        _, inbound, outbound = plain
        return inbound is None or outbound is None

    def negotiations(self, key: Key) -> set[Negotiation]:
        """Return, for each SA, the values that a rekey leaves unchanged.

        These are the remote address, the quick mode filter's id and the main mode SA's id. SAs
        for which the engine does not report both ids are omitted.
        """
        return {
            (remote, int.from_bytes(qm_filter_id), mm_sa_id)
            for remote, mm_sa_id, qm_filter_id in _NEGOTIATIONS(key)
            if qm_filter_id and mm_sa_id
        }

    def counts(self) -> SaContextCounts:
        """Create empty counts."""
        return SaContextCounts()

    def in_view(self, texts: bytes, view: View) -> bytes:
        """Convert the JSON of one or more contexts to a view."""
        if view is View.FULL:
            return texts
        return basic_view(texts) if view is View.BASIC else summary_view(texts)


class SaContextEncoder:
    """Encodes SA contexts as snapshot items."""

    def __init__(self, alias: InterfaceAlias, baseline: Baseline, lookup: Lookup) -> None:
        self._alias = alias
        self._baseline = baseline
        self._lookup = lookup

    def fingerprint(self, plain: RawTree) -> bytes:
        """Return a digest of the context, its interfaces' aliases and the names of its rules."""
        aliases = map(self._alias, local_if_luids(plain))
        return fingerprint(plain, *aliases, *looked_up_names(plain, self._lookup))

    def item(self, plain: RawTree) -> Item:
        """Decode the context and encode it as an item."""
        context = decode_sa_context(plain)
        return Item(
            index_key(context, self._baseline, self._lookup),
            encode_sa_context(context, self._alias, self._baseline, self._lookup),
        )
