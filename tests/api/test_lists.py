"""Filters, views, the summary and the export agree on one snapshot."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import anyio
import orjson
import pytest
import structlog
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient
from starlette.types import Message

from app.bootstrap import create_service
from app.main import create_app
from app.resources.sa_contexts.schema import SaContext, SaContextExportEnd, SaContextPage
from app.resources.sa_contexts.summary_schema import SaContextSummary
from app.schemas import names
from app.settings.model import Settings
from tests.api.test_metrics import service_of
from tests.api.test_problems import assert_problem
from tests.conftest import SIMULATOR_PATH, Serve
from tests.repository.callers import calling
from tests.repository.test_filters import is_met
from tests.resources.test_sa_context_routes import content_of, ids_of, walk


NDJSON = {"accept": "application/x-ndjson"}


@pytest.fixture
def many(serve: Serve) -> TestClient:
    return serve(contexts=300)


def everything(client: TestClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = content_of(client.get("/sa-contexts?limit=1000"))["items"]
    return items


def sas_of(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (sa for sa in (item["inboundSa"], item["outboundSa"]) if sa is not None)


@pytest.mark.parametrize(
    "filters",
    [
        {"ipVersion": ["v6"]},
        {"trafficType": ["tunnel"], "ipVersion": ["v4"]},
        {"transformType": ["ah", "esp_auth"]},
        {"cipher": ["none"]},
        {"cipher": ["cbc_3des", "cbc_des"], "integrity": ["hmac_sha_1_96", "hmac_md5_96"]},
        {"integrity": ["none"]},
        {"pfsGroup": ["none"], "weakness": ["sha_1"]},
        {"cipher": ["unknown"]},
    ],
)
@pytest.mark.parametrize("limit", [7, 1000])
def test_a_filtered_walk_gives_what_matches(
    many: TestClient, filters: dict[str, Any], limit: int
) -> None:
    snake = {
        "".join(f"_{c.lower()}" if c.isupper() else c for c in name): some
        for name, some in filters.items()
    }

    pages = list(walk(many, limit=limit, **filters))

    found = [i for page in pages for i in ids_of(page)]
    assert found == [
        int(item["saContextId"])
        for item in everything(many)
        if any(is_met(sa, snake) for sa in sas_of(item))
    ]
    assert all(len(ids_of(page)) == limit for page in pages[:-1])


def test_contexts_are_found_by_what_a_person_has_in_hand(many: TestClient) -> None:
    item = next(item for item in everything(many) if item["inboundSa"] and item["outboundSa"])
    sa = item["outboundSa"]
    spi = sa["saBundle"]["saList"][0]["spi"]
    for query in (
        f"spi={spi}",
        f"spi=0x{spi:x}",
        f"spi=0x{spi:08X}",
        f"spi=0X{spi:08X}",
        f"spi={sa['saBundle']['saList'][0]['spiHex']}",
        f"mmSaId={sa['saBundle']['mmSaId']}",
        f"mmSaId={int(sa['saBundle']['mmSaId']):#x}",
        f"qmFilterId={sa['saBundle']['qmFilterId']}",
        f"qmFilterId={int(sa['saBundle']['qmFilterId']):#018X}",
        f"localAddress={sa['traffic']['localAddress']}",
        f"remoteAddress={sa['traffic']['remoteAddress']}&spi={spi}&spi=1",
    ):
        assert item in content_of(many.get(f"/sa-contexts?limit=1000&{query}"))["items"], query
    assert ids_of(many.get(f"/sa-contexts?spi={spi}")) == [int(item["saContextId"])]


def test_a_filter_that_matches_few_gives_them_on_one_page(many: TestClient) -> None:
    last = everything(many)[-1]
    mm_sa_id = next(sas_of(last))["saBundle"]["mmSaId"]

    page = many.get(f"/sa-contexts?limit=5&mmSaId={mm_sa_id}&mmSaId=0")

    assert int(last["saContextId"]) in ids_of(page)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("localAddress=10.0.0.0/8", "localAddress"),
        ("remoteAddress=fe80::1%25eth0", "remoteAddress"),
        ("remoteAddress=10.0.0.256", "remoteAddress"),
        ("ipVersion=4", "ipVersion"),
        ("cipher=aes", "cipher"),
        ("weakness=rc4", "weakness"),
        ("spi=-1", "spi"),
        ("spi=4294967296", "spi"),
        ("spi=0x1ffffffff", "spi"),
        ("spi=0xg", "spi"),
        ("mmSaId=18446744073709551616", "mmSaId"),
        ("mmSaId=0x", "mmSaId"),
        ("mmSaId=0x10000000000000000", "mmSaId"),
        ("qmFilterId=", "qmFilterId"),
        ("view=all", "view"),
        ("view=full&view=basic", "view"),
        ("&".join("spi=1" for _ in range(17)), "spi"),
    ],
)
def test_a_bad_filter_is_named(client: TestClient, query: str, parameter: str) -> None:
    problem = assert_problem(client.get(f"/sa-contexts?{query}"), 422, "invalid_parameters")

    assert [error["parameter"] for error in problem["errors"]] == [parameter]


def test_a_cursor_is_bound_to_filters_and_view(many: TestClient) -> None:
    first = content_of(many.get("/sa-contexts?limit=2&view=basic&ipVersion=v4&ipVersion=v6"))
    cursor = first["nextCursor"]

    for same in ("", "&view=basic", "&ipVersion=v6&ipVersion=v4", "&view=basic&ipVersion=v4,"):
        response = many.get(f"/sa-contexts?limit=2&cursor={cursor}{same.rstrip(',')}")
        if same.endswith(","):
            assert_problem(response, 400, "cursor_mismatch")
        else:
            assert "ipsecId" not in response.text
            assert len(ids_of(response)) == 2
    for other in ("&view=full", "&cipher=none", "&ipVersion=v4"):
        response = many.get(f"/sa-contexts?limit=2&cursor={cursor}{other}")
        assert_problem(response, 400, "cursor_mismatch")


def test_a_basic_view_is_a_valid_and_smaller_list(many: TestClient) -> None:
    full, basic = (many.get(f"/sa-contexts?limit=1000&view={view}") for view in ("full", "basic"))

    SaContextPage.model_validate_json(basic.content)
    assert ids_of(basic) == ids_of(full)
    assert len(basic.content) < 0.8 * len(full.content)
    assert b"filterCondition" not in basic.content
    assert b'"name"' in basic.content


def assert_summary_is_what_the_lists_show(client: TestClient) -> dict[str, Any]:
    content: dict[str, Any] = client.get("/sa-contexts/summary?peers=3&maxAge=0").json()
    summary = SaContextSummary.model_validate(content)
    items = everything(client)
    assert summary.contexts == len(items)
    assert summary.without_sa == sum(not any(sas_of(item)) for item in items)
    assert summary.with_weakness == sum(
        any(sa["weaknesses"] for sa in sas_of(item)) for item in items
    )
    for field in (*ENUMERATED, "weakness"):
        counts = {count["value"]: count["contexts"] for count in content[field]}
        for value in ENUMERATED.get(field, counts):
            page = client.get(f"/sa-contexts?limit=1000&{field}={value}")
            assert len(ids_of(page)) == counts.get(value, 0), (field, value)
    assert len(content["peers"]) == 3
    for peer in content["peers"]:
        page = client.get(f"/sa-contexts?limit=1000&remoteAddress={peer['remoteAddress']}")
        assert len(ids_of(page)) == peer["contexts"] > 0
    return content


ENUMERATED: dict[str, type[Any]] = {
    "ipVersion": names.IpVersion,
    "trafficType": names.TrafficType,
    "transformType": names.TransformType,
    "cipher": names.Cipher,
    "integrity": names.Integrity,
    "pfsGroup": names.PfsGroup,
}


def test_the_summary_counts_what_the_lists_show(many: TestClient, simulator: Simulator) -> None:
    first = assert_summary_is_what_the_lists_show(many)
    simulator.churn(200)

    second = assert_summary_is_what_the_lists_show(many)

    assert first["baseline"] == many.get("/engine").json()["baseline"] == "nist_sp_800_77r1"
    assert second["snapshot"]["revision"] > first["snapshot"]["revision"]
    assert first["contexts"] != second["contexts"]


def _app(**settings: Any) -> Any:
    return create_app(
        create_service(
            Settings(
                library=SIMULATOR_PATH,
                simulated_contexts=500,
                simulated_churn=0,
                simulated_net_events=0,
                **settings,
            )
        )
    )


@pytest.mark.parametrize("query", ["peers=-1", "peers=1001", "peers=x", "cipher=none", "limit=1"])
def test_the_summary_refuses_what_it_does_not_take(client: TestClient, query: str) -> None:
    assert_problem(client.get(f"/sa-contexts/summary?{query}"), 422, "invalid_parameters")


@pytest.mark.parametrize("query", ["", "?view=basic", "?ipVersion=v6", "?spi=0"])
def test_an_export_has_every_line_of_the_list_and_an_end(many: TestClient, query: str) -> None:
    page = many.get(f"/sa-contexts{query}", params={"limit": 1000} if not query else None)
    page = many.get(f"/sa-contexts?limit=1000&{query[1:]}")

    export = many.get(f"/sa-contexts{query}", headers=NDJSON)

    assert export.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    assert export.content.endswith(b"\n")
    *lines, last = export.content.splitlines()
    assert [orjson.loads(line) for line in lines] == content_of(page)["items"]
    for line in lines[:5]:
        SaContext.model_validate_json(line)
    end = SaContextExportEnd.model_validate_json(last)
    assert end.count == len(lines)
    assert end.snapshot.engine == "simulator"


@pytest.mark.parametrize("query", ["limit=5", "cursor=x", "limit=5&cursor=x"])
def test_an_export_has_no_pages(client: TestClient, query: str) -> None:
    problem = assert_problem(
        client.get(f"/sa-contexts?{query}", headers=NDJSON), 422, "invalid_parameters"
    )

    assert [error["parameter"] for error in problem["errors"]] == [
        part.partition("=")[0] for part in query.split("&")
    ]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/x-ndjson, application/json;q=0.5", "application/x-ndjson"),
        ("application/json;q=0, */*", "application/x-ndjson"),
        ("application/x-ndjson, application/json", "application/json"),
        ("application/x-ndjson;q=oops, application/json;q=0.9", "application/x-ndjson"),
        ("*/*", "application/json"),
    ],
)
def test_an_export_is_what_is_wanted_more(client: TestClient, accept: str, media_type: str) -> None:
    response = client.get("/sa-contexts", headers={"accept": accept})

    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.headers["vary"] == "Accept, Accept-Encoding"


class Reader:
    """An ASGI client that reads slowly and may disconnect."""

    def __init__(self, *, messages_before_it_goes: int) -> None:
        self.left = messages_before_it_goes
        self.gone = anyio.Event()
        self.received: list[Message] = []

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.received.append(message)
        self.left -= 1
        if self.left == 0:
            self.gone.set()
        if self.left <= 0:
            await anyio.sleep_forever()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.received)


SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/sa-contexts",
    "raw_path": b"/sa-contexts",
    "client": ("127.0.0.1", 1),
    "query_string": b"",
    "headers": [(b"host", b"localhost"), (b"accept", b"application/x-ndjson")],
}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("why", "ended"),
    [
        ("it goes", "client_disconnected"),
        ("the server stops", "server_stops"),
        ("it takes too long", "too_long"),
        ("others need its share", "evicted"),
    ],
)
async def test_an_export_ends_when(simulator: Simulator, why: str, ended: str) -> None:
    app = _app(max_snapshot_seconds=0.1 if why == "it takes too long" else 600, max_snapshots=2)
    store = app.state.service.store
    reader = Reader(messages_before_it_goes=3 if why == "it goes" else 10_000)

    async def stop() -> None:
        while len(reader.received) < 2:
            await anyio.lowlevel.checkpoint()
        assert len(store.leases) == 1
        if why == "the server stops":
            store.stop()
        if why == "others need its share":
            simulator.churn(5)
            with store.leases.pin(await store.snapshot_at_most(0)):
                simulator.churn(5)
                with calling("other"), store.leases.pin(await store.snapshot_at_most(0)):
                    await anyio.lowlevel.checkpoint()

    async def slow_send(message: Message) -> None:
        await reader.send(message)
        if why != "it goes" and len(reader.received) == 2:
            await anyio.sleep_forever()

    async with app.router.lifespan_context(app):
        with anyio.fail_after(20), structlog.testing.capture_logs() as entries:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stop)
                await app(dict(SCOPE), reader.receive, slow_send)
        assert b'"end":true' not in reader.body
        assert [each["outcome"] for each in entries if each["event"] == "request"] == [ended]
        assert len(store.leases) == 0


def test_an_export_counts_in_the_cap(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=25, max_snapshots=1)
    store = service_of(client).store
    assert client.get("/sa-contexts?limit=1000&maxAge=0").status_code == 200
    assert store.current is not None
    with store.leases.pin(store.current):
        simulator.churn(5)

        response = client.get("/sa-contexts?maxAge=0", headers=NDJSON)

    assert_problem(response, 503, "too_many_snapshots")
    assert int(response.headers["retry-after"]) >= 1
    assert client.get("/sa-contexts?maxAge=0", headers=NDJSON).status_code == 200


def test_an_export_is_refused_while_the_engine_is_down(
    client: TestClient, simulator: Simulator
) -> None:
    simulator.stop_engine()

    response = client.get("/sa-contexts?maxAge=0", headers=NDJSON)

    assert_problem(response, 503, "engine_unavailable")


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_large_bodies_are_compressed_where_that_is_accepted(many: TestClient, accept: str) -> None:
    def get(encoding: str, limit: int) -> Any:
        headers = {"accept": accept, "accept-encoding": encoding}
        query = "" if accept == "application/x-ndjson" else f"&limit={limit}"
        with many.stream("GET", f"/sa-contexts?maxAge=3600{query}", headers=headers) as response:
            return response.headers, b"".join(response.iter_raw())

    many.get("/sa-contexts")
    _, plain = get("identity", 300)
    headers, packed = get("br, gzip;q=0.5", 300)

    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 4
    for encoding in ("", "br", "gzip;q=0", "*;q=0"):
        headers, body = get(encoding, 300)
        assert "content-encoding" not in headers
        assert body == plain
    if accept == "application/json":
        assert "content-encoding" not in get("gzip", 1)[0]
        assert get("gzip", 1)[0]["content-length"]
