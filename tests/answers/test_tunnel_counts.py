"""The counts of SA contexts between endpoints: no change is lost, and other tasks run meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from threading import Event
from typing import Final

import pytest

from app.answers.peers.aggregate import Peers
from app.answers.tunnels import counts
from app.answers.tunnels.configured import ConfiguredTunnel
from app.answers.tunnels.counts import MANY, NOTHING, Counted, TunnelCounts
from app.repository.query.filters import Key
from app.schemas.names import KeyModule


LOCAL: Final = b"\x0a\0\0\1"
REMOTE: Final = b"\x0a\0\0\2"
TUNNEL: Final = ConfiguredTunnel(
    7, KeyModule.IKEV2, LOCAL, (REMOTE,), None, is_template=False, names=b"", members=b""
)


class SlowCount:
    """Counts every context as complete, and waits in a thread until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.may_end = Event(), Event()
        monkeypatch.setattr(counts, "by_local", self)

    def __call__(self, keys: Collection[Key], _remote: bytes) -> dict[bytes | None, Counted]:
        if len(keys) > MANY:
            self.began.set()
            self.may_end.wait()
        return {LOCAL: Counted(len(keys), len(keys))}


def contexts(number: int) -> dict[int, Key]:
    return dict.fromkeys(range(number), b"\0")  # half-built, without an SA


@pytest.mark.parametrize("is_cancelled", [False, True])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_change_while_a_thread_counts_is_counted_next(
    monkeypatch: pytest.MonkeyPatch, *, is_new: bool, is_cancelled: bool
) -> None:
    slow = SlowCount(monkeypatch)

    async def main() -> None:
        peers = Peers()
        tunnels = TunnelCounts(peers)
        if not is_new:
            await tunnels.count({REMOTE})
            assert tunnels.of(TUNNEL) == NOTHING
        await peers.replace_contexts({REMOTE: contexts(MANY + 1)}, None)
        tunnels.mark({REMOTE})
        counting = asyncio.create_task(tunnels.count({REMOTE}))
        await asyncio.to_thread(slow.began.wait)
        await peers.replace_contexts({}, None)
        tunnels.mark({REMOTE})
        if is_cancelled:
            counting.cancel()
        slow.may_end.set()
        await asyncio.wait([counting])
        await tunnels.count({REMOTE})
        assert tunnels.of(TUNNEL) == NOTHING

    asyncio.run(main())


def test_a_cancelled_count_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowCount(monkeypatch)
    slow.may_end.set()

    async def main() -> None:
        peers = Peers()
        tunnels = TunnelCounts(peers)
        await tunnels.count({REMOTE})
        await peers.replace_contexts({REMOTE: contexts(MANY + 1)}, None)
        tunnels.mark({REMOTE})
        counting = asyncio.create_task(tunnels.count({REMOTE}))
        await asyncio.sleep(0)
        counting.cancel()
        await asyncio.wait([counting])
        await tunnels.count({REMOTE})
        assert tunnels.of(TUNNEL).contexts == MANY + 1

    asyncio.run(main())


def test_other_tasks_run_while_many_small_peers_are_counted() -> None:
    number, each = 40, 100
    remotes = {b"\x0a\0\1" + bytes([at]) for at in range(number)}

    async def main() -> int:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        peers = Peers()
        keys = {remote: contexts(each) for remote in remotes}
        await peers.replace_contexts(keys, None)
        turning = asyncio.create_task(turn())
        await TunnelCounts(peers).count(remotes)
        turning.cancel()
        return turns

    assert asyncio.run(main()) >= number * each // (2 * MANY)
