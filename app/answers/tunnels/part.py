"""The running part of tunnels: what keeps their states up to date.

How they stay current: the policies are read regularly. The states follow from the policies, the SA
contexts and the failed negotiations. They are published after each read of the policies, each
change of an SA context and each failure, but at most once a second. This happens without requests,
because events and metrics depend on it. A request that needs newer states causes a publication,
which all concurrent requests share. All publications together take at most a tenth of the time.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

import anyio
import anyio.lowlevel

from app.answers.background import run_on
from app.answers.peers.failures import RECENT
from app.answers.peers.part import PeersPart
from app.answers.peers.parts import PeerKey
from app.answers.peers.store import Sources as PeerSources
from app.answers.tunnels.configured import ConfiguredTunnel
from app.answers.tunnels.counts import TunnelCounts
from app.answers.tunnels.failures import TunnelFailures
from app.answers.tunnels.item import Observation
from app.answers.tunnels.last_up import LastUp
from app.answers.tunnels.policies import PolicyRead, TunnelPolicies
from app.answers.tunnels.store import SLICE, Sources, TunnelStore
from app.answers.visible import Visible
from app.repository.limits import StoreLimits
from app.repository.notifier import Notifier
from app.repository.query.paginator import Paginator
from app.repository.refresh.scheduler import RefreshScheduler, ShuttingDown
from app.repository.store import EngineTimedOut
from app.service import Foundation, Part, open_engine
from bindings.errors import EngineBusy, EngineError


PAUSE_SECONDS: Final = 1.0
"""The minimum pause after a publication without a request: SA contexts may change all the time."""
MIN_IDLE_RATIO: Final = 9
"""The minimum ratio of the pause after any publication to its duration."""


class TunnelsPart(Part):
    """The tunnels of this host. Belongs to one event loop.

    Attributes:
        policies: the configured tunnels.
    """

    def __init__(self, foundation: Foundation, parts: Mapping[Any, Part]) -> None:
        settings = foundation.settings
        limits = settings.limits(StoreLimits)
        peers = parts[PeersPart]
        assert isinstance(peers, PeersPart)  # noqa: S101  # its key says so
        self._peers: Final = peers
        self.policies: Final = TunnelPolicies(
            open_engine(foundation.library, settings, foundation.ipv6_order.order), limits
        )
        self._counts: Final = TunnelCounts(peers.peers)
        peers.follow(self._counts.mark)
        self._failures: Final = TunnelFailures(peers.net_events)
        expected = settings.expected_peers or ()
        self._expected_names: Final = {_folded(each) for each in expected if isinstance(each, str)}
        self._last_up: Final = LastUp()
        self._tunnels: tuple[ConfiguredTunnel, ...] = ()
        self._remotes: set[PeerKey] = set()
        self._interval = settings.refresh_interval_seconds
        self._publications: Final = RefreshScheduler(
            self._publish_known,
            min_interval=0,
            clock=time.monotonic,
            min_idle_ratio=MIN_IDLE_RATIO,
        )
        self._changed = anyio.Event()
        self._views: Final = {
            store.sees_failures: Visible(store, Paginator(store, foundation.capacity.filtering))
            for store in (
                TunnelStore(self.refresh, limits, sees_failures=sees_failures)
                for sees_failures in (False, True)
            )
        }

    def view(self, *, sees_failures: bool) -> Visible[TunnelStore]:
        """Return the tunnels for callers who may or may not see failures."""
        return self._views[sees_failures]

    @property
    def is_ready(self) -> bool:
        """Whether the states are current: policies and SA contexts were read recently."""
        return self.policies.is_ready and self._peers.contexts.store.is_ready

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the tunnels up to date for the duration of the block."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.policies.run)
            tasks.start_soon(self._publications.run)
            tasks.start_soon(run_on, self._read_regularly)
            tasks.start_soon(run_on, self._publish_changes)
            for notifier in (self._peers.contexts.store.notifier, self._peers.net_events.notifier):
                tasks.start_soon(self._follow, notifier)
            yield
            self._stop_reading()
            tasks.cancel_scope.cancel()

    def stop(self) -> None:
        """Wake all waiters."""
        self._stop_reading()
        for view in self._views.values():
            view.store.stop()

    def discard_if_outdated(self) -> None:
        """Discard tunnels that were read in an outdated byte order."""
        self.policies.discard_if_outdated()

    async def close(self) -> None:
        """Close the session."""
        await self.policies.close()

    async def refresh(self, max_age: float) -> None:
        """Bring the stores up to date, from sources that are at most `max_age` seconds old.

        Raises:
            EngineError, EngineBusy, EngineTimedOut, ShuttingDown: policies, SA contexts or main
                mode SAs cannot be read.
        """
        not_before = time.monotonic() - max_age
        await self._peers.refresh(max_age)
        await self.policies.read(max_age)
        current = self._views[True].store.current
        if current is None or current.started < not_before:
            await self._publications.wait(time.monotonic())

    def _stop_reading(self) -> None:
        self.policies.stop()
        self._publications.stop()

    async def _read_regularly(self) -> None:
        while True:
            with suppress(EngineError, EngineBusy, EngineTimedOut, ShuttingDown):  # logged
                await self.policies.read(self._interval / 2)
            self._changed.set()
            await anyio.sleep(self._interval)

    async def _follow(self, notifier: Notifier) -> None:
        waiter = object()
        while True:
            await notifier.wait(waiter)
            self._changed.set()

    async def _publish_changes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            if self._peers.contexts.store.is_ready:
                with suppress(EngineTimedOut, ShuttingDown):
                    await self._publications.wait(time.monotonic())
            await anyio.sleep(PAUSE_SECONDS)

    async def _publish_known(self) -> None:
        """Publish what is known.

        Raises:
            EngineTimedOut: the last read of policies failed, or SA contexts have been discarded.
        """
        policies = self.policies.current
        if policies is None:
            raise EngineTimedOut
        await self._publish(policies, await self._peers.catch_up())

    async def _publish(self, policies: PolicyRead, sources: PeerSources) -> None:
        published = Sources(
            await self._observe(policies.tunnels),
            sources.sample.totals,
            min(policies.taken_at, sources.taken_at),
            min(policies.started, sources.started),
            {**sources.annotations, **policies.annotations},
            datetime.now(UTC),
            time.monotonic(),
        )
        for view in self._views.values():
            await view.store.publish(published)

    async def _observe(self, tunnels: tuple[ConfiguredTunnel, ...]) -> list[Observation]:
        """Return what is known of the tunnels now."""
        if tunnels is not self._tunnels:
            self._tunnels = tunnels
            self._remotes = {remote for tunnel in tunnels for remote in tunnel.remotes}
        await self._counts.count(self._remotes)
        self._failures.set_tunnels(tunnels)
        await self._failures.take()
        now = datetime.now(UTC)
        observations: list[Observation] = []
        for tunnel in tunnels:
            counted, failure = self._counts.of(tunnel), self._failures.of(tunnel)
            if counted.complete:
                self._last_up.see(tunnel, now)
            last_up = self._last_up.of(tunnel)
            is_failing = (
                failure is not None
                and now - failure.at <= RECENT
                and (last_up is None or failure.at > last_up)
            )
            is_expected = self._is_expected(tunnel)
            observations.append(Observation(tunnel, counted, failure, is_failing, is_expected))
            if len(observations) % SLICE == 0:
                await anyio.lowlevel.checkpoint()
        self._last_up.expire(now, len(tunnels))
        return observations

    def _is_expected(self, tunnel: ConfiguredTunnel) -> bool:
        name = tunnel.remote_fqdn
        return any(remote in self._peers.peers.expected for remote in tunnel.remotes) or (
            name is not None and _folded(name) in self._expected_names
        )


def _folded(name: str) -> str:
    """Return a name in the form in which DNS names are compared."""
    return name.casefold().rstrip(".")
