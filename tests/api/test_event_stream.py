"""Event streams alone: number, lifetime and end, on a simulated clock."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import anyio
import anyio.lowlevel
import httpx2
import pytest
from starlette.types import Message

from app.api import sse as event_stream_module
from app.api.sse import KEEP_ALIVE_SECONDS, EventStream, format_event
from app.net.send_queue import SendQueue
from app.repository.changes import streams as streams_module
from app.repository.changes.streams import StreamRegistry, TooManyStreams
from app.repository.notifier import Notifier
from tests.sse import Parser, careless_messages


pytestmark = pytest.mark.anyio

A_DAY = 86_400.0
REQUEST = httpx2.Request("GET", "http://localhost/sa-contexts/events")


class Source:
    """A source of events that the test adds."""

    def __init__(self, *texts: bytes) -> None:
        self.texts = deque(texts)
        self.notifier = Notifier()
        self.lag = self.sent = 0
        self.mark: bytes | None = None
        self.error: Exception | None = None
        self.closed = 0

    async def begin(self) -> None:
        if self.error is not None:
            raise self.error

    async def next_batch(self) -> bytes | None:
        return self.texts.popleft() if self.texts else None

    def bookmark(self) -> bytes | None:
        mark, self.mark = self.mark, None
        return mark

    def close(self) -> None:
        self.closed += 1


class Client:
    """A client that reads everything, or nothing after some time."""

    def __init__(self) -> None:
        self.start: Message | None = None
        self.body = b""
        self.is_whole = False
        self.is_deaf = False

    async def send(self, message: Message) -> None:
        if self.is_deaf:
            await anyio.sleep_forever()
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message["body"]
            self.is_whole = not message.get("more_body", False)

    @staticmethod
    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in Parser().feed(self.body)]


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(event_stream_module, "time", clock)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def turns() -> None:
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def test_events_are_sent_as_they_come() -> None:
    source, client, streams = (
        Source(format_event("a", "e-1", b"{}")),
        Client(),
        StreamRegistry(1, A_DAY),
    )
    source.mark = format_event("b", "e-0", b"{}")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(EventStream(source, streams), {}, client.receive, client.send)
        await until(lambda: client.kinds == ["b", "a"])
        source.texts += (format_event("c", "e-2", b"{}"), format_event("d", "e-3", b"{}"))
        source.notifier.notify_all()
        await until(lambda: client.kinds == ["b", "a", "c", "d"])
        assert (streams.count, source.closed, client.is_whole) == (1, 0, False)
        streams.stop()
        source.notifier.notify_all()
    assert client.kinds == ["b", "a", "c", "d", "reconnect"]
    assert (streams.count, source.closed, client.is_whole) == (0, 1, True)


@pytest.mark.parametrize(("batches", "waits"), [(1, False), (2, True)])
async def test_only_batches_in_a_row_wait_for_turns(batches: int, *, waits: bool) -> None:
    streams = StreamRegistry(50, A_DAY)
    sources, client = [Source() for _ in range(50)], Client()
    async with anyio.create_task_group() as tasks:
        for source in sources:
            tasks.start_soon(EventStream(source, streams), {}, client.receive, client.send)
        await turns()
        for source in sources:
            source.texts += [format_event("a", "e-1", b"{}")] * batches
            source.notifier.notify_all()
        await until(lambda: len(client.kinds) == 50 * batches)
        tasks.cancel_scope.cancel()
    assert (streams.turns.waits > 0) == waits


async def test_a_silent_stream_says_that_it_is_alive(clock: Clock) -> None:
    source, client, streams = Source(), Client(), StreamRegistry(1, A_DAY)
    parser = Parser()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(EventStream(source, streams), {}, client.receive, client.send)
        await until(lambda: client.start)
        clock.now += KEEP_ALIVE_SECONDS - 1
        source.notifier.notify_all()
        await turns()
        assert parser.feed(client.body) == []
        assert parser.retry_ms == 2000
        begun = len(client.body)
        clock.now += 1
        source.notifier.notify_all()
        await until(lambda: len(client.body) > begun)
        clock.now += KEEP_ALIVE_SECONDS
        source.mark = format_event("bookmark", "e-7", b"{}")
        source.notifier.notify_all()
        await until(lambda: client.kinds == ["bookmark"])
        tasks.cancel_scope.cancel()
    whole = Parser()
    whole.feed(client.body)
    assert whole.comments == 2
    assert whole.is_between_events


@pytest.mark.parametrize("is_silent", [True, False])
async def test_careless_clients_find_no_message_but_the_events(
    clock: Clock, *, is_silent: bool
) -> None:
    source, client, streams = Source(), Client(), StreamRegistry(1, A_DAY)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(EventStream(source, streams), {}, client.receive, client.send)
        await until(lambda: client.start)
        for number in range(3):
            if is_silent:
                clock.now += KEEP_ALIVE_SECONDS
                silent = len(client.body)
                source.notifier.notify_all()
                await until(lambda silent=silent: len(client.body) > silent)  # type: ignore[misc]  # a lambda
            source.texts.append(format_event("a", f"e-{number}", b"{}"))
            source.notifier.notify_all()
            await until(lambda number=number: len(client.kinds) == number + 1)  # type: ignore[misc]  # a lambda
        streams.stop()
        source.notifier.notify_all()
    stream = client.body.decode()
    response = httpx2.Response(
        200, headers={"content-type": "text/event-stream"}, text=stream, request=REQUEST
    )
    found = careless_messages(stream)
    assert found[:3] == [("a", "{}")] * 3
    [(last, data)] = found[3:]
    assert last == "reconnect"
    assert datetime.fromisoformat(json.loads(data)["time"]).utcoffset() == timedelta()
    assert [(event.event, event.data) for event in httpx2.EventSource(response)] == found
    assert [(event.kind, event.text) for event in Parser().feed(client.body)] == found


async def test_a_stream_ends_when_its_time_is_over(clock: Clock) -> None:
    source, client, streams = Source(), Client(), StreamRegistry(1, 100.0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(EventStream(source, streams), {}, client.receive, client.send)
        await until(lambda: client.start)
        clock.now += 89
        source.notifier.notify_all()
        await turns()
        assert not client.is_whole
        clock.now += 11.5
        source.notifier.notify_all()
    assert client.kinds == ["reconnect"]
    assert client.is_whole


async def test_the_registry_wakes_only_the_stream_that_is_due(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "CHECK_SECONDS", 0.01)
    revoked, other, streams = Client(), Client(), StreamRegistry(2, A_DAY)
    notifier, authorized, looks = Notifier(), [True], [0, 0]

    class Counted(Source):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number, self.notifier = number, notifier

        async def next_batch(self) -> bytes | None:
            looks[self.number] += 1
            return None

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(streams.run)
        for number, client in enumerate((revoked, other)):
            stream = EventStream(Counted(number), streams, lambda n=number: n or authorized[0])  # type: ignore[misc]  # a lambda
            tasks.start_soon(stream, {}, client.receive, client.send)
        await until(lambda: looks == [1, 1])
        authorized[0] = False
        await until(lambda: revoked.is_whole)
        assert (revoked.kinds, looks) == (["reconnect"], [1, 1])
        begun = len(other.body)
        clock.now += KEEP_ALIVE_SECONDS
        await until(lambda: len(other.body) > begun)
        clock.now += A_DAY
        await until(lambda: other.is_whole)
        streams.stop()
    assert other.kinds == ["reconnect"]


async def test_a_busy_stream_ends_when_its_time_is_over(clock: Clock) -> None:
    class Busy(Source):
        async def next_batch(self) -> bytes | None:
            clock.now += 1
            await anyio.lowlevel.checkpoint()
            return format_event("a", None, b"{}")

    client = Client()
    await EventStream(Busy(), StreamRegistry(1, 50.0))({}, client.receive, client.send)

    assert 44 <= len(client.kinds) - 1 <= 51
    assert client.kinds[-1] == "reconnect"


async def test_there_are_only_so_many() -> None:
    streams = StreamRegistry(2, A_DAY)
    async with anyio.create_task_group() as tasks:
        clients = [Client(), Client()]
        for client in clients:
            stream = EventStream(Source(), streams)
            tasks.start_soon(stream, {}, client.receive, client.send)
            await until(lambda client=client: client.start)  # type: ignore[misc]  # a lambda
        with pytest.raises(TooManyStreams):
            EventStream(Source(), streams)
        tasks.cancel_scope.cancel()
    assert streams.count == 0
    EventStream(Source(), streams)


async def test_what_cannot_begin_is_no_stream() -> None:
    source, client, streams = Source(), Client(), StreamRegistry(1, A_DAY)
    source.error = KeyError("the engine")
    with pytest.raises(KeyError):
        await EventStream(source, streams)({}, client.receive, client.send)

    assert (client.start, streams.count, source.closed) == (None, 0, 1)


async def test_who_does_not_read_is_ended_some_time_after_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams_module, "CLOSE_SECONDS", 0.05)
    streams, deaf, other = StreamRegistry(2, A_DAY), Client(), Client()
    sources = [Source(), Source()]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(streams.run)
        for source, client in zip(sources, (deaf, other), strict=True):
            tasks.start_soon(EventStream(source, streams), {}, client.receive, client.send)
            await until(lambda client=client: client.start)  # type: ignore[misc]  # a lambda
        deaf.is_deaf = True
        streams.stop()
        for source in sources:
            source.notifier.notify_all()
        await until(lambda: streams.count == 1)
        assert other.kinds == ["reconnect"]
        await until(lambda: streams.count == 0)
    assert not deaf.is_whole
    assert [source.closed for source in sources] == [1, 1]


async def test_the_lag_counts_what_the_client_has_not_acknowledged() -> None:
    streams, source, queue = StreamRegistry(1, A_DAY), Source(), SendQueue(0, 0)
    with streams.register(source, lambda: False, send_queue=lambda: queue):
        source.sent = 5
        assert streams.lag(Source) == 0
        queue, source.sent = SendQueue(100, 40), 8  # 140 bytes up to 8
        assert streams.lag(Source) == 3
        queue, source.sent = SendQueue(130, 60), 9
        assert streams.lag(Source) == 4
        queue = SendQueue(140, 50)
        assert streams.lag(Source) == 1
        source.lag = 2
        assert streams.lag(Source) == 3
        queue = SendQueue(190, 0)
        assert streams.lag(Source) == 2


async def test_the_lag_is_that_of_the_slowest_of_its_kind() -> None:
    class Other(Source):
        pass

    streams, sources = StreamRegistry(5, A_DAY), [Source(), Source(), Other()]
    assert streams.lag(Source) == 0
    async with anyio.create_task_group() as tasks:
        for source, lag in zip(sources, (3, 7, 11), strict=True):
            source.lag = lag
            client = Client()
            tasks.start_soon(EventStream(source, streams), {}, client.receive, client.send)
            await until(lambda client=client: client.start)  # type: ignore[misc]  # a lambda
        assert (streams.lag(Source), streams.lag(Other)) == (7, 11)
        sources[1].lag = 2
        assert streams.lag(Source) == 3
        tasks.cancel_scope.cancel()
    assert (streams.lag(Source), streams.lag(Other)) == (0, 0)
