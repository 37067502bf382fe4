"""The queue of TLS handshakes: shares of the processor and of networks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from app.server.tls.handshake_queue import PROCESSOR_SHARE, HandshakeQueue


STEP_SECONDS = 0.01


class Handshakes:
    """Handshakes that each take a hundredth of a second, in the order in which they start."""

    def __init__(self, verified: str = "") -> None:
        self.queue = HandshakeQueue(lambda network: network == verified)
        self.started: list[str] = []

    async def run(self, network: str) -> None:
        await self.queue.turn(network)
        self.started.append(network)
        self.queue.spend(STEP_SECONDS)


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 20))


def test_handshakes_use_a_share_of_the_processor() -> None:
    async def main() -> None:
        handshakes, count = Handshakes(), 12
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(handshakes.run("a") for _ in range(count)))
        took = asyncio.get_running_loop().time() - began

        # Some start before the cost of the first is known.
        assert took >= (count - 3) * STEP_SECONDS / PROCESSOR_SHARE

    run(main())


def test_networks_take_turns() -> None:
    async def main() -> None:
        handshakes = Handshakes()
        networks = [*["flood"] * 20, "a", "b"]
        await asyncio.gather(*map(handshakes.run, networks))

        assert sorted(handshakes.started[:4]) == ["a", "b", "flood", "flood"]

    run(main())


def test_network_with_an_accepted_credential_waits_for_one_other_at_most() -> None:
    async def main() -> None:
        handshakes = Handshakes(verified="known")
        networks = [*[f"flood {n}" for n in range(20)], *["known"] * 3]
        await asyncio.gather(*map(handshakes.run, networks))

        assert [n for n, network in enumerate(handshakes.started) if network == "known"][-1] <= 5

    run(main())


@pytest.mark.parametrize("position", [0, 1])
def test_cancelled_turn_costs_nothing(position: int) -> None:
    async def main() -> None:
        queue = HandshakeQueue(lambda _network: False)
        turns = [queue.turn("a"), queue.turn("a")]
        turns[position].cancel()

        await turns[1 - position]

    run(main())
