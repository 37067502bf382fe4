"""The history: one row a minute for a day, in fixed memory, honest about what is unknown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.answers.history.recorder import HistoryRecorder
from app.answers.history.rows import MAX_PROTECTIONS, MINUTES, HistoryRows, Measured
from app.repository.deadlines import EngineDeadline
from app.repository.engine_calls import EngineCalls
from app.resources.net_events.collector import NetEventCollector
from app.resources.statistics.sampler import StatisticsSampler
from app.schemas.names import Weakness
from app.settings.limits import NetEventLimits
from bindings.engine import Engine
from bindings.errors import EngineError
from bindings.library import Library
from tests.auth.made import make_key
from tests.conftest import Serve
from tests.repository.stores import running_store, until
from tests.soak.schemas import SCHEMA, reason_against


NOBODY = ("saContexts", "protections", "weaknesses", "failures", "bytesInbound", "bytesOutbound")
BEGAN = 29_000_000
"""A minute in 2025."""

STEPS = st.lists(st.integers(-3, 5) | st.sampled_from([-2000, -1440, 1439, 1440, 1441]), max_size=9)


def rows_of(history: HistoryRows, since: int | None = None, *, sees: bool = True) -> list[Any]:
    time = None if since is None else datetime.fromtimestamp(since * 60 - 1, UTC)
    return [orjson.loads(row) for row in history.since(time, with_failures=sees)]


@given(steps=STEPS, since=st.none() | st.integers(-30, 30))
def test_rows_are_those_of_the_last_day(steps: list[int], since: int | None) -> None:
    history, model, minute = HistoryRows(), dict[int, int](), BEGAN
    for number, step in enumerate(steps):
        minute += step
        history.add(minute, Measured(contexts=number, failures=number))
        model = {at: value for at, value in model.items() if minute - MINUTES < at < minute}
        model[minute] = number

    first = min(model, default=0) if since is None else BEGAN + since
    shown = {
        datetime.fromisoformat(row["time"]).timestamp() // 60: row["saContexts"]
        for row in rows_of(history, None if since is None else BEGAN + since)
    }
    assert [*shown] == sorted(shown)
    assert {at: value for at, value in shown.items() if value is not None} == {
        at: value for at, value in model.items() if at >= first
    }
    if shown:
        assert [*shown] == [*range(int(min(shown)), minute + 1)]


def test_minutes_without_a_row_are_unknown() -> None:
    history = HistoryRows()
    history.add(BEGAN, Measured(1, {"ESP x": 1}, {"ikev1": 1}, 2, 3, 4))
    history.add(BEGAN + 2, Measured(failures=5))

    first, missing, last = rows_of(history)
    assert first == {
        "time": "2025-02-19T21:20:00Z",
        "saContexts": 1,
        "protections": [{"protection": "ESP x", "saContexts": 1}],
        "weaknesses": [{"weakness": "ikev1", "saContexts": 1}],
        "failures": 2,
        "bytesInbound": "3",
        "bytesOutbound": "4",
    }
    assert missing == {"time": "2025-02-19T21:21:00Z", **dict.fromkeys(NOBODY)}
    assert last == {"time": "2025-02-19T21:22:00Z", **dict.fromkeys(NOBODY), "failures": 5}
    assert [row["failures"] for row in rows_of(history, sees=False)] == [None, None, None]


def test_memory_is_bounded_whatever_protections_there_are() -> None:
    history = HistoryRows()
    weaknesses = {weakness.value: 10**9 for weakness in Weakness}
    for minute in range(2 * MINUTES):
        protections = {f"{'x' * 90}{minute}-{number}": 10**9 - number for number in range(100)}
        history.add(
            minute, Measured(10**9, {**protections, "y" * 1000: 5}, weaknesses, 1, 2**63, 2**63)
        )

    rows = [*history.since(None, with_failures=True)]
    assert len(rows) == MINUTES
    assert sum(map(len, rows)) < 10 << 20
    last = orjson.loads(rows[-1])
    assert len(last["protections"]) == MAX_PROTECTIONS + 1
    assert last["protections"][-1] == {
        "protection": "other",
        "saContexts": 5 + sum(10**9 - number for number in range(MAX_PROTECTIONS, 100)),
    }


@asynccontextmanager
async def recording(library: Library) -> AsyncIterator[HistoryRecorder]:
    net_events = NetEventCollector(library, NetEventLimits())
    with Engine(library) as engine:
        deadline = EngineDeadline(30)
        statistics = StatisticsSampler(
            engine, EngineCalls(deadline), deadline, clock=iter(range(10**6)).__next__
        )
        async with running_store(library) as store, net_events.running():
            await net_events.wait_until_ready()
            await store.snapshot_at_most(3600)
            yield HistoryRecorder(store, net_events, statistics)


@pytest.mark.anyio
async def test_a_minute_counts_what_there_is_and_what_happened(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(50)
    async with recording(library) as history:
        first = await history.measure()
        assert (first.contexts, first.failures, first.bytes_inbound) == (50, None, None)
        for code in (1, 2, 3):
            simulator.net_event(4, code)
        assert simulator.flush()
        simulator.delete(simulator.ids()[0])
        simulator.churn(500)  # which lets the simulated time pass, so that bytes are transferred
        store = history._contexts  # noqa: SLF001  # the same snapshot
        snapshot = await store.snapshot_at_most(0)

        second = await history.measure()

    items = [orjson.loads(snapshot.blocks[at]) for at in range(len(snapshot.ids))]
    assert second.contexts == len(items)
    assert second.failures is not None
    assert second.failures >= 3
    assert second.bytes_inbound is not None
    assert second.bytes_outbound is not None
    assert second.bytes_inbound + second.bytes_outbound > 0
    expected: dict[str, int] = {}
    for item in items:
        sas = [sa for sa in (item["inboundSa"], item["outboundSa"]) if sa]
        for weakness in {each for sa in sas for each in sa["weaknesses"]}:
            expected[weakness] = expected.get(weakness, 0) + 1
    assert second.weaknesses == expected
    assert second.protections is not None
    assert sum(second.protections.values()) >= sum(
        bool(item["inboundSa"] or item["outboundSa"]) for item in items
    )


@pytest.mark.anyio
async def test_nothing_is_known_while_the_engine_is_down(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(5)
    async with recording(library) as history:
        await history.measure()
        simulator.stop_engine()
        store = history._contexts  # noqa: SLF001  # to fail now
        with pytest.raises(EngineError):
            await store.snapshot_at_most(0)
        down = await history.measure()
        assert (down.contexts, down.protections, down.weaknesses) == (None, None, None)
        assert (down.bytes_inbound, down.bytes_outbound) == (None, None)

        simulator.start_engine()
        await store.snapshot_at_most(0)
        assert (await history.measure()).bytes_inbound is None  # the counters began at 0 again
        await until(lambda: store.is_ready)
        again = await history.measure()
        assert again.contexts == simulator.count()
        assert again.bytes_inbound is not None


def test_failures_are_shown_only_to_those_who_may_see_them(serve: Serve, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    sa, both, none = (
        make_key(keys, *scopes)
        for scopes in (("sa:read",), ("sa:read", "diagnostics:read"), ("diagnostics:read",))
    )
    client = serve(api_keys_file=keys)
    history = _recorder(client).rows
    history.add(int(datetime.now(UTC).timestamp() // 60), Measured(3, {}, {}, 7, 1, 2))

    def get(key: str) -> Any:
        return client.get("/history?since=1h", headers={"Authorization": f"Bearer {key}"})

    assert [get(each).status_code for each in (sa, both, none)] == [200, 200, 403]
    for key, failures in ((sa, None), (both, 7)):
        found = get(key).json()
        assert reason_against(found, SCHEMA + "History") is None
        assert [row["failures"] for row in found["items"]] == [failures]
        assert get(key).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("query", ["since=x", "since=1h&since=2h", "limit=5", "cursor=x"])
def test_what_is_not_a_parameter_is_reported(client: TestClient, query: str) -> None:
    answer = client.get(f"/history?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameters")


def _recorder(client: TestClient) -> HistoryRecorder:
    app: Any = client.app
    recorder: HistoryRecorder = app.state.service.part(HistoryRecorder)
    return recorder
