"""The engine as the service uses it: one session at a time, reopened when it dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import NamedTuple, Self, TypeVar

from bindings.addresses import Ipv6Order
from bindings.connections import Connections
from bindings.errors import EngineBusy, EngineError, EngineGone, NotSupported
from bindings.ike_sas import IkeSas
from bindings.library import Library
from bindings.memory import RawTree
from bindings.policy import Policy, ProviderContext
from bindings.records import SaContext
from bindings.sa_contexts import PAGE_SIZE, SaContexts
from bindings.session import Session
from bindings.statistics import IkeStatistics, IpsecStatistics, ike_statistics, ipsec_statistics
from bindings.subscriptions import Notify, Subscription, subscribe_to_sa_contexts
from bindings.template import SubnetTemplate
from bindings.tunnel_policies import enumerate_tunnel_policies


T = TypeVar("T")


class Basis(NamedTuple):
    """The session and byte order of a read; only objects with equal bases are comparable.

    Attributes:
        incarnation: see `Engine`.
        ipv6_order: the byte order in which IPv6 addresses were read.
    """

    incarnation: int
    ipv6_order: Ipv6Order


class Engine:
    """One session at a time with the filter engine.

    The session is opened on first use. If a call finds the session dead, even one that
    was just opened, the session is closed, another is opened and the call is retried
    once. A failure to open a session is not retried.

    With `on_change`, each session also subscribes to changes. If subscribing fails, the
    session is used without a subscription, and the next call tries to subscribe again,
    unless the library or the engine lacks the function.

    Attributes:
        library: the library that exports the functions.
        ipv6_order: returns the byte order for the next reader.
        incarnation: the number of sessions opened so far. SA context ids are not
            comparable across incarnations, because the engine may have restarted in
            between. The id in a notification belongs to the current incarnation, unless
            a new session was opened since.
        basis: the basis of the newest reader. A function that is called with a reader
            finds the basis of its reader here.
        subscription_error: why the last attempt to subscribe failed; None if it succeeded,
            or if the session has made no attempt.
    """

    def __init__(
        self,
        library: Library,
        *,
        transaction_wait_timeout_ms: int = 3000,
        generation: int = 1,
        ipv6_order: Callable[[], Ipv6Order] = lambda: Ipv6Order.NETWORK,
        timeout_seconds: float = 30.0,
        on_change: Notify | None = None,
    ) -> None:
        """Create an engine without opening a session.

        Args:
            library: the library that exports the functions.
            transaction_wait_timeout_ms: see `Session`.
            generation: the newest generation of SA contexts and statistics to use.
            ipv6_order: returns the byte order for the next reader; see `Ipv6Order`.
            timeout_seconds: how long a call waits while another thread uses the session.
            on_change: called when an SA context is added or deleted while a session is open;
                see `subscribe_to_sa_contexts`.
        """
        self.library = library
        self.incarnation = 0
        self.subscription_error: EngineError | None = None
        self._transaction_wait_timeout_ms = transaction_wait_timeout_ms
        self._generation = generation
        self.ipv6_order = ipv6_order
        self.basis = Basis(0, ipv6_order())
        self._timeout_seconds = timeout_seconds
        self._on_change = on_change
        self._lock = Lock()
        self._session: Session | None = None
        self._subscription: Subscription | None = None

    def with_sa_contexts(self, fn: Callable[[SaContexts], T]) -> T:
        """Call `fn` with a reader of SA contexts; see `run_in_session`."""
        return self.run_in_session(
            lambda session: fn(
                SaContexts(session, generation=self._generation, ipv6_order=self._next_order())
            )
        )

    def with_connections(self, fn: Callable[[Connections], T]) -> T:
        """Call `fn` with a reader of connections; see `run_in_session`."""
        return self.run_in_session(
            lambda session: fn(Connections(session, ipv6_order=self._next_order()))
        )

    def with_ike_sas(self, fn: Callable[[IkeSas], T]) -> T:
        """Call `fn` with a reader of main mode SAs; see `run_in_session`.

        If SA contexts are limited to generation 0 (Windows Vista), so are main mode SAs.
        """
        generation = 0 if self._generation == 0 else 2
        return self.run_in_session(
            lambda session: fn(
                IkeSas(session, generation=generation, ipv6_order=self._next_order())
            )
        )

    def with_policy(self, fn: Callable[[Policy], T]) -> T:
        """Call `fn` with a reader of filters and provider contexts; see `run_in_session`.

        If SA contexts are limited to generation 0 (Windows Vista), so are provider contexts.
        """
        generation = 0 if self._generation == 0 else 3
        return self.run_in_session(
            lambda session: fn(
                Policy(session, generation=generation, ipv6_order=self._next_order())
            )
        )

    def tunnel_policies(self) -> list[ProviderContext]:
        """Return the policies of all configured tunnels; see `enumerate_tunnel_policies`.

        If SA contexts are limited to generation 0 (Windows Vista), so are provider contexts.
        """
        generation = 0 if self._generation == 0 else 3
        return self.run_in_session(
            lambda session: enumerate_tunnel_policies(
                session, generation=generation, ipv6_order=self._next_order()
            )
        )

    def ipsec_statistics(self) -> tuple[int, IpsecStatistics]:
        """Return the incarnation and its statistics of SAs and packets."""
        return self.run_in_session(
            lambda session: (
                self.incarnation,
                ipsec_statistics(session, generation=self._generation),
            )
        )

    def ike_statistics(self) -> tuple[int, IkeStatistics]:
        """Return the incarnation and its statistics of negotiations.

        Raises:
            IkeextNotRunning: the IKEEXT service is not running.
        """
        return self.run_in_session(
            lambda session: (self.incarnation, ike_statistics(session, generation=self._generation))
        )

    def run_in_session(self, fn: Callable[[Session], T]) -> T:
        """Call `fn` with the session and return its result; other threads wait meanwhile.

        If the session dies during the call, `fn` is called once more, with a new session.

        Raises:
            EngineGone: no session could be opened, or two sessions in a row died.
            EngineBusy: another thread held the session for longer than the timeout.
            EngineError: any other error of the engine.
        """
        with self._exclusive():
            session = self._ensure_session()
            with suppress(EngineGone):
                return self._run(fn, session)
            return self._run(fn, self._ensure_session())

    def pages(
        self, template: SubnetTemplate | None = None, size: int = PAGE_SIZE
    ) -> Iterator[list[SaContext]]:
        """Read all pages of one enumeration, and iterate over them; see `SaContexts.pages`."""
        return iter(self.with_sa_contexts(lambda contexts: list(contexts.pages(template, size))))

    def get(self, sa_context_id: int) -> SaContext:
        """Return the context with this id; see `SaContexts.get`."""
        return self.with_sa_contexts(lambda contexts: contexts.get(sa_context_id))

    def read(self, sa_context_id: int) -> RawTree:
        """Copy the context with this id; see `SaContexts.read`."""
        return self.with_sa_contexts(lambda contexts: contexts.read(sa_context_id))

    @property
    def is_open(self) -> bool:
        """Whether a session is open."""
        return self._session is not None

    @property
    def is_subscribed(self) -> bool:
        """Whether the session is subscribed; if the engine stops, True until the next call."""
        return self._subscription is not None

    def close(self) -> None:
        """Close the session, even a dead one; the next call opens another.

        If a hung thread is using the session, this gives up after the timeout. The engine
        then closes the session when the process ends.
        """
        with suppress(EngineBusy), self._exclusive():
            self._discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next_order(self) -> Ipv6Order:
        """Return the byte order for a new reader, and set `basis`."""
        self.basis = Basis(self.incarnation, self.ipv6_order())
        return self.basis.ipv6_order

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._timeout_seconds):
            raise EngineBusy("the session is in use")
        try:
            yield
        finally:
            self._lock.release()

    def _ensure_session(self) -> Session:
        if self._session is None:
            self._session = Session(
                self.library, transaction_wait_timeout_ms=self._transaction_wait_timeout_ms
            )
            self.incarnation += 1
            self.subscription_error = None
        return self._session

    def _run(self, fn: Callable[[Session], T], session: Session) -> T:
        self._subscribe(session)
        try:
            return fn(session)
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
