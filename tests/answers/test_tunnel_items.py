"""The numbers of a tunnel whose remote endpoint is a name with several addresses."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.answers.peers.parts import number_of
from app.answers.peers.traffic import NOT_COUNTED, Totals, Traffic
from app.answers.tunnels.configured import ConfiguredTunnel
from app.answers.tunnels.counts import Counted
from app.answers.tunnels.item import Observation, numbers_of
from app.schemas.names import KeyModule


ONE, OTHER, THIRD = b"\x0a\0\0\1", b"\x0a\0\0\2", b"\x0a\0\0\3"
TOTALS = Totals(
    is_counted=True,
    peers={
        number_of(ONE): Traffic(1, 20, 300, 4000),
        number_of(OTHER): Traffic(5, 60, 700, 8000),
        number_of(THIRD): Traffic(9, 9, None, None),
    },
)


def numbers(remotes: tuple[bytes, ...], totals: Totals) -> list[Any]:
    tunnel = ConfiguredTunnel(
        1, KeyModule.IKEV2, None, remotes, "hq.example", is_template=True, names=b"", members=b""
    )
    observation = Observation(tunnel, Counted(3, 2), None, is_failing=False, is_expected=False)
    text = numbers_of(observation, totals, sees_failures=True)
    shown = orjson.loads(b"{%b}" % text[1:])
    assert (shown["saContexts"], shown["completeSaContexts"]) == (3, 2)
    assert shown["lastFailure"] is None
    return [value for name, value in shown.items() if name.startswith("bytes")]


@pytest.mark.parametrize(
    ("remotes", "totals", "shown"),
    [
        ((ONE,), TOTALS, ["1", "20", 300, 4000]),
        ((ONE, OTHER), TOTALS, ["6", "80", 1000, 12000]),
        ((ONE, THIRD), TOTALS, ["10", "29", None, None]),
        ((ONE, b"\x0a\0\0\4"), TOTALS, ["1", "20", 300, 4000]),
        ((), TOTALS, [None] * 4),
        ((ONE, OTHER), NOT_COUNTED, [None] * 4),
    ],
)
def test_bytes_are_those_of_all_addresses(
    remotes: tuple[bytes, ...], totals: Totals, shown: list[Any]
) -> None:
    assert numbers(remotes, totals) == shown
