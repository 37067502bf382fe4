"""No response and no log contains key material, which the simulator marks with a canary."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal

import pytest
from sa_contexts_simulator import Simulator

from app.repository.query.cursors import Cursor, CursorKey
from app.resources.sa_contexts.filters import SaContextSelection
from app.telemetry.logging.configuration import LogFile, configure_logging
from app.telemetry.logging.event_log import EventLogSink
from tests.api.test_access import SCOPES, bearer
from tests.api.test_kinds import main_modes
from tests.auth.made import make_key
from tests.auth.oidc import AUDIENCE, issuing
from tests.conftest import Serve
from tests.telemetry.test_event_log import EventLog


TEXT = b"CANARY-KEY-MATERIAL"
NUMBER = 0x4352414E41525921
FUNCTIONS = (
    "FwpmEngineOpen0",
    "FwpmEngineClose0",
    "IPsecSaContextCreateEnumHandle0",
    "IPsecSaContextEnum1",
    "IPsecSaContextDestroyEnumHandle0",
    "IPsecSaContextGetById1",
    "IkeextSaCreateEnumHandle0",
    "IkeextSaEnum2",
    "IkeextSaDestroyEnumHandle0",
    "IkeextSaGetById2",
    "FwpmConnectionCreateEnumHandle0",
    "FwpmConnectionEnum0",
    "FwpmConnectionDestroyEnumHandle0",
)


def traces() -> set[str]:
    """Return the encodings of the canary that might occur."""
    shapes = {TEXT.decode(), TEXT.hex(), repr(TEXT)[2:-1], str(list(TEXT))[1:-1], str(NUMBER)}
    shapes |= {f"{NUMBER:x}", NUMBER.to_bytes(8, "little").hex(), NUMBER.to_bytes(8).decode()}
    shapes |= {b64encode(TEXT[shift:])[4:-6].decode() for shift in range(3)}
    return {shape.lower() for shape in shapes}


def assert_clean(text: str) -> None:
    found = [trace for trace in traces() if trace in text.lower()]
    assert not found, found


def test_the_search_would_find_the_canary() -> None:
    for leak in (TEXT.decode(), TEXT.hex(), b64encode(b"xx" + TEXT).decode(), str(NUMBER)):
        with pytest.raises(AssertionError):
            assert_clean(f"...{leak}...")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_canary_is_in_no_answer_and_no_log(
    serve: Serve,
    simulator: Simulator,
    log_format: Literal["text", "json"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = io.StringIO()
    configure_logging(log_format, "debug", log)
    client = serve(contexts=300, max_snapshots=1)
    other = CursorKey().write(Cursor("0123456789ab", 1, 1, SaContextSelection()))
    ids, connection, main_mode = (
        simulator.ids(),
        simulator.connections()[0],
        main_modes(simulator)[0],
    )
    paths = [
        "/sa-contexts?limit=1000&maxAge=0",
        "/sa-contexts?limit=10&maxAge=0",
        "/sa-contexts?limit=0",
        "/sa-contexts?cursor=x",
        f"/sa-contexts?cursor={other}",
        "/sa-contexts/0",
        "/sa-contexts/x",
        *(f"/sa-contexts/{i}" for i in ids[:50]),
        "/ike-sas?limit=1000&maxAge=0",
        "/ike-sas?cipher=x",
        f"/ike-sas?cursor={other}",
        "/ike-sas/0",
        *(f"/ike-sas/{i}" for i in main_modes(simulator)[:50]),
        "/connections?limit=1000&maxAge=0",
        "/connections?cipher=x",
        f"/connections?cursor={other}",
        "/connections/0",
        *(f"/connections/{i}" for i in simulator.connections()[:50]),
        "/engine",
        "/metrics",
        "/health/live",
        "/health/ready",
        "/problems/engine_error",
        "/openapi.json",
        "/nothing",
    ]
    seen: set[int] = set()

    def exercise(some: list[str]) -> None:
        for path in some:
            response = client.get(path)
            seen.add(response.status_code)
            assert_clean(response.text)
            assert_clean(str(response.headers))

    exercise(paths)
    simulator.churn(5)
    exercise(["/sa-contexts?limit=10&maxAge=0"])  # one snapshot more than the maximum
    for method, accept in (("POST", "*/*"), ("GET", "text/html")):
        response = client.request(method, "/sa-contexts", headers={"accept": accept})
        seen.add(response.status_code)
        assert_clean(response.text)
    simulator.delay("IPsecSaContextGetById1", 100)
    deadline = client.app.state.service.deadline  # type: ignore[attr-defined]  # FastAPI
    with monkeypatch.context() as patch:
        patch.setattr(deadline, "seconds", 0.01)
        exercise([f"/sa-contexts/{ids[0]}"])  # longer than the timeout
    simulator.delay("IPsecSaContextGetById1", 0)
    for function, code in product(FUNCTIONS, (5, 8, 1722, 1745, 0x80320012, 0xC0FFEE)):
        simulator.fail(function, code, times=0)
        exercise(["/sa-contexts?maxAge=0", f"/sa-contexts/{ids[0]}", "/engine"])
        exercise(["/connections?maxAge=0", f"/connections/{connection}"])
        exercise(["/ike-sas?maxAge=0", f"/ike-sas/{main_mode}"])
        simulator.clear_failures()
    for target in (
        "bindings.tree._bundle",
        "bindings.decode._bundle",
        "app.resources.sa_contexts.kind.encode_sa_context",
        "bindings.connections.read_credential",
        "app.resources.connections.kind.encode_connection",
        "app.resources.ike_sas.kind.encode_ike_sa",
    ):
        simulator.churn(20)  # unchanged objects are not decoded
        with monkeypatch.context() as patch:
            patch.setattr(target, _fail)
            exercise(["/sa-contexts?maxAge=0", f"/sa-contexts/{ids[0]}"])
            exercise(["/connections?maxAge=0", f"/connections/{connection}"])
            exercise(["/ike-sas?maxAge=0", f"/ike-sas/{main_mode}"])
    simulator.stop_engine()
    exercise(paths)

    assert {200, 400, 404, 405, 406, 410, 422, 500, 501, 503} <= seen
    configure_logging("json", "debug")
    assert_clean(log.getvalue())
    assert "a fault amid" in log.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_credential_is_in_any_log_wherever_it_was_sent(
    serve: Serve,
    log_format: Literal["text", "json"],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream, events = io.StringIO(), EventLog()
    keys, path = tmp_path / "keys.json", tmp_path / "log"
    monkeypatch.setattr(
        "app.telemetry.logging.configuration.EventLogSink", lambda: EventLogSink(events)
    )
    configure_logging(log_format, "debug", stream, file=LogFile(path, 64 << 20, 1), event_log=True)
    with issuing() as oidc:
        key = make_key(keys, *SCOPES)
        credentials = [key, oidc.token(scope=" ".join(SCOPES))]
        credentials += [each[:-4] + "WXYZ" for each in credentials]
        client = serve(contexts=3, api_keys_file=keys, oidc_issuer=oidc.url, oidc_audience=AUDIENCE)
        for text in credentials:
            for where in ("/engine", "/sa-contexts?limit=0", f"/{text}", f"/engine?token={text}"):
                client.get(where, headers={**bearer(text), "X-Request-Id": text[:64]})
                client.get(where, headers={"Cookie": text, "X-Api-Key": text, **bearer(key)})
            client.get("/engine", headers={"Authorization": f"Basic {text}"})
            with monkeypatch.context() as patch:
                failing = property(partial(_fail, text))
                patch.setattr("app.repository.store.Store.is_ready", failing)
                client.get("/health/ready", headers=bearer(text))
        client.app.state.metrics.rejection_summary.flush()  # type: ignore[attr-defined]  # an application's
    configure_logging("json", "debug")

    outputs = stream.getvalue(), path.read_text(encoding="utf-8"), str(events.reported)
    assert all("a fault amid" in each or "request_failed" in each for each in outputs)
    assert all("requests_rejected" in each for each in outputs)
    secrets = {part for text in credentials for part in re.split(r"[._]", text) if len(part) > 20}
    for each in outputs:
        assert not [secret for secret in secrets if secret[:20] in each or secret[-20:] in each]
    assert "authorization" not in "".join(outputs).lower()


def _fail(*arguments: object) -> None:
    raise RuntimeError(f"a fault amid {arguments!r}")
