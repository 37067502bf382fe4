"""What one client receives: each matching net event, once, or a note that it missed some."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import anyio.lowlevel
import anyio.to_thread
import orjson
import pytest
from sa_contexts_simulator import Simulator

from app.resources.net_events.buffer import EventId, NetEventSelection
from app.resources.net_events.collector import NetEventCollector
from app.resources.net_events.names import NetEventType
from app.resources.net_events.watcher import NetEventWatcher
from app.settings.limits import NetEventLimits
from bindings.errors import EngineGone
from bindings.library import Library
from tests.sse import Parser


pytestmark = pytest.mark.anyio

LIMITS = NetEventLimits(
    heartbeat_interval_seconds=3600, refresh_retry_seconds=0.01, max_net_events=300
)
EVERYTHING = NetEventSelection()
KERNEL_DROP = 4
EVENT = re.compile(rb"event: (\w+)\nid: (\S+)\ndata: (.*)\n\n")

Told = list[tuple[str, str, int | None]]
"""The name and the id of each event, and the code of its error."""


@asynccontextmanager
async def listening(
    library: Library, limits: NetEventLimits = LIMITS
) -> AsyncIterator[NetEventCollector]:
    net_events = NetEventCollector(library, limits)
    async with net_events.running():
        await net_events.wait_until_ready()
        yield net_events


async def watching(
    net_events: NetEventCollector,
    after: EventId | None = None,
    selection: NetEventSelection = EVERYTHING,
) -> NetEventWatcher:
    watch = NetEventWatcher(net_events, selection, after)
    await watch.begin()
    return watch


async def noted(simulator: Simulator, net_events: NetEventCollector, *codes: int) -> None:
    newest = net_events.buffer.newest.number
    for code in codes:
        simulator.net_event(KERNEL_DROP, code)
    with anyio.fail_after(20):
        while net_events.buffer.newest.number < newest + len(codes):
            await net_events.notifier.wait(noted)


async def taken(watch: NetEventWatcher) -> Told:
    """Return all events available now."""
    text = b""
    while (part := await watch.next_batch()) is not None:
        text += part
    found = EVENT.findall(text)
    assert b"".join(b"event: %b\nid: %b\ndata: %b\n\n" % each for each in found) == text
    return [(k.decode(), i.decode(), _code(data)) for k, i, data in found]


def _code(data: bytes) -> int | None:
    error = orjson.loads(data).get("error")
    return None if error is None else int(error["code"])


async def test_each_event_is_reported_once_with_its_id(
    library: Library, simulator: Simulator
) -> None:
    simulator.net_event(KERNEL_DROP, 1)  # which was before
    async with listening(library) as net_events:
        watch = await watching(net_events)
        assert await taken(watch) == []
        await noted(simulator, net_events, 2, 3)
        epoch = net_events.buffer.epoch

        assert await taken(watch) == [
            ("net_event", f"{epoch}-2", 2),
            ("net_event", f"{epoch}-3", 3),
        ]
        assert await taken(watch) == []
        assert watch.bookmark() is None


async def test_a_client_goes_on_where_it_was(library: Library, simulator: Simulator) -> None:
    async with listening(library) as net_events:
        await noted(simulator, net_events, *range(1, 251))  # more than one piece
        watch = await watching(net_events, EventId(net_events.buffer.epoch, 20))

        assert [code for _, _, code in await taken(watch)] == [*range(21, 251)]


async def test_filters_hold_and_a_bookmark_says_what_was_passed_by(
    library: Library, simulator: Simulator
) -> None:
    selection = NetEventSelection(types=frozenset((NetEventType.UNKNOWN,)))
    async with listening(library) as net_events:
        watch = await watching(net_events, EventId(net_events.buffer.epoch, 0), selection)
        assert watch.bookmark() is None
        await noted(simulator, net_events, 1, 2, 3)

        assert watch.lag == 3
        assert await taken(watch) == []
        assert watch.lag == 0
        [bookmark] = Parser().feed(watch.bookmark() or b"")
        assert (bookmark.kind, bookmark.event_id) == ("bookmark", f"{net_events.buffer.epoch}-3")
        assert bookmark.data.keys() == {"time"}
        assert watch.bookmark() is None


@pytest.mark.parametrize("after", [("0123456789ab", 2), ("", 0), ("own", 3), ("own", 999)])
async def test_what_was_missed_is_reported_by_a_reset(
    library: Library, simulator: Simulator, after: tuple[str, int]
) -> None:
    async with listening(library, replace(LIMITS, max_net_events=5)) as net_events:
        await noted(simulator, net_events, *range(1, 21))
        epoch = net_events.buffer.epoch
        watch = await watching(net_events, EventId(after[0].replace("own", epoch), after[1]))
        assert watch.lag == {("own", 3): 17, ("own", 999): 0}.get(after, 5)

        assert await taken(watch) == [("reset", f"{epoch}-20", None)]
        await noted(simulator, net_events, 21)
        assert await taken(watch) == [("net_event", f"{epoch}-21", 21)]


async def test_a_slow_client_is_reported_what_it_missed(
    library: Library, simulator: Simulator
) -> None:
    async with listening(library, replace(LIMITS, max_net_events=5)) as net_events:
        watch = await watching(net_events)
        for code in range(12):
            await noted(simulator, net_events, code)

        assert [kind for kind, _, _ in await taken(watch)] == ["reset"]


async def test_a_watch_does_not_begin_before_the_engine_answered(
    library: Library, simulator: Simulator
) -> None:
    simulator.stop_engine()
    net_events = NetEventCollector(library, LIMITS)
    async with net_events.running():
        with pytest.raises(EngineGone):
            await watching(net_events)
        simulator.start_engine()
