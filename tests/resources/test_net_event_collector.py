"""Net events over a real engine library: each event once, whatever ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import orjson
import pytest
from sa_contexts_simulator import Option, Simulator

from app.repository.refresh.scheduler import ShuttingDown
from app.repository.store import EngineTimedOut
from app.resources.net_events.buffer import NetEventSelection
from app.resources.net_events.collector import CLOSE_SECONDS, START_SECONDS, NetEventCollector
from app.resources.net_events.names import Collection, SubscriptionState
from app.resources.net_events.watcher import NetEventWatcher
from app.settings.limits import NetEventLimits
from bindings.errors import AccessDenied, EngineGone, NetEventsDisabled, NotSupported
from bindings.library import Library
from bindings.subscriptions import open_subscriptions


pytestmark = pytest.mark.anyio

LIMITS = NetEventLimits(heartbeat_interval_seconds=0.01, refresh_retry_seconds=0.01)
SLOW = replace(LIMITS, heartbeat_interval_seconds=3600)
MAIN_MODE, KERNEL_DROP = 0, 4


@asynccontextmanager
async def listening(
    library: Library, simulator: Simulator, limits: NetEventLimits = LIMITS
) -> AsyncIterator[NetEventCollector]:
    net_events = NetEventCollector(library, limits)
    async with net_events.running():
        yield net_events
    assert open_subscriptions() == []
    simulator.clear_failures()
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


async def shown(net_events: NetEventCollector) -> list[Any]:
    """Return all events, the oldest first."""
    found = await net_events.select(NetEventSelection(), 100_000)
    return [orjson.loads(event.json) for event in reversed(found.events)]


async def codes(net_events: NetEventCollector) -> list[int]:
    return [event["error"]["code"] for event in await shown(net_events)]


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def delivered(simulator: Simulator) -> None:
    assert await anyio.to_thread.run_sync(simulator.flush)


async def session_dies(net_events: NetEventCollector, simulator: Simulator) -> None:
    """Let the session die, and wait for the next one."""
    opened = simulator.calls("FwpmEngineOpen0")
    simulator.fail("FwpmEngineGetOption0", 0x80320010)  # FWP_E_SESSION_ABORTED
    await until(lambda: simulator.calls("FwpmEngineOpen0") > opened)
    await until(lambda: net_events.subscription_state is SubscriptionState.ACTIVE)


async def test_history_comes_first_and_then_notifications(
    library: Library, simulator: Simulator
) -> None:
    for code in (1, 2, 3):
        simulator.net_event(KERNEL_DROP, code)
    async with listening(library, simulator, SLOW) as net_events:
        assert await codes(net_events) == [1, 2, 3]
        for code in (4, 5):
            simulator.net_event(KERNEL_DROP, code)
        await delivered(simulator)

        assert await codes(net_events) == [1, 2, 3, 4, 5]
        assert net_events.subscription_state is SubscriptionState.ACTIVE
        assert net_events.collection is Collection.ENABLED
        assert simulator.calls("FwpmNetEventCreateEnumHandle0") == 1


@pytest.mark.parametrize("threads", [1, 4])
async def test_what_happens_while_it_begins_is_kept_once(
    library: Library, simulator: Simulator, threads: int
) -> None:
    """Deliver events late, from several threads, while the history is read and afterwards."""
    simulator.deliver_from(threads)
    simulator.delay_notifications(5)
    simulator.delay("FwpmNetEventCreateEnumHandle0", 20)
    simulator.delay("FwpmNetEventEnum5", 20)
    simulator.start_net_events(1000, 1)
    async with listening(library, simulator, replace(SLOW, max_net_events=100_000)) as net_events:
        await shown(net_events)
        simulator.stop_net_events()
        simulator.delay_notifications(0)
        await delivered(simulator)
        events = await shown(net_events)

    distinct = Counter(orjson.dumps({**event, "id": None}) for event in events)
    assert len(events) > 5
    assert max(distinct.values()) == 1
    again = NetEventCollector(library, replace(SLOW, max_net_events=100_000))
    async with again.running():
        held = await shown(again)
    assert len(held) == min(128, len(events))


async def test_a_restart_of_the_engine_is_noticed_and_survived(
    library: Library, simulator: Simulator
) -> None:
    simulator.net_event(KERNEL_DROP, 1)
    async with listening(library, simulator) as net_events:
        assert await codes(net_events) == [1]
        simulator.stop_engine()
        await until(lambda: net_events.subscription_state is SubscriptionState.INACTIVE)
        await until(lambda: isinstance(net_events.error, EngineGone))
        assert await codes(net_events) == [1]

        simulator.start_engine()
        await until(lambda: net_events.subscription_state is SubscriptionState.ACTIVE)
        assert net_events.error is None
        simulator.net_event(KERNEL_DROP, 2)
        await delivered(simulator)
        assert await codes(net_events) == [1, 2]


async def test_a_session_that_dies_alone_doubles_nothing(
    library: Library, simulator: Simulator
) -> None:
    simulator.net_event(KERNEL_DROP, 1)
    async with listening(library, simulator) as net_events:
        await shown(net_events)
        simulator.net_event(KERNEL_DROP, 2)
        await delivered(simulator)
        await session_dies(net_events, simulator)
        simulator.net_event(KERNEL_DROP, 3)
        await delivered(simulator)

        assert await codes(net_events) == [1, 2, 3]


@pytest.mark.parametrize("option", [None, Option.UNTIMED_NOTIFICATIONS])
async def test_an_engine_that_stores_more_than_is_kept_doubles_nothing(
    library: Library, simulator: Simulator, option: Option | None
) -> None:
    if option is not None:
        simulator.set_option(option)
    for code in range(100):
        simulator.net_event(KERNEL_DROP, code)
    async with listening(library, simulator, replace(LIMITS, max_net_events=30)) as net_events:
        assert await codes(net_events) == [*range(70, 100)]
        for code in range(100, 105):
            simulator.net_event(KERNEL_DROP, code)
        await delivered(simulator)
        for _ in range(3):
            await session_dies(net_events, simulator)

        assert await codes(net_events) == [*range(75, 105)]
        assert net_events.buffer.newest.number == 105


async def test_stored_events_that_are_too_many_are_missed(
    library: Library, simulator: Simulator
) -> None:
    async with listening(library, simulator, replace(LIMITS, max_net_events=30)) as net_events:
        await shown(net_events)
        last = net_events.buffer.newest
        simulator.fail("FwpmEngineOpen0", 1753, times=0)
        simulator.fail("FwpmEngineGetOption0", 0x80320010)  # FWP_E_SESSION_ABORTED
        await until(lambda: isinstance(net_events.error, EngineGone))
        for code in range(100):
            simulator.net_event(KERNEL_DROP, code)
        simulator.clear_failures()
        await until(lambda: net_events.error is None)

        assert await codes(net_events) == [*range(70, 100)]
        assert net_events.buffer.newest.number == 100
        assert net_events.buffer.has_gap_after(last)
        newest = await shown(net_events)
        assert not net_events.buffer.has_gap_after(datetime.fromisoformat(newest[0]["time"]))


async def test_events_announced_without_a_time_are_kept_once_when_the_session_dies(
    library: Library, simulator: Simulator
) -> None:
    simulator.set_option(Option.UNTIMED_NOTIFICATIONS)
    simulator.net_event(KERNEL_DROP, 1)
    async with listening(library, simulator) as net_events:
        await shown(net_events)
        for code in (2, 2, 3):  # two of them are equal in everything but time
            simulator.net_event(KERNEL_DROP, code)
        await delivered(simulator)
        for _ in range(3):
            await session_dies(net_events, simulator)
        simulator.net_event(KERNEL_DROP, 3)
        await delivered(simulator)

        assert await codes(net_events) == [1, 2, 2, 3, 3]


@pytest.mark.parametrize("generation", range(5))
async def test_events_announced_by_an_older_function_are_kept_once_when_the_session_dies(
    library: Library, simulator: Simulator, generation: int
) -> None:
    """Announce events in an older struct than the one in which they are stored."""
    for newer in range(generation + 1, 5):
        simulator.fail(f"FwpmNetEventSubscribe{newer}", 1745, times=0)
    async with listening(library, simulator) as net_events:
        await shown(net_events)
        simulator.net_events(100, 7)
        await delivered(simulator)
        before = await codes(net_events)
        await session_dies(net_events, simulator)

        assert len(before) == 100
        assert await codes(net_events) == before


async def test_collection_that_is_off_is_reported_and_begins_when_it_is_on(
    library: Library, simulator: Simulator
) -> None:
    simulator.collect_net_events(False)
    async with listening(library, simulator) as net_events:
        assert await shown(net_events) == []
        assert (net_events.collection, net_events.subscription_state) == ("disabled", "inactive")
        assert isinstance(net_events.subscription_error, NetEventsDisabled)

        simulator.collect_net_events()
        await until(lambda: net_events.subscription_state is SubscriptionState.ACTIVE)
        await until(lambda: net_events.collection is Collection.ENABLED)
        simulator.net_event(KERNEL_DROP, 1)
        await delivered(simulator)
        assert await codes(net_events) == [1]

        simulator.collect_net_events(False)
        await until(lambda: net_events.collection is Collection.DISABLED)
        assert await codes(net_events) == [1]


async def test_an_engine_that_rejects_subscriptions_as_disabled_is_asked_at_heartbeats_only(
    library: Library, simulator: Simulator
) -> None:
    for generation in range(5):
        simulator.fail(f"FwpmNetEventSubscribe{generation}", 0x80320013, times=0)
    simulator.net_event(KERNEL_DROP, 1)
    async with listening(library, simulator, SLOW) as net_events:
        assert await codes(net_events) == [1]
        assert (net_events.collection, net_events.subscription_state) == ("disabled", "inactive")


async def test_an_event_without_a_time_is_taken_for_a_stored_one_only_at_the_start(
    library: Library, simulator: Simulator
) -> None:
    simulator.set_option(Option.UNTIMED_NOTIFICATIONS)
    simulator.net_event(KERNEL_DROP, 1)
    async with listening(library, simulator, SLOW) as net_events:
        assert await codes(net_events) == [1]
        await anyio.sleep(START_SECONDS + 0.5)
        simulator.net_event(KERNEL_DROP, 1)
        await delivered(simulator)

        assert await codes(net_events) == [1, 1]


async def test_an_engine_without_subscriptions_shows_its_history(
    library: Library, simulator: Simulator
) -> None:
    for generation in range(5):
        simulator.fail(f"FwpmNetEventSubscribe{generation}", 1745, times=0)
    simulator.net_event(KERNEL_DROP, 1)
    async with listening(library, simulator) as net_events:
        assert await codes(net_events) == [1]
        assert net_events.subscription_state is SubscriptionState.NOT_SUPPORTED
        assert isinstance(net_events.subscription_error, NotSupported)


async def test_an_engine_without_an_enumeration_is_listened_to(
    library: Library, simulator: Simulator
) -> None:
    for generation in range(6):
        simulator.fail(f"FwpmNetEventEnum{generation}", 1745, times=0)
    simulator.net_event(KERNEL_DROP, 1)
    async with listening(library, simulator) as net_events:
        assert await codes(net_events) == []
        simulator.net_event(KERNEL_DROP, 2)
        await delivered(simulator)
        assert await codes(net_events) == [2]


@pytest.mark.parametrize(
    ("function", "code", "error"),
    [
        ("FwpmEngineOpen0", 1753, EngineGone),
        ("FwpmNetEventSubscribe4", 5, AccessDenied),
        ("FwpmNetEventCreateEnumHandle0", 5, AccessDenied),
        ("FwpmNetEventEnum5", 1726, EngineGone),
        ("FwpmNetEventDestroyEnumHandle0", 1726, EngineGone),
    ],
)
async def test_nothing_is_shown_before_the_engine_answered(
    library: Library, simulator: Simulator, function: str, code: int, error: type[Exception]
) -> None:
    simulator.fail(function, code, times=0)
    async with listening(library, simulator) as net_events:
        with pytest.raises(error):
            await shown(net_events)
        simulator.net_event(KERNEL_DROP, 1)
        simulator.clear_failures()
        await until(lambda: net_events.subscription_state is SubscriptionState.ACTIVE)

        assert await codes(net_events) == [1]


async def test_waiters_are_notified_of_the_stop(library: Library) -> None:
    net_events = NetEventCollector(library)  # does not run: the engine never answers

    async def rejected(ask: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(ShuttingDown):
            await ask()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rejected, lambda: shown(net_events))
            tasks.start_soon(rejected, NetEventWatcher(net_events, NetEventSelection(), None).begin)
            await anyio.wait_all_tasks_blocked()
            net_events.stop()
        await rejected(lambda: shown(net_events))  # and later waiters


async def test_silence_is_not_shown_as_an_empty_list(
    library: Library, simulator: Simulator
) -> None:
    simulator.net_event(KERNEL_DROP, 1)
    simulator.delay("FwpmEngineOpen0", 300)
    async with listening(
        library, simulator, replace(SLOW, engine_timeout_seconds=0.01)
    ) as net_events:
        with pytest.raises(EngineTimedOut):
            await shown(net_events)
        with pytest.raises(EngineTimedOut):
            await NetEventWatcher(net_events, NetEventSelection(), None).begin()
        await until(lambda: net_events.is_ready)

        assert await codes(net_events) == [1]


@pytest.mark.parametrize(
    "function",
    [
        "FwpmEngineOpen0",
        "FwpmNetEventEnum5",
        "FwpmEngineGetOption0",
        "FwpmNetEventUnsubscribe0",
        "FwpmEngineClose0",
    ],
)
async def test_a_call_that_hangs_does_not_keep_who_stops(
    library: Library, simulator: Simulator, function: str
) -> None:
    is_at_end = function in {"FwpmNetEventUnsubscribe0", "FwpmEngineClose0"}
    net_events = NetEventCollector(library, LIMITS)
    simulator.delay(function, 2500)
    async with net_events.running():
        await until(lambda: net_events.is_ready if is_at_end else simulator.calls(function) > 0)
        began = time.monotonic()
        net_events.stop()
    seconds = time.monotonic() - began

    assert CLOSE_SECONDS / 2 < seconds < CLOSE_SECONDS + 1  # it did hang
    await until(lambda: simulator.open_handles() == 0)  # if it ends, nothing is left
    assert (open_subscriptions(), simulator.unfreed_blocks(), simulator.misuses()) == ([], 0, 0)


async def test_the_list_is_shown_until_the_end(library: Library, simulator: Simulator) -> None:
    simulator.net_event(KERNEL_DROP, 1)
    async with listening(library, simulator, SLOW) as net_events:
        await until(lambda: net_events.is_ready)
        net_events.stop()

        assert await codes(net_events) == [1]


async def test_what_came_too_fast_leaves_a_gap_in_the_numbers(
    library: Library, simulator: Simulator
) -> None:
    async with listening(library, simulator, replace(SLOW, max_net_events=10)) as net_events:
        await shown(net_events)
        begun = net_events.buffer.newest
        for code in range(25):
            simulator.net_event(KERNEL_DROP, code)
        await delivered(simulator)

        assert await codes(net_events) == [*range(15, 25)]
        assert net_events.buffer.newest.number == 25
        found = await net_events.select(NetEventSelection(since=begun), 100)
        assert found.missed


async def test_what_came_too_fast_to_be_kept_is_reported_all_the_same(
    library: Library, simulator: Simulator
) -> None:
    observed: list[Any] = []
    async with listening(library, simulator, replace(SLOW, max_net_events=10)) as net_events:
        net_events.on_event = observed.append
        await shown(net_events)
        for code in range(25):
            simulator.net_event(KERNEL_DROP, code)
        assert simulator.flush()  # the loop waits, too

        assert len(await codes(net_events)) == 10
        assert [event.failure.failure_status for event in observed] == [*range(25)]


async def test_failures_of_every_kind_leave_nothing_and_lose_nothing(
    library: Library, simulator: Simulator
) -> None:
    async with listening(library, simulator, replace(LIMITS, max_net_events=1000)) as net_events:
        await until(lambda: net_events.is_ready)
        simulator.fail_randomly(300_000, 1)
        for code in range(100):
            simulator.net_event(KERNEL_DROP, code)
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
        simulator.fail_randomly(0)
        await until(lambda: net_events.subscription_state is SubscriptionState.ACTIVE)
        await delivered(simulator)

        assert sorted(await codes(net_events)) == [*range(100)]
