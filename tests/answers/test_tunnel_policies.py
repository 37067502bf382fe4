"""How the policies of tunnels are read: shared by requests, again if misread, and not forever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from threading import Event
from typing import Any, TypeVar
from uuid import UUID

import orjson
import pytest
from structlog.testing import capture_logs

from app.answers.tunnels.configured import key_of_number, number_of_key
from app.answers.tunnels.policies import TunnelPolicies
from app.repository.limits import StoreLimits
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.store import EngineTimedOut
from bindings import enums as wfp
from bindings.addresses import Ipv6Order
from bindings.engine import Basis
from bindings.errors import AccessDenied
from bindings.interfaces import replay_aliases
from bindings.policy import ProviderContext, TunnelEndpoints, TunnelPolicy
from bindings.winerror import WinError


T = TypeVar("T")

LUID = 7


def policy(number: int, name: str = "a tunnel", *, is_complete: bool = True) -> ProviderContext:
    endpoints = TunnelEndpoints(int(wfp.IpVersion.V4), b"\x0a\0\0\1", b"\x0a\0\0\2", LUID, None, ())
    return ProviderContext(
        str(UUID(int=number)),
        name,
        None,
        None,
        wfp.ProviderContextType.IPSEC_IKEV2_QM_TUNNEL_CONTEXT,
        TunnelPolicy(0, endpoints, 300, 60) if is_complete else None,
        number,
    )


class Engine:
    """An engine with these policies, of which nothing else is used."""

    def __init__(self, policies: list[ProviderContext]) -> None:
        self.policies = policies
        self.order = Ipv6Order.NETWORK
        self.reads = 0
        self.on_read: Callable[[], object] = lambda: None
        self.is_closed = False

    def ipv6_order(self) -> Ipv6Order:
        return self.order

    def tunnel_policies(self) -> list[ProviderContext]:
        self.basis = Basis(1, self.order)
        self.reads += 1
        self.on_read()
        return self.policies

    def close(self) -> None:
        self.is_closed = True


def run(engine: Engine, work: Callable[[TunnelPolicies], Awaitable[T]], **limits: Any) -> T:
    """Return the result of work with a reader of an engine."""

    async def main() -> T:
        store_limits = StoreLimits(**{"refresh_min_interval_seconds": 0, **limits})
        reader = TunnelPolicies(engine, store_limits)  # type: ignore[arg-type]
        task = asyncio.create_task(reader.run())
        try:
            return await work(reader)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return asyncio.run(main())


def test_concurrent_requests_share_a_read() -> None:
    engine = Engine([policy(2), policy(1)])

    async def work(reader: TunnelPolicies) -> None:
        reads = await asyncio.gather(*(reader.read(0) for _ in range(20)))
        assert reader.is_ready
        assert len({*map(id, reads)}) == 1
        assert await reader.read(3600) is reads[0]
        assert [key_of_number(each.number) for each in reads[0].tunnels] == [
            str(UUID(int=1)),
            str(UUID(int=2)),
        ]
        await reader.close()

    run(engine, work)

    assert engine.reads == 1
    assert engine.is_closed


def test_unchanged_tunnels_stay_the_same_objects() -> None:
    engine = Engine([policy(1), policy(2), policy(2, "again"), policy(3, is_complete=False)])

    async def work(reader: TunnelPolicies) -> None:
        first = (await reader.read(0)).tunnels
        assert (await reader.read(0)).tunnels is first
        engine.policies = [policy(2, "again"), policy(1, "renamed")]
        second = (await reader.read(0)).tunnels
        assert len(first) == len(second) == 2
        assert first[0] is not second[0]
        assert first[1] is second[1]

    run(engine, work)


@pytest.fixture
def alias() -> Iterator[str]:
    replay_aliases({LUID: "Ethernet 2"})
    yield "Ethernet 2"
    replay_aliases({})


def test_a_local_interface_has_its_name(alias: str) -> None:
    async def work(reader: TunnelPolicies) -> None:
        (tunnel,) = (await reader.read(0)).tunnels
        assert orjson.loads(b"{%b}" % tunnel.members)["localIfAlias"] == alias

    run(Engine([policy(1)]), work)


def test_policies_are_read_again_if_the_byte_order_changes_meanwhile() -> None:
    engine = Engine([policy(1)])

    def change() -> None:
        engine.order = Ipv6Order.REVERSED if engine.reads == 1 else engine.order

    engine.on_read = change

    async def work(reader: TunnelPolicies) -> None:
        await reader.read(0)
        assert engine.reads == 2
        kept = reader.current
        reader.discard_if_outdated()
        assert reader.current is kept
        engine.order = Ipv6Order.NETWORK
        reader.discard_if_outdated()
        assert reader.current is None
        await reader.read(3600)
        assert engine.reads == 3

    run(engine, work)


def test_a_lasting_failure_is_logged_once_and_ends_readiness() -> None:
    engine = Engine([policy(1)])

    def fail() -> None:
        raise AccessDenied(WinError.ERROR_ACCESS_DENIED, "FwpmProviderContextEnum3")

    async def work(reader: TunnelPolicies) -> None:
        await reader.read(0)
        engine.on_read = fail
        for _ in range(3):
            with pytest.raises(AccessDenied):
                await reader.read(0)
        assert not reader.is_ready
        engine.on_read = lambda: None
        await reader.read(3600)
        assert reader.is_ready

    with capture_logs() as logs:
        run(engine, work)

    assert [entry["event"] for entry in logs] == ["tunnels_not_read"]


def test_a_request_does_not_wait_forever() -> None:
    engine, released = Engine([policy(1)]), Event()
    engine.on_read = released.wait

    async def work(reader: TunnelPolicies) -> None:
        with pytest.raises(EngineTimedOut):
            await reader.read(0)
        released.set()
        reader.stop()
        with pytest.raises(ShuttingDown):
            await reader.read(0)

    run(engine, work, engine_timeout_seconds=0.01)


def test_the_order_of_numbers_is_that_of_keys() -> None:
    keys = sorted(str(UUID(int=number)) for number in (0, 1, 1 << 96, (1 << 128) - 1, 1 << 127))

    assert [*map(key_of_number, sorted(map(number_of_key, keys)))] == keys


def test_a_read_that_begins_after_the_end_opens_no_session() -> None:
    engine = Engine([policy(1)])

    async def work(reader: TunnelPolicies) -> None:
        reader.stop()
        with pytest.raises(ShuttingDown):
            await reader._refresh()  # noqa: SLF001  # as if it had been scheduled just before
        await reader.close()

    run(engine, work)

    assert engine.reads == 0
