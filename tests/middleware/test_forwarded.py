"""What a client says of its address is not believed: only its connection counts."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from sa_contexts_simulator import Simulator

from tests.auth.made import make_key
from tests.cli.served import served


QUOTA = 5


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Forwarded-For", "198.51.100.{}"),
        ("X-Forwarded-For", "198.51.100.{}, 127.0.0.1"),
        ("X-Real-IP", "198.51.100.{}"),
        ("Forwarded", "for=198.51.100.{}"),
    ],
)
def test_an_address_in_a_header_has_no_quota_of_its_own(
    simulator: Simulator, tmp_path: Path, header: str, value: str
) -> None:
    """By default, uvicorn believes the headers of every client that connects over loopback."""
    make_key(keys := tmp_path / "keys.json", "sa:read")
    assert simulator.count() == 0
    with (
        served(3, api_keys_file=keys, rate_limit_per_address=QUOTA) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        statuses = [
            client.get("/problems/not_found", headers={header: value.format(number)}).status_code
            for number in range(QUOTA + 1)
        ]

    assert statuses == [200] * QUOTA + [429]
