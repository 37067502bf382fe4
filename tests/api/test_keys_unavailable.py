"""Without its file of API keys, a server rejects all keys and reports why."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from sa_contexts_simulator import Simulator

from tests.api.test_access import bearer
from tests.api.test_access_ends import kinds
from tests.api.test_engine import until
from tests.api.test_problems import assert_problem
from tests.auth.made import look_at_keys, make_key
from tests.auth.oidc import AUDIENCE, issuing
from tests.cli.served import SECONDS, served
from tests.conftest import Serve


pytestmark = pytest.mark.usefixtures("simulator")

READABLE = "sa_contexts_api_keys_readable"


def test_a_server_without_its_keys_rejects_them_and_takes_tokens(
    serve: Serve, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    key = make_key(keys, "sa:read")
    good = keys.read_bytes()
    with issuing() as oidc:
        client = serve(
            contexts=3,
            api_keys_file=keys,
            api_keys_grace_seconds=0,
            oidc_issuer=oidc.url,
            oidc_audience=AUDIENCE,
        )
        token = oidc.token(scope="sa:read metrics:read")
        until(lambda: client.get("/health/ready").status_code == 200)
        assert client.get("/engine", headers=bearer(token)).json()["reasons"] == []
        assert f"{READABLE} 1.0" in client.get("/metrics", headers=bearer(token)).text
        keys.unlink()
        look_at_keys(client)

        for text in (key, key[:-1] + "~"):
            response = client.get("/sa-contexts", headers=bearer(text))
            assert_problem(response, 503, "api_keys_unavailable")
            assert int(response.headers["retry-after"]) > 0
            assert "www-authenticate" not in response.headers
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/ready").json() == {"status": "not_ready"}
        engine = client.get("/engine", headers=bearer(token)).json()
        assert engine["ready"] is False
        assert [each["code"] for each in engine["reasons"]] == ["api_keys_unavailable"]
        metrics = client.get("/metrics", headers=bearer(token)).text
        assert f"{READABLE} 0.0" in metrics
        assert (
            'sa_contexts_credential_rejections_total{reason="api_keys_unavailable"} 2.0' in metrics
        )

        keys.write_bytes(good)
        look_at_keys(client)
        assert client.get("/sa-contexts", headers=bearer(key)).status_code == 200
        assert client.get("/health/ready").status_code == 200


def test_a_stream_ends_when_the_server_loses_its_keys(simulator: Simulator, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = make_key(keys, "events:read")
    assert simulator.count() == 0
    with (
        served(3, api_keys_file=keys, api_keys_grace_seconds=0) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client,
        client.stream("GET", "/sa-contexts/events", headers=bearer(key)) as response,
    ):
        received = kinds(response)
        assert next(received) == "begun"
        keys.rename(tmp_path / "elsewhere.json")

        assert list(received)[-1] == "reconnect"
        assert_problem(client.get("/engine", headers=bearer(key)), 503, "api_keys_unavailable")


def test_a_server_without_a_file_of_keys_has_no_metric_of_it(serve: Serve) -> None:
    assert READABLE not in serve().get("/metrics").text
