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
from app.resources.sa_contexts.index import index_key, unpack_records
from app.resources.sa_contexts.views import basic_view
from app.schemas.names import Baseline
from bindings.decode import decode_sa_context
from bindings.engine import Engine
from bindings.fingerprints import fingerprint
from bindings.memory import RawTree
from bindings.tree import local_if_luids


class SaContextKind(ResourceKind):
    """SA contexts, whose weaknesses are judged against a baseline."""

    selection = SaContextSelection
    with_source = staticmethod(Engine.with_sa_contexts)
    events = SaContextEvents()

    def __init__(
        self,
        aliases: Callable[[], InterfaceAlias],
        baseline: Baseline = Baseline.NIST_SP_800_77R1,
    ) -> None:
        """Create the resource kind.

        Args:
            aliases: returns, for one refresh, a function that maps an interface's LUID to its
                alias.
            baseline: the baseline against which weaknesses are judged.
        """
        self._aliases = aliases
        self._baseline: Final = baseline

    def encoder(self) -> SaContextEncoder:
        """Create an encoder for one refresh, with the interfaces' current aliases."""
        return SaContextEncoder(self._aliases(), self._baseline)

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
            (remote[:remote_length], qm_filter_id, mm_sa_id)
            for (
                _suite,
                _local_length,
                _local,
                remote_length,
                remote,
                mm_sa_id,
                has_qm_filter_id,
                qm_filter_id,
                *_spis,
            ) in unpack_records(key)
            if has_qm_filter_id and mm_sa_id
        }

    def counts(self) -> SaContextCounts:
        """Create empty counts."""
        return SaContextCounts()

    def basic_view(self, texts: bytes) -> bytes:
        """Remove identities and filter conditions from the JSON of one or more contexts."""
        return basic_view(texts)


class SaContextEncoder:
    """Encodes SA contexts as snapshot items."""

    def __init__(self, alias: InterfaceAlias, baseline: Baseline) -> None:
        self._alias = alias
        self._baseline = baseline

    def fingerprint(self, plain: RawTree) -> bytes:
        """Return a digest of the context and its interfaces' aliases."""
        return fingerprint(plain, *map(self._alias, local_if_luids(plain)))

    def item(self, plain: RawTree) -> Item:
        """Decode the context and encode it as an item."""
        context = decode_sa_context(plain)
        return Item(
            index_key(context, self._baseline),
            encode_sa_context(context, self._alias, self._baseline),
        )
