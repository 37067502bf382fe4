"""HTTP semantics: HEAD, conditional requests, caching."""

from __future__ import annotations

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from tests.api.test_problems import assert_problem
from tests.conftest import Serve


LISTS = ("/sa-contexts", "/sa-contexts/summary", "/ike-sas", "/connections", "/peers", "/tunnels")


def paths(client: TestClient) -> list[str]:
    """Return a path of each resource that is not an endless stream, from the published document."""
    examples = {"{code}": "not_found"}
    for path, id_ in (
        ("/sa-contexts", "saContextId"),
        ("/ike-sas", "saId"),
        ("/connections", "connectionId"),
    ):
        examples[f"{{{id_}}}"] = client.get(f"{path}?limit=1").json()["items"][0][id_]
    found = []
    for path, item in client.get("/openapi.json").json()["paths"].items():
        if "text/event-stream" in item["get"]["responses"]["200"]["content"]:
            continue
        for name, value in examples.items():
            path = path.replace(name, value)  # noqa: PLW2901  # filled in step by step
        found.append(path)
    assert len(found) >= 7
    return found


def test_head_gives_what_get_gives_without_its_body(serve: Serve) -> None:
    client = serve(contexts=300)
    others = [path for path in paths(client) if path not in LISTS]
    lists = [f"{path}?maxAge=60" for path in LISTS]  # without a read between two requests
    for path in [*lists, *others, "/openapi.json", "/none", "/sa-contexts?limit=0"]:
        got, head = client.get(path), client.head(path)
        assert head.status_code == got.status_code, path
        assert head.content == b""
        ours = {"date", "snapshot-expires", "ratelimit", "x-request-id"}
        assert {k: v for k, v in head.headers.items() if k not in ours} == {
            k: v for k, v in got.headers.items() if k not in ours
        }, path


def test_head_of_an_export_does_not_read_it(client: TestClient) -> None:
    response = client.head("/sa-contexts", headers={"accept": "application/x-ndjson"})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused_with_those_that_there_are(
    client: TestClient, method: str
) -> None:
    for path in paths(client):
        response = client.request(method, path)
        assert response.status_code == 405, path
        assert response.headers["allow"] == "GET, HEAD"


def test_each_kind_of_response_says_how_it_may_be_kept(client: TestClient) -> None:
    for path in paths(client):
        response = client.get(path)
        if path.startswith("/problems/"):
            expected = "public, max-age=86400"
        elif path.rpartition("/")[2].isdecimal() or path in LISTS:
            expected = "no-cache"
        else:
            expected = "no-store"
        assert response.headers["cache-control"] == expected, path
    assert client.get("/none").headers["cache-control"] == "no-store"


def test_one_context_is_not_sent_again_while_it_is_the_same(
    client: TestClient, simulator: Simulator
) -> None:
    path = f"/sa-contexts/{simulator.ids()[3]}"
    first = client.get(path)
    etag = first.headers["etag"]

    assert etag.startswith('W/"')
    for header in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        same = client.get(path, headers={"if-none-match": header})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == etag
        assert same.headers["cache-control"] == "no-cache"
        assert same.headers["vary"] == "Accept"
    for header in ('W/"other"', "W/", etag.replace('"', "")):
        assert client.get(path, headers={"if-none-match": header}).content == first.content
    assert client.get("/sa-contexts/0", headers={"if-none-match": "*"}).status_code == 404


def test_a_changed_context_has_another_etag(client: TestClient, simulator: Simulator) -> None:
    def etags() -> dict[int, str]:
        return {
            i: client.get(f"/sa-contexts/{i}").headers["etag"]
            for i in simulator.ids()
            if client.get(f"/sa-contexts/{i}").status_code == 200
        }

    before = etags()
    simulator.churn(100)
    after = etags()

    bodies = {i: client.get(f"/sa-contexts/{i}").content for i in after}
    assert len(set(after.values())) == len(set(bodies.values()))
    assert any(after[i] != before[i] for i in before.keys() & after.keys())


def test_a_header_may_stand_in_several_lines(client: TestClient) -> None:
    lines = [("accept", "text/html"), ("accept", "application/json")]

    assert client.get("/engine", headers=lines).status_code == 200
    rejected = client.get("/engine", headers=[("accept", "text/html"), ("accept", "image/png")])
    assert (rejected.status_code, rejected.headers["vary"]) == (406, "Accept")


def test_parameters_are_refused_where_there_are_none(client: TestClient) -> None:
    some = client.get("/ike-sas?limit=1").json()["items"][0]["saId"]
    for path in ("/engine", f"/ike-sas/{some}"):
        problem = assert_problem(client.get(f"{path}?view=basic"), 422, "invalid_parameters")
        assert [error["parameter"] for error in problem["errors"]] == ["view"]
        many = client.get(path + "?" + "&".join(f"a{number}=1" for number in range(99)))
        assert len(assert_problem(many, 422, "invalid_parameters")["errors"]) == 32


def test_a_browser_finds_the_page(client: TestClient) -> None:
    page = client.get("/")

    assert str(page.url).endswith("/docs")
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("path", "parameter", "reason"),
    [
        (
            "/sa-contexts/x",
            "saContextId",
            "Should be a decimal number",
        ),
        (
            "/sa-contexts?spi=C9250CE60",
            "spi",
            "Should be a decimal number, or 0x and up to 8 hexadecimal digits",
        ),
        (
            "/sa-contexts?spi=C9250CE6",
            "spi",
            "Hexadecimal numbers begin with 0x: write 0xC9250CE6",
        ),
        (
            "/sa-contexts?mmSaId=864330ac30e6564d",
            "mmSaId",
            "Hexadecimal numbers begin with 0x: write 0x864330ac30e6564d",
        ),
        (
            "/sa-contexts/events?qmFilterId=ab",
            "qmFilterId",
            "Hexadecimal numbers begin with 0x: write 0xab",
        ),
        ("/sa-contexts?" + "spi=1&" * 17, "spi", "Should be given at most 16 times"),
        ("/sa-contexts?cursor=x&maxAge=1", "maxAge", "maxAge cannot be combined with a cursor"),
    ],
)
def test_a_reason_is_reported_in_words_of_http(
    client: TestClient, path: str, parameter: str, reason: str
) -> None:
    problem = assert_problem(client.get(path), 422, "invalid_parameters")

    assert problem["errors"] == [{"parameter": parameter, "reason": reason}]
