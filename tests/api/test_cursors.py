"""Made-up cursors: the answer is 400 or 410, and the links of a 410 work."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from json import dumps
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.schemas.names import Cipher
from tests.api.test_problems import assert_problem


def unauthenticated(list_: str = "sa-contexts", **members: Any) -> str:
    """Return a cursor with an unknown key."""
    payload = {"e": "aaaaaaaaaaaa", "r": 1, "a": "1", "k": list_, **members}
    return (
        f"1.00000000.{urlsafe_b64encode(dumps(payload).encode()).decode().rstrip('=')}.{'A' * 22}"
    )


@pytest.mark.parametrize(
    "members",
    [
        {"s": {"x": []}},
        {"s": {"x": ["1"]}},
        {"s": {"spi": ["1_0"]}},
        {"s": {"spi": ["-1"]}},
        {"s": {"spi": ["4294967296"]}},
        {"s": {"spi": ["9" * 5000]}},
        {"s": {"mm_sa_id": ["\u0661"]}},
        {"s": {"local_subnet": ["10.0.0.0/255.0.0.0"]}},
        {"s": {"local_address": ["fe80::1%eth0"]}},
        {"s": {"cipher": ["nothing"]}},
        {"s": {"cipher": [member.value for member in Cipher] * 3}},
        {"s": {"spi": [str(number) for number in range(17)]}},
        {"s": {"limit": ["1"]}},
        {"s": {"limit": []}},
        {"s": {"max_age": ["1"]}},
        {"s": {"cursor": ["x"]}},
        {"s": {"view": ["full"]}},
        {"s": {"": []}},
        {"s": {"local__subnet": []}},
        {"v": "nothing"},
        {"r": 0},
        {"a": "1\n"},
    ],
)
def test_unauthenticated_cursor_with_bad_filters_returns_400(
    client: TestClient, members: dict[str, Any]
) -> None:
    response = client.get("/sa-contexts", params={"cursor": unauthenticated(**members)})

    assert_problem(response, 400, "cursor_invalid")


@pytest.mark.parametrize("list_", ["ike-sas", "connections"])
def test_view_that_a_list_does_not_have_returns_400(client: TestClient, list_: str) -> None:
    response = client.get(f"/{list_}", params={"cursor": unauthenticated(list_, v="basic")})

    assert_problem(response, 400, "cursor_invalid")


NAMES = st.sampled_from(
    ["local_subnet", "localSubnet", "remote_address", "cipher", "spi", "mm_sa_id", "view", "limit"]
)
TEXTS = st.sampled_from(["10.0.0.0/8", "10.0.0.1/8", "::1", "1", "01", "0x1", "none", "a", ""])


@given(st.dictionaries(NAMES | st.text(), st.lists(TEXTS | st.text(), max_size=3), max_size=3))
def test_restart_url_of_an_unauthenticated_cursor_can_be_followed(
    client: TestClient, filters: dict[str, list[str]]
) -> None:
    response = client.get("/sa-contexts", params={"cursor": unauthenticated(s=filters)})

    assert response.status_code in {400, 410}, response.text
    if response.status_code == 410:
        assert client.get("/" + response.json()["restartUrl"]).status_code == 200
