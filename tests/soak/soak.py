"""A soak: one server, an engine that fails now and then, and clients of every kind."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from traceback import format_exception

from tests.soak import log
from tests.soak.client import Client, Scene, ServerGone
from tests.soak.contract import Violation
from tests.soak.credentials import Credentials, issue
from tests.soak.exports import export, export_ids
from tests.soak.failures import explain_failures, list_failures, watch_failures
from tests.soak.filters import CONNECTIONS, IKE_SAS
from tests.soak.lookups import look_up, poll, probe, read_counters, read_rules, summarize
from tests.soak.memory import Memory, Sample
from tests.soak.people import (
    WATCHED_PEERS,
    WATCHED_TUNNELS,
    read_certificates,
    read_ended,
    read_history,
    read_peers,
    read_tunnels,
    watch_all,
)
from tests.soak.process import Target, running_target
from tests.soak.rejected import err, forge, intrude
from tests.soak.report import Report
from tests.soak.walks import abandon, walk
from tests.soak.watches import watch, watch_to_the_end, watched_ids


CONTEXTS = 2000
CHURN = 100
HOLD_SECONDS = 20
SETTINGS = {
    "simulated_contexts": CONTEXTS,
    "simulated_churn": CHURN,
    "simulated_net_events": 20,
    # Short enough for all limits to be reached within a minute.
    "snapshot_idle_timeout_seconds": 4,
    "max_snapshot_seconds": HOLD_SECONDS,
    "max_snapshots": 24,
    "engine_timeout_seconds": 2,
    "refresh_interval_seconds": 5,
    "refresh_retry_seconds": 0.5,
    "max_journal_bytes": 4 << 20,
    "max_net_events": 200,
    "max_streams": 7,
    "max_stream_seconds": 8,
    "keepalive_timeout_seconds": 20,  # many handshakes at once take long on a busy machine
    "rate_limit_per_address": 6000,  # documents and health, which need no key
}
RESTS = 8
"""The number of rests, in which memory is measured without any snapshot."""
MAX_RESTS = 4 * RESTS
"""The number if outcomes are missing until then, on a busy machine."""
REST_SECONDS = 4
RECOVERY_SECONDS = 10
LAST_WORK_SECONDS = 3
"""How long clients work before the server is stopped in the midst of it."""

Activity = Callable[[Client], Awaitable[None]]

CLIENTS: tuple[tuple[str, int, Activity, float], ...] = (
    ("walker", 4, partial(walk, max_pages=200, pause_seconds=0), 0.5),
    ("leisurely walker", 5, partial(walk, max_pages=50, pause_seconds=1), 0.5),
    ("sleepy walker", 6, partial(walk, max_pages=8, pause_seconds=10), 0.5),
    ("exporter", 2, partial(export, pause_seconds=0, leaves=False), 2),
    ("slow exporter", 4, partial(export, pause_seconds=0.3, leaves=False), 1),
    ("leaving exporter", 2, partial(export, pause_seconds=0.01, leaves=True), 2),
    ("hurried client", 1, abandon, 1),
    *(
        (f"{name} of {listing.path}", count, partial(activity, listing=listing, **habits), 0.5)
        for listing in (IKE_SAS, CONNECTIONS)
        for name, count, activity, habits in (
            ("walker", 2, walk, {"max_pages": 50, "pause_seconds": 0}),
            ("sleepy walker", 1, walk, {"max_pages": 8, "pause_seconds": 10}),
            ("exporter", 1, export, {"pause_seconds": 0.01, "leaves": False}),
        )
    ),
    ("poller", 6, poll, 0.3),
    ("reader", 4, look_up, 0.1),
    ("counter", 3, summarize, 0.3),
    ("prober", 1, probe, 1),
    ("watcher", 3, partial(watch, pause_seconds=0, absent_seconds=1), 0.5),
    ("slow watcher", 1, partial(watch, pause_seconds=0.3, absent_seconds=1), 0.5),
    ("sleepy watcher", 2, partial(watch, pause_seconds=0, absent_seconds=20), 0.5),
    ("counter of the engine", 1, read_counters, 0.5),
    ("reader of rules", 2, read_rules, 0.5),
    ("reader of failures", 2, list_failures, 0.5),
    ("watcher of failures", 1, partial(watch_failures, absent_seconds=1), 0.5),
    ("sleepy watcher of failures", 1, partial(watch_failures, absent_seconds=20), 0.5),
    ("reader of explanations", 1, explain_failures, 1),
    ("reader of peers", 2, read_peers, 0.5),
    ("watcher of peers", 1, partial(watch_all, watched=WATCHED_PEERS, absent_seconds=1), 0.5),
    ("reader of tunnels", 1, read_tunnels, 0.5),
    ("watcher of tunnels", 1, partial(watch_all, watched=WATCHED_TUNNELS, absent_seconds=1), 0.5),
    ("reader of what ended", 2, read_ended, 0.5),
    ("reader of the history", 1, read_history, 2),
    ("reader of certificates", 1, read_certificates, 1),
    ("rejected client", 1, err, 0.1),
    ("intruder", 1, intrude, 1),
    ("forger", 1, forge, 0.2),
)
"""Name, count, task and longest pause of each kind of client."""


async def soak(seconds: float, seed: int) -> Report:
    """Soak a server for this long, and stop it under load.

    Goes on for up to four times as long until every required outcome has occurred.
    """
    with tempfile.TemporaryDirectory() as folder:
        credentials = issue(Path(folder))
        return await _soak(seconds, seed, credentials)


async def _soak(seconds: float, seed: int, credentials: Credentials) -> Report:
    settings = {"simulated_seed": seed, **SETTINGS, **credentials.settings}
    with running_target(**settings) as target:
        scene = Scene(target.url, HOLD_SECONDS, credentials)
        report = Report(scene.outcomes)
        try:
            async with AsyncExitStack() as clients, asyncio.TaskGroup() as tasks:
                _send_clients(scene, seed, clients, tasks)
                last = Client(scene, "last", seed, rests=False)
                clients.push_async_callback(last.close)
                sampling = tasks.create_task(_sample(target, scene, report.memory))
                target.storm(seed)
                rests = report.memory.rests
                while len(rests) < RESTS or (scene.outcomes.missing() and len(rests) < MAX_RESTS):
                    scene.at_work.set()
                    await asyncio.sleep(seconds / RESTS)
                    scene.at_work.clear()
                    rests.append(await _rest(target, last))
                sampling.cancel()
                report.processor_seconds = target.processor_seconds()
                # Clients rest still: they would compete for snapshots with the one that reads here.
                await _settle(target, last, report)
                scene.at_work.set()
                begun = asyncio.Event()
                tasks.create_task(watch_to_the_end(last, begun))
                await begun.wait()
                await asyncio.sleep(LAST_WORK_SECONDS)
                scene.is_stopping = True
                report.end = await asyncio.to_thread(target.stop)
        except* Violation as group:
            report.faults += [str(error) for error in group.exceptions]
        except* Exception as group:  # noqa: BLE001  # it is reported with the findings
            report.faults += ["".join(format_exception(error)) for error in group.exceptions]
        text = target.log()
    report.refreshes_failed = text.count('"refresh_failed"')
    report.faults += log.faults(text)
    return report


def _send_clients(scene: Scene, seed: int, stack: AsyncExitStack, tasks: asyncio.TaskGroup) -> None:
    for kind, count, activity, pause_seconds in CLIENTS:
        for number in range(count):
            client = Client(scene, f"{kind} {number}", seed)
            stack.push_async_callback(client.close)
            tasks.create_task(_live(client, activity, pause_seconds))


async def _live(client: Client, activity: Activity, pause_seconds: float) -> None:
    with suppress(ServerGone):
        while True:
            await activity(client)
            await asyncio.sleep(client.random.uniform(0, pause_seconds))


async def _sample(target: Target, scene: Scene, memory: Memory) -> None:
    """Sample the memory once a second under load."""
    began = time.monotonic()
    while True:
        await scene.at_work.wait()
        memory.samples.append(Sample(time.monotonic() - began, target.resident_bytes()))
        await asyncio.sleep(1)


async def _rest(target: Target, client: Client) -> int:
    """Return the server's memory once no snapshot is leased."""
    began = time.monotonic()
    while (engine := await client.ask("/engine")).content["leasedSnapshots"]:
        if time.monotonic() - began > HOLD_SECONDS + REST_SECONDS:
            raise engine.violation("snapshots are held that nobody uses")
        await asyncio.sleep(0.5)
    levels = []
    for _ in range(REST_SECONDS):
        target.trim()
        levels.append(target.resident_bytes())
        await asyncio.sleep(1)
    return min(levels)


async def _settle(target: Target, client: Client, report: Report) -> None:
    """End faults and changes: the server must recover and show exactly the engine's contexts."""
    ids = await asyncio.to_thread(target.settle)
    began = time.monotonic()
    exported = await export_ids(client, RECOVERY_SECONDS)
    report.recovery_seconds = time.monotonic() - began
    if exported != ids:
        raise Violation("the last export has other contexts than the engine")
    if await watched_ids(client, RECOVERY_SECONDS) != ids:
        raise Violation("a stream begins with other contexts than the engine has")
    ready = await client.ask("/health/ready")
    if ready.status != 200:
        raise ready.violation("the engine is well, and was read")
