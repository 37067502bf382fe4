"""The configured tunnels as they were last read from the engine.

The engine's notifications of changes are not used: policies change rarely, and reading all of them
takes a call or two of the engine. They are read at the interval of periodic refreshes, and when a
request needs newer ones; concurrent requests are coalesced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import anyio
import anyio.to_thread
import structlog

from app.answers.tunnels.configured import ConfiguredTunnel, tunnel_of
from app.repository.limits import StoreLimits
from app.repository.refresh.scheduler import RefreshScheduler, ShuttingDown
from app.repository.store import EngineTimedOut
from bindings.addresses import Ipv6Order
from bindings.call_notes import NOTES
from bindings.engine import Engine
from bindings.errors import EngineBusy, EngineError, IkeextNotRunning
from bindings.interfaces import interface_aliases
from bindings.policy import ProviderContext
from bindings.tunnel_policies import RESOURCE


log = structlog.get_logger(__name__)

_Known = dict[ProviderContext, ConfiguredTunnel | None]


class PolicyRead(NamedTuple):
    """One read of all policies.

    Attributes:
        tunnels: the tunnels, in ascending order of their numbers; while they are unchanged, each
            read has the same tuple.
        taken_at: when the read started, in UTC.
        started: the same, in seconds on the reader's clock.
        annotations: members to add to each page; they say why there are no tunnels.
    """

    tunnels: tuple[ConfiguredTunnel, ...]
    taken_at: datetime
    started: float
    annotations: Mapping[str, str] = {}


class TunnelPolicies:
    """Reads the configured tunnels, in a session of its own. Belongs to one event loop.

    Attributes:
        current: the last read; None before the first, and if it failed.
    """

    def __init__(
        self, engine: Engine, limits: StoreLimits, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create a reader, which reads nothing until `run`.

        Args:
            engine: the engine; used only in the reader's thread.
            limits: the minimum interval of reads, and how long requests wait.
            clock: returns seconds.
        """
        self.current: PolicyRead | None = None
        self._engine = engine
        self._limits = limits
        self._clock = clock
        self._order: Ipv6Order | None = None
        self._known: _Known = {}
        self._tunnels: tuple[ConfiguredTunnel, ...] = ()
        self._error: str | None = None
        self._is_stopping = False
        self._own_thread = anyio.CapacityLimiter(1)  # requests cannot exhaust it
        self._scheduler = RefreshScheduler(
            self._refresh, min_interval=limits.refresh_min_interval_seconds, clock=clock
        )

    async def run(self) -> None:
        """Read on request until cancelled."""
        await self._scheduler.run()

    def stop(self) -> None:
        """Wake all waiters; start no further read."""
        self._is_stopping = True
        self._scheduler.stop()

    async def close(self) -> None:
        """Wait until no thread reads the engine, then close the session."""
        async with self._own_thread:
            pass
        await anyio.to_thread.run_sync(self._engine.close, abandon_on_cancel=True)

    @property
    def is_ready(self) -> bool:
        """Whether the last read succeeded and started recently enough."""
        return self._is_current(self._clock() - self._limits.ready_max_age_seconds)

    def _is_current(self, not_before: float) -> bool:
        return self.current is not None and self.current.started >= not_before

    async def read(self, max_age: float) -> PolicyRead:
        """Return a read that started at most `max_age` seconds before this call.

        Raises:
            EngineError, EngineBusy: the read failed.
            EngineTimedOut: no read ended in time.
            ShuttingDown: the server is stopping.
        """
        not_before = self._clock() - max_age
        if not self._is_current(not_before):
            with anyio.move_on_after(self._limits.engine_timeout_seconds):
                await self._scheduler.wait(not_before)
        if self.current is None or not self._is_current(not_before):
            raise EngineTimedOut
        return self.current

    def discard_if_outdated(self) -> None:
        """Discard the tunnels if their IPv6 addresses were read in an outdated byte order."""
        if self._order is not self._engine.ipv6_order():
            self.current = None

    async def _refresh(self) -> None:
        started, taken_at = self._clock(), datetime.now(UTC)
        try:
            while True:
                order, known, annotations = await anyio.to_thread.run_sync(
                    self._read_all, abandon_on_cancel=True, limiter=self._own_thread
                )
                if order is self._engine.ipv6_order():
                    break  # otherwise the byte order changed during the read: read again
        except Exception as error:
            self.current = None
            if str(error) != self._error and not isinstance(error, ShuttingDown):
                self._error = str(error)  # log a lasting failure once
                is_expected = isinstance(error, EngineError | EngineBusy)
                log.warning("tunnels_not_read", error=str(error), exc_info=not is_expected)
            raise
        self._error, self._order, self._known = None, order, known
        by_number = {tunnel.number: tunnel for tunnel in known.values() if tunnel is not None}
        tunnels = tuple(by_number[number] for number in sorted(by_number))
        if tunnels == self._tunnels:
            tunnels = self._tunnels
        self._tunnels = tunnels
        self.current = PolicyRead(tunnels, taken_at, started, annotations)

    def _read_all(self) -> tuple[Ipv6Order, _Known, Mapping[str, str]]:
        """Return all policies with their byte order and annotations. Runs in a thread.

        Raises:
            ShuttingDown: the reader was stopped, so that the session may already be closed.
            EngineError, EngineBusy: as for `read`.
        """
        if self._is_stopping:
            raise ShuttingDown
        policies: list[ProviderContext] = []
        annotations = {}
        with NOTES.reading(RESOURCE):
            try:
                policies = self._engine.tunnel_policies()
            except IkeextNotRunning:  # then other lists are empty, too
                annotations = {"ikeext": "not_running"}
        alias = interface_aliases()
        tunnels: _Known = {}
        for policy in policies:
            tunnel, known = tunnel_of(policy, alias), self._known.get(policy)
            # Unchanged tunnels stay the same objects, which need not be compared.
            tunnels[policy] = known if known == tunnel else tunnel
        return self._engine.basis.ipv6_order, tunnels, annotations
