"""No response and no log contains key material, which the simulator marks with a canary."""

from __future__ import annotations

import io
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.api.problems import KINDS
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
DOCUMENT = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8")
)
HEADERS = Path(__file__).parents[2] / "bindings" / "cdef"
FUNCTIONS = sorted(
    {
        name
        for header in HEADERS.glob("*.h")
        for name in re.findall(
            r"^DWORD WINAPI ((?:Fwpm|IPsec|Ikeext)\w+)\(", header.read_text("utf-8"), re.MULTILINE
        )
    }
)
"""Every function of the engine that the bindings declare and that can fail."""


@cache
def traces() -> frozenset[str]:
    """Return the encodings of the canary that might occur."""
    shapes = {TEXT.decode(), TEXT.hex(), repr(TEXT)[2:-1], str(list(TEXT))[1:-1], str(NUMBER)}
    shapes |= {f"{NUMBER:x}", NUMBER.to_bytes(8, "little").hex(), NUMBER.to_bytes(8).decode()}
    shapes |= {b64encode(TEXT[shift:])[4:-6].decode() for shift in range(3)}
    return frozenset(shape.lower() for shape in shapes)


def assert_clean(text: str) -> None:
    lowered = text.lower()
    found = [trace for trace in traces() if trace in lowered]
    assert not found, found


def test_the_search_would_find_the_canary() -> None:
    for leak in (TEXT.decode(), TEXT.hex(), b64encode(b"xx" + TEXT).decode(), str(NUMBER)):
        with pytest.raises(AssertionError):
            assert_clean(f"...{leak}...")


class Asked(NamedTuple):
    """A request.

    Attributes:
        url: the URL.
        accept: the header `Accept`.
    """

    url: str
    accept: str = "*/*"


def requests(items: Mapping[str, Iterable[object]], cursor: str) -> Iterator[Asked]:
    """Yield valid and invalid requests for each path of the OpenAPI document.

    Args:
        items: the values of each parameter in paths.
        cursor: a cursor of another server.
    """
    for path, operations in DOCUMENT["paths"].items():
        operation = operations["get"]
        parameters = {each["name"]: each["in"] for each in operation.get("parameters", ())}
        in_path = [name for name, place in parameters.items() if place == "path"]
        if in_path:
            (name,) = in_path
            for value in (0, "x", *items[name]):
                yield Asked(path.replace(f"{{{name}}}", str(value)))
            continue
        queries = ["", "unknown=x"]
        if "initial" in parameters:
            queries += ["initial=true"]
        if "since" in parameters:
            queries += ["since=0123456789ab-1", "since=x"]
        if "cursor" in parameters:
            queries += ["limit=1000", "limit=0", "cursor=x", f"cursor={cursor}"]
        if "maxAge" in parameters:
            queries += ["maxAge=0"]
        for query in queries:
            for accept in operation["responses"]["200"]["content"]:
                yield Asked(f"{path}?{query}", accept)
    yield Asked("/nothing")
    yield Asked("/openapi.json")


def test_requests_cover_every_path() -> None:
    items: dict[str, Iterable[object]] = {
        "saContextId": [1],
        "saId": [1],
        "connectionId": [1],
        "filterId": [1],
        "thumbprint": ["00"],
        "address": ["192.0.2.1"],
        "providerContextKey": ["c38d57d1-05a7-4c33-904f-7fbceee60e82"],
        "code": ["not_found"],
    }
    asked = [each.url.partition("?")[0] for each in requests(items, "x")]

    for path in DOCUMENT["paths"]:
        assert any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), each) for each in asked), path


def main_mode_filters(client: TestClient) -> list[str]:
    """Return the ids of filters that lead to policies with preshared keys."""
    failures = client.get("/net-events?type=ike_main_mode_failure").json()["items"]
    filters = {each["ikeMmFailure"]["mmFilterId"] for each in failures}
    assert len(filters) > 5
    return sorted(filters)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_canary_is_in_no_answer_and_no_log(
    serve: Serve,
    simulator: Simulator,
    log_format: Literal["text", "json"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = io.StringIO()
    configure_logging(log_format, "debug", log)
    client = serve(contexts=300, max_snapshots=1, max_stream_seconds=0.2)
    simulator.net_events(100, 3)
    assert simulator.flush()
    other = CursorKey().write(Cursor("0123456789ab", 1, 1, SaContextSelection()))
    ids, connection, main_mode = (
        simulator.ids(),
        simulator.connections()[0],
        main_modes(simulator)[0],
    )
    filters = main_mode_filters(client)
    items: dict[str, Iterable[object]] = {
        "saContextId": ids[:15],
        "saId": main_modes(simulator)[:15],
        "connectionId": simulator.connections()[:15],
        "filterId": filters,
        "thumbprint": [
            each["thumbprint"] for each in client.get("/certificates").json()["items"][:15]
        ],
        "address": [each["address"] for each in client.get("/peers").json()["items"][:15]],
        "providerContextKey": [
            each["providerContextKey"] for each in client.get("/tunnels").json()["items"][:15]
        ],
        "code": [*sorted(KINDS), "13801"],
    }
    asked = list(requests(items, other))
    seen: set[int] = set()

    def exercise(some: Iterable[Asked]) -> None:
        for url, accept in some:
            response = client.get(url, headers={"accept": accept})
            seen.add(response.status_code)
            assert_clean(response.text)
            assert_clean(str(response.headers))

    def refresh() -> None:
        exercise([Asked(f"/sa-contexts/{ids[0]}"), Asked(f"/ike-sas/{main_mode}")])
        exercise([Asked(f"/connections/{connection}"), Asked("/engine")])
        exercise([Asked(f"/filters/{filters[0]}"), Asked(f"/filters/{filters[-1]}")])
        exercise(Asked(path) for path in DOCUMENT["paths"] if path.startswith("/statistics"))
        exercise(
            each for each in asked if "maxAge=0" in each.url and each.accept == "application/json"
        )

    exercise(asked)
    simulator.churn(5)
    exercise([Asked("/sa-contexts?limit=10&maxAge=0")])  # one snapshot more than the maximum
    for method, accept in (("POST", "*/*"), ("GET", "text/html")):
        response = client.request(method, "/sa-contexts", headers={"accept": accept})
        seen.add(response.status_code)
        assert_clean(response.text)
    simulator.delay("IPsecSaContextGetById1", 100)
    deadline = client.app.state.service.deadline  # type: ignore[attr-defined]  # FastAPI
    with monkeypatch.context() as patch:
        patch.setattr(deadline, "seconds", 0.01)
        exercise([Asked(f"/sa-contexts/{ids[0]}")])  # it takes longer than the timeout
    simulator.delay("IPsecSaContextGetById1", 0)
    called = [function for function in FUNCTIONS if simulator.calls(function)]
    assert len(called) > 20
    for function, code in product(called, (5, 1722, 1745, 0xC0FFEE)):
        simulator.fail(function, code, times=0)
        refresh()
        simulator.clear_failures()
    for target in (
        "bindings.tree._bundle",
        "bindings.decode._bundle",
        "app.resources.sa_contexts.kind.encode_sa_context",
        "bindings.connections.read_credential",
        "bindings.policy.read_provider_context",
        "app.resources.filters.reader.encode_filter",
        "app.resources.connections.kind.encode_connection",
        "app.resources.ike_sas.kind.encode_ike_sa",
    ):
        simulator.churn(20)  # unchanged objects are not decoded
        with monkeypatch.context() as patch:
            patch.setattr(target, _fail)
            refresh()
    simulator.stop_engine()
    exercise(asked)

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
