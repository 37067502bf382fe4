"""The engine as the service sees it: a library, and a session that is reopened when it dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Self, TypeVar

from bindings.addresses import Ipv6Order
from bindings.connections import Connections
from bindings.errors import EngineBusy, EngineError, EngineGone, NotSupported
from bindings.ike_sas import IkeSas
from bindings.library import Library
from bindings.memory import RawTree
from bindings.records import SaContext
from bindings.sa_contexts import PAGE_SIZE, SaContexts
from bindings.session import Session
from bindings.statistics import IkeStatistics, IpsecStatistics, ike_statistics, ipsec_statistics
from bindings.subscriptions import Notify, Subscription, subscribe_to_sa_contexts
from bindings.template import SubnetTemplate


T = TypeVar("T")


class Engine:
    """One session at a time with the engine behind a library.

    Opens its session when it is first needed. When a session turns out to be dead,
    new or not, it is closed, another is opened, and the work begins again, once. An
    engine that refuses to open a session is not asked again.

    With `on_change`, each session begins with a subscription. Work is done without
    one too; before the next work, subscribing is tried again.

    Attributes:
        library: where the functions are.
        incarnation: how many sessions were opened. Ids of SA contexts mean
            nothing across two incarnations, for the engine may have restarted
            in between. While a notification is received, it is the one that its
            id belongs to, unless the session died meanwhile.
        subscription_error: why there is no subscription though one was wanted;
            None where there is one, or none was tried.
    """

    def __init__(
        self,
        library: Library,
        *,
        transaction_wait_ms: int = 3000,
        generation: int = 1,
        ipv6_order: Ipv6Order = Ipv6Order.NETWORK,
        timeout_seconds: float = 30.0,
        on_change: Notify | None = None,
    ) -> None:
        """Make an engine; nothing is opened yet.

        Args:
            library: where the functions are.
            transaction_wait_ms: see `Session`.
            generation: see `SaContexts`.
            ipv6_order: see `Ipv6Order`.
            timeout_seconds: how long a thread waits for its turn with the session.
            on_change: what is told of SA contexts that are added or deleted, while there
                is a session; see `subscribe_to_sa_contexts`.
        """
        self.library = library
        self.incarnation = 0
        self.subscription_error: EngineError | None = None
        self._transaction_wait_ms = transaction_wait_ms
        self._generation = generation
        self._ipv6_order = ipv6_order
        self._timeout_seconds = timeout_seconds
        self._on_change = on_change
        self._lock = Lock()
        self._session: Session | None = None
        self._subscription: Subscription | None = None

    def with_sa_contexts(self, use: Callable[[SaContexts], T]) -> T:
        """The result of `work` with SA contexts; see `in_session`."""
        return self.run_in_session(
            lambda session: use(
                SaContexts(session, generation=self._generation, ipv6_order=self._ipv6_order)
            )
        )

    def with_connections(self, work: Callable[[Connections], T]) -> T:
        """The result of `work` with connections; see `in_session`."""
        return self.run_in_session(
            lambda session: work(Connections(session, ipv6_order=self._ipv6_order))
        )

    def with_ike_sas(self, work: Callable[[IkeSas], T]) -> T:
        """The result of `work` with main mode SAs; see `in_session`.

        They are read by Windows Vista's functions where SA contexts are, else by the newest.
        """
        generation = 0 if self._generation == 0 else 2
        return self.run_in_session(
            lambda session: work(
                IkeSas(session, generation=generation, ipv6_order=self._ipv6_order)
            )
        )

    def ipsec_statistics(self) -> tuple[int, IpsecStatistics]:
        """What the engine has counted of SAs and packets, and the incarnation that it is of."""
        return self.run_in_session(
            lambda session: (
                self.incarnation,
                ipsec_statistics(session, generation=self._generation),
            )
        )

    def ike_statistics(self) -> tuple[int, IkeStatistics]:
        """The same of negotiations.

        Raises:
            IkeextNotRunning: the service that negotiates does not run.
        """
        return self.run_in_session(
            lambda session: (self.incarnation, ike_statistics(session, generation=self._generation))
        )

    def run_in_session(self, work: Callable[[Session], T]) -> T:
        """The result of `work`, which may be begun twice.

        Threads take turns here: a session is used by one at a time.

        Raises:
            EngineGone: no session could be opened, or two in a row died.
            EngineBusy: another thread still had the session after the patience.
            EngineError: anything else that the engine refused.
        """
        with self._turn():
            session = self._opened()
            with suppress(EngineGone):
                return self._run(work, session)
            return self._run(work, self._opened())

    def pages(
        self, template: SubnetTemplate | None = None, size: int = PAGE_SIZE
    ) -> Iterator[list[SaContext]]:
        """All pages of one enumeration, read before the first is given; see `SaContexts.pages`."""
        return iter(self.with_sa_contexts(lambda contexts: list(contexts.pages(template, size))))

    def get(self, sa_context_id: int) -> SaContext:
        """The context of this id; see `SaContexts.get`."""
        return self.with_sa_contexts(lambda contexts: contexts.get(sa_context_id))

    def read(self, sa_context_id: int) -> RawTree:
        """A copy of the context of this id; see `SaContexts.read`."""
        return self.with_sa_contexts(lambda contexts: contexts.read(sa_context_id))

    @property
    def is_open(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    @property
    def is_subscribed(self) -> bool:
        """Whether it was subscribed to changes. That the engine stopped shows at the next work."""
        return self._subscription is not None

    def close(self) -> None:
        """Close the session, whatever state it is in. The next work opens another.

        A session in the hands of a thread that does not come back is left to the end of
        the process, when the engine closes it.
        """
        with suppress(EngineBusy), self._turn():
            self._discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._timeout_seconds):
            raise EngineBusy("the session is in use")
        try:
            yield
        finally:
            self._lock.release()

    def _opened(self) -> Session:
        if self._session is None:
            self._session = Session(self.library, transaction_wait_ms=self._transaction_wait_ms)
            self.incarnation += 1
            self.subscription_error = None
        return self._session

    def _run(self, work: Callable[[Session], T], session: Session) -> T:
        self._subscribe(session)
        try:
            return work(session)
        except EngineGone:
            self._discard()
            raise

    def _subscribe(self, session: Session) -> None:
        if (
            self._on_change is None
            or self._subscription is not None
            or isinstance(self.subscription_error, NotSupported)
        ):
            return
        try:
            self._subscription = subscribe_to_sa_contexts(session, self._on_change)
        except EngineError as error:
            self.subscription_error = error
        else:
            self.subscription_error = None

    def _discard(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with suppress(EngineError):
                subscription.close()
        session, self._session = self._session, None
        if session is not None:
            with suppress(EngineError):
                session.close()
