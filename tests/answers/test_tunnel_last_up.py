"""When endpoints were last up: for an hour, and for a bounded number of endpoints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from app.answers.tunnels import last_up
from app.answers.tunnels.configured import ConfiguredTunnel
from app.answers.tunnels.last_up import LastUp
from app.schemas.names import KeyModule


NOW: Final = datetime(2026, 11, 30, tzinfo=UTC)


def tunnel(number: int, key: int = 1) -> ConfiguredTunnel:
    remote = b"\x0a\x01" + number.to_bytes(2)
    return ConfiguredTunnel(
        key, KeyModule.IKEV2, None, (remote,), None, is_template=True, names=b"", members=b""
    )


def test_the_time_is_that_of_the_endpoints_whatever_the_key() -> None:
    times = LastUp()
    times.see(tunnel(1, key=7), NOW)

    assert times.of(tunnel(1, key=8)) == NOW
    assert times.of(tunnel(2, key=7)) is None


def test_a_time_is_kept_for_an_hour() -> None:
    times = LastUp()
    times.see(tunnel(1), NOW)
    times.see(tunnel(2), NOW)
    times.see(tunnel(1), NOW + timedelta(seconds=1))
    times.expire(NOW + timedelta(hours=1), 0)
    assert times.of(tunnel(2)) == NOW

    times.expire(NOW + timedelta(hours=1, seconds=1), 0)

    assert times.of(tunnel(1)) == NOW + timedelta(seconds=1)
    assert times.of(tunnel(2)) is None


def test_endpoints_without_a_tunnel_are_bounded() -> None:
    times = LastUp()
    number = last_up.MAX_OTHERS + 10
    for each in range(number):
        times.see(tunnel(each), NOW)

    times.expire(NOW, 3)

    kept = [each for each in range(number) if times.of(tunnel(each)) is not None]
    assert kept == [*range(7, number)]
