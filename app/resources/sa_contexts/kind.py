"""SA contexts as a kind of what is listed: how they are read, kept and filtered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from app.repository.changes.rekeys import Negotiation
from app.repository.query.filters import Key
from app.repository.resource import ObjectSource, ResourceKind
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


T = TypeVar("T")


class SaContextKind(ResourceKind):
    """SA contexts, whose weaknesses are judged against a baseline."""

    selection = SaContextSelection
    events = SaContextEvents()

    def __init__(
        self,
        aliases: Callable[[], InterfaceAlias],
        baseline: Baseline = Baseline.NIST_SP_800_77R1,
    ) -> None:
        """Make the kind.

        Args:
            aliases: makes what names interfaces, anew for each reading.
            baseline: what weaknesses are judged against.
        """
        self._aliases = aliases
        self._baseline: Final = baseline

    def with_source(self, engine: Engine, work: Callable[[ObjectSource], T]) -> T:
        """See `Engine.with_sa_contexts`."""
        return engine.with_sa_contexts(work)

    def encoder(self) -> SaContextEncoder:
        """An encoder that knows the interfaces' names as they are now."""
        return SaContextEncoder(self._aliases(), self._baseline)

    def read(self, engine: Engine, id_: int) -> RawTree:
        """A copy of one context."""
        return engine.with_sa_contexts(lambda contexts: contexts.read(id_))

    def is_half_built(self, plain: RawTree) -> bool:
        """Whether one of its SAs is missing."""
        _, inbound, outbound = plain
        return inbound is None or outbound is None

    def negotiations(self, key: Key) -> set[Negotiation]:
        """What its SAs have in common with those that they replace, where the engine tells it."""
        return {
            (record[4][: record[3]], record[7], record[5])
            for record in unpack_records(key)
            if record[6] and record[5]
        }

    def counts(self) -> SaContextCounts:
        """Counts by suite and by peer."""
        return SaContextCounts()

    def basic_view(self, texts: bytes) -> bytes:
        """Contexts without identities and filter conditions."""
        return basic_view(texts)


class SaContextEncoder:
    """Makes entries of contexts."""

    def __init__(self, alias: InterfaceAlias, baseline: Baseline) -> None:
        self._alias = alias
        self._baseline = baseline

    def fingerprint(self, plain: RawTree) -> bytes:
        """A digest of the context and of its interfaces' names."""
        return fingerprint(plain, *map(self._alias, local_if_luids(plain)))

    def item(self, plain: RawTree) -> Item:
        """The context, decoded and encoded."""
        context = decode_sa_context(plain)
        return Item(
            index_key(context, self._baseline),
            encode_sa_context(context, self._alias, self._baseline),
        )
