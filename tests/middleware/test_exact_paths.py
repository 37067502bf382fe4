"""Near-miss paths: no spelling bypasses authentication or reaches another route."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.test_access import SCOPES, bearer
from tests.api.test_problems import assert_problem
from tests.auth.made import make_key
from tests.conftest import Serve


PUBLIC = ("/health/live", "/health/ready", "/openapi.json", "/docs", "/problems/not_found", "/")
GUARDED = ("/engine", "/sa-contexts", "/sa-contexts/summary", "/metrics", "/ike-sas", "/net-events")


def variants(path: str) -> list[str]:
    """Return spellings of a path that other parsers might accept and no route has."""
    return [
        f"{path}%0a",
        f"{path}%0A%0a",
        f"{path}%0d",
        f"{path}%00",
        f"{path}%0d%0a",
        f"{path}/",
        f"{path};x=1",
        f"{path}%3b",
        f"{path}%3fa=b",
        f"{path}%23",
        f"{path}%20",
        f"{path}~",
        f"/{path}",
        f"/%2f{path[1:]}",
        f"/.%2f{path[1:]}",
        f"/health%2f..{path}",
        f"/docs{path}",
        f"/{path[1:].upper()}X",
        f"/%E2%80%A8{path}",
        f"{path}%E2%80%A8",
        f"{path}%C2%85",
    ]


@pytest.mark.parametrize("path", PUBLIC + GUARDED)
def test_odd_spelling_of_a_path_leads_nowhere(serve: Serve, tmp_path: Path, path: str) -> None:
    key = make_key(tmp_path / "keys.json", *SCOPES)
    client = serve(contexts=1, api_keys_file=tmp_path / "keys.json")

    for variant in variants(path):
        url = f"http://localhost{variant}"
        assert client.get(url).status_code in {401, 404}, variant
        assert client.get(url, headers=bearer(key)).status_code in {404, 422}, variant


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_path_that_ends_in_a_newline_returns_404(serve: Serve, method: str) -> None:
    """`$` also matches before a final newline, and routes are matched by it."""
    client = serve(contexts=1)
    for path in (*PUBLIC, *GUARDED):
        response = client.request(method, f"{path}%0A")
        assert response.status_code == 404
        if method != "HEAD":
            assert_problem(response, 404, "not_found")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_odd_spelling_of_a_probe_is_counted(serve: Serve, tmp_path: Path, path: str) -> None:
    make_key(tmp_path / "keys.json", "sa:read")
    client = serve(api_keys_file=tmp_path / "keys.json", rate_limit_per_address=2)
    answers = [client.get(f"{path}%0a").status_code for _ in range(3)]

    assert answers == [401, 401, 429]
    assert client.get(path).status_code in {200, 503}
