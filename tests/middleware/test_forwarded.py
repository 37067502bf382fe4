"""The client's address: only a trusted proxy's word replaces that of the connection."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from sa_contexts_simulator import Simulator

from app.settings.limits import ConnectionLimits
from app.settings.model import Settings
from tests.api.test_access import bearer
from tests.auth.made import make_key
from tests.cli.served import served
from tests.conftest import Serve
from tests.middleware.test_rate_limits import at


NONE: dict[str, Any] = {}
QUOTA = 5
PROXY = "10.0.0.1"


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


class Proxied:
    """A server that trusts a proxy, and requests that the proxy forwards.

    Attributes:
        keys: two valid keys.
    """

    def __init__(self, serve: Serve, folder: Path, **settings: Any) -> None:
        file = folder / "keys.json"
        self.keys = [make_key(file, "sa:read", name=name) for name in ("one", "other")]
        self._client = at(
            serve(contexts=3, trusted_proxies=(f"{PROXY}/32",), api_keys_file=file, **settings),
            PROXY,
        )

    def request(self, client: str | None, key: str, path: str = "/sa-contexts") -> int:
        """Request a path with a key, and return the response's status."""
        headers = {"x-forwarded-for": client} if client else {}
        status: int = self._client.get(path, headers={**headers, **bearer(key)}).status_code
        return status


@pytest.fixture
def proxied(serve: Serve, tmp_path: Path) -> Proxied:
    return Proxied(serve, tmp_path)


def test_wrong_keys_of_a_neighbour_behind_the_same_proxy_block_no_new_key(proxied: Proxied) -> None:
    wrong = [proxied.keys[0][:-5] + f"{number:05}" for number in range(40)]

    guesses = Counter(proxied.request("192.0.2.66", guess) for guess in wrong)

    assert guesses == {401: 30, 429: 10}
    assert proxied.request("192.0.2.17", proxied.keys[0]) == 200
    assert proxied.request("192.0.2.66", proxied.keys[1]) == 429


def test_a_client_with_many_addresses_in_the_header_is_one_client(proxied: Proxied) -> None:
    """The proxy appends the client's address to what the client sent."""
    wrong = [proxied.keys[0][:-5] + f"{number:05}" for number in range(40)]

    statuses = Counter(
        proxied.request(f"198.51.100.{number}, 192.0.2.66", guess)
        for number, guess in enumerate(wrong)
    )

    assert statuses == {401: 30, 429: 10}


def test_a_proxy_that_names_no_client_is_one_client(proxied: Proxied) -> None:
    wrong = [proxied.keys[0][:-5] + f"{number:05}" for number in range(40)]

    statuses = Counter(
        proxied.request((None, "unknown", "?")[number % 3], guess)
        for number, guess in enumerate(wrong)
    )

    assert statuses == {401: 30, 429: 10}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-for": "192.0.2.17"},
        {"forwarded": 'for="[2001:db8::17]:50123"'},
        {"x-forwarded-for": "127.0.0.1"},
        {"x-forwarded-for": "unknown"},
        {},
    ],
)
def test_requests_of_a_proxy_on_this_host_are_limited(
    serve: Serve, headers: dict[str, str]
) -> None:
    """Without credentials, other callers on this host have no limit."""
    client = serve(trusted_proxies=("127.0.0.1",), rate_limit_per_caller=QUOTA)

    def statuses(address: str) -> list[int]:
        client_ = at(client, address)
        return [client_.get("/sa-contexts", headers=headers).status_code for _ in range(QUOTA + 1)]

    assert statuses("127.0.0.1") == [200] * QUOTA + [429]
    assert statuses("127.0.0.2") == [200] * (QUOTA + 1)


def test_the_log_names_the_client_and_the_proxy(proxied: Proxied) -> None:
    with structlog.testing.capture_logs() as entries:
        proxied.request("198.51.100.1, [2001:db8::17]:50123", proxied.keys[0])
        proxied.request(None, proxied.keys[0])

    logged = [(entry["client"], entry.get("proxy")) for entry in entries]
    assert logged == [("2001:db8::17", PROXY), (PROXY, None)]


@pytest.mark.parametrize("proxies", ["0.0.0.0/0", "::/0", "10.0.0.1/8", "proxy.example", "10.0.0"])
def test_what_is_no_network_of_proxies_is_rejected_as_a_setting(
    monkeypatch: pytest.MonkeyPatch, proxies: str
) -> None:
    monkeypatch.setenv("SA_CONTEXTS_TRUSTED_PROXIES", f"192.0.2.1,{proxies}")

    with pytest.raises(ValueError, match="trusted_proxies"):
        Settings(**NONE)


def test_networks_of_proxies_are_configured_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SA_CONTEXTS_TRUSTED_PROXIES", "192.0.2.1, 2001:db8:1::/64")

    networks = Settings(**NONE).limits(ConnectionLimits).trusted_proxies
    assert networks == (ip_network("192.0.2.1"), ip_network("2001:db8:1::/64"))
