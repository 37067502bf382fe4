"""The lists besides `/sa-contexts`: paging, filters and items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
import pytest
from httpx2 import Response
from sa_contexts_simulator import Option, Simulator
from starlette.testclient import TestClient

from app.resources.connections.schema import Connection, ConnectionExportEnd, ConnectionPage
from app.resources.ike_sas.schema import IkeSa, IkeSaExportEnd, IkeSaPage
from app.schemas.base import Shape
from tests.api.test_engine import until
from tests.api.test_problems import assert_problem
from tests.conftest import SIMULATOR_PATH, Serve
from tests.resources.test_sa_context_routes import content_of, walk
from tests.simulator.ike import ike_sas
from tests.simulator.wfp import Wfp


NDJSON = {"accept": "application/x-ndjson"}


class Listed(NamedTuple):
    """A list and its expected content.

    Attributes:
        path: the path of the list.
        id: the name of an item's id.
        page: the schema of a page.
        item: the schema of an item.
        end: the schema of the last line of an export.
        missing: the problem code if an item does not exist.
        functions: the common prefix of the engine functions behind the list.
        ids: the ids in the engine, from the simulator.
    """

    path: str
    id: str
    page: type[Shape]
    item: type[Shape]
    end: type[Shape]
    missing: str
    functions: str
    ids: Callable[[Simulator], list[int]]

    def ids_of(self, page: Response) -> list[int]:
        return [int(item[self.id]) for item in content_of(page)["items"]]


def main_modes(_simulator: Simulator) -> list[int]:
    """Return the ids of main mode SAs, read independently of the server."""
    with ike_sas(Wfp(SIMULATOR_PATH)) as found:
        return sorted(sa.saId for sa in found)


IKE_SAS = Listed(
    "/ike-sas",
    "saId",
    IkeSaPage,
    IkeSa,
    IkeSaExportEnd,
    "ike_sa_not_found",
    "IkeextSa",
    main_modes,
)
CONNECTIONS = Listed(
    "/connections",
    "connectionId",
    ConnectionPage,
    Connection,
    ConnectionExportEnd,
    "connection_not_found",
    "FwpmConnection",
    lambda simulator: simulator.connections(),
)
LISTS = [pytest.param(IKE_SAS, id="ike-sas"), pytest.param(CONNECTIONS, id="connections")]


@pytest.mark.parametrize("listed", LISTS)
@pytest.mark.parametrize("contexts", [0, 1, 400])
@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
def test_a_walk_gives_each_item_once_in_order(
    serve: Serve, simulator: Simulator, listed: Listed, contexts: int, limit: int
) -> None:
    simulator.set_option(Option.SHUFFLE)
    client = serve(contexts=contexts)

    pages = list(walk(client, listed.path, limit=limit))

    assert [i for page in pages for i in listed.ids_of(page)] == listed.ids(simulator)
    assert all(len(listed.ids_of(page)) == limit for page in pages[:-1])
    assert len({str(content_of(page)["snapshot"]) for page in pages}) == 1
    for page in pages:
        listed.page.model_validate_json(page.content)


@pytest.mark.parametrize("listed", LISTS)
def test_the_engine_is_asked_when_somebody_asks(
    serve: Serve, simulator: Simulator, listed: Listed
) -> None:
    client = serve(contexts=50)
    create = f"{listed.functions}CreateEnumHandle0"
    client.get("/sa-contexts?maxAge=0")
    client.get("/health/ready")
    client.get("/net-events")  # it has a session of its own from the start
    until(lambda: simulator.calls("FwpmProviderContextCreateEnumHandle0") > 0)  # likewise
    sessions = simulator.open_sessions()
    is_sampled = listed.path == "/connections"  # for the reasons why contexts end
    assert simulator.calls(create) == 0 or is_sampled

    pages = [client.get(f"{listed.path}?maxAge=3600") for _ in range(3)]

    assert simulator.calls(create) == 1
    assert simulator.open_sessions() == sessions + 1 or is_sampled
    assert pages[0].content == pages[1].content == pages[2].content
    client.get(f"{listed.path}?maxAge=0")
    assert simulator.calls(create) == 2


@pytest.mark.parametrize("listed", LISTS)
def test_the_cursor_of_one_list_goes_on_in_no_other(serve: Serve, listed: Listed) -> None:
    client = serve(contexts=50)
    other = serve(contexts=50)
    for path, wrong in ((listed.path, "/sa-contexts"), ("/sa-contexts", listed.path)):
        for server in (client, other):
            cursor = content_of(server.get(f"{path}?limit=1"))["nextCursor"]
            for query in (
                f"cursor={cursor}",
                f"cursor={cursor}&maxAge=",
                f"limit=5&cursor={cursor}",
            ):
                answer = client.get(f"{wrong}?{query}")
                if "maxAge" in query:
                    assert_problem(answer, 422, "invalid_parameters")
                else:
                    assert_problem(answer, 400, "cursor_mismatch")


@pytest.mark.parametrize("listed", LISTS)
def test_a_walk_that_expired_learns_how_to_resume(serve: Serve, listed: Listed) -> None:
    client = serve(contexts=50, snapshot_idle_timeout_seconds=1e-9)
    first = client.get(f"{listed.path}?limit=3&ipVersion=v4")
    cursor = content_of(first)["nextCursor"]

    gone = assert_problem(client.get(f"{listed.path}?cursor={cursor}"), 410, "cursor_expired")

    assert gone["restartUrl"] == f"{listed.path[1:]}?ipVersion=v4"
    resumed = client.get("/" + gone["resumeUrl"])
    assert min(listed.ids_of(resumed)) > max(listed.ids_of(first))
    assert listed.ids_of(client.get("/" + gone["restartUrl"]))[:3] == listed.ids_of(first)


@pytest.mark.parametrize("listed", LISTS)
def test_a_stream_is_the_list(serve: Serve, listed: Listed) -> None:
    client = serve(contexts=300)
    whole = content_of(client.get(f"{listed.path}?limit=1000&maxAge=3600"))

    answer = client.get(f"{listed.path}?maxAge=3600", headers=NDJSON)

    *lines, last = answer.text.splitlines()
    assert [orjson.loads(line) for line in lines] == whole["items"]
    listed.end.model_validate_json(last)
    assert orjson.loads(last) == {
        "end": True,
        "count": len(whole["items"]),
        **{name: value for name, value in whole.items() if name != "items"},
    }


@pytest.mark.parametrize("listed", LISTS)
def test_an_item_is_what_the_list_shows(serve: Serve, listed: Listed) -> None:
    client = serve(contexts=50)
    items = content_of(client.get(listed.path))["items"]
    assert len(items) > 10
    for item in items:
        path = f"{listed.path}/{item[listed.id]}"
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (200, item)
        listed.item.model_validate_json(answer.content)
        again = client.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("listed", LISTS)
def test_what_is_no_id_and_what_is_none_are_distinguished(serve: Serve, listed: Listed) -> None:
    client = serve(contexts=5)

    assert_problem(client.get(f"{listed.path}/1"), 404, listed.missing)
    for id_ in ("x", "-1", "0x1", str(1 << 64)):
        problem = assert_problem(client.get(f"{listed.path}/{id_}"), 422, "invalid_parameters")
        assert [error["parameter"] for error in problem["errors"]] == [listed.id]
    item = content_of(client.get(f"{listed.path}?limit=1"))["items"][0][listed.id]
    assert_problem(client.get(f"{listed.path}/{item}?view=basic"), 422, "invalid_parameters")
    assert_problem(client.get(f"{listed.path}?view=basic"), 422, "invalid_parameters")
    assert_problem(client.get(listed.path, headers={"accept": "text/html"}), 406, "not_acceptable")
    assert_problem(client.post(listed.path), 405, "method_not_allowed")


def answers(client: TestClient, listed: Listed) -> tuple[Response, Response]:
    return client.get(f"{listed.path}?maxAge=0"), client.get(f"{listed.path}/1")


@pytest.mark.parametrize("listed", LISTS)
@pytest.mark.parametrize(
    ("code", "status", "name"),
    [
        (1745, 501, "not_supported_by_engine"),
        (5, 503, "engine_access_denied"),
        (1722, 503, "engine_unavailable"),
        (0x80320012, 503, "engine_busy"),
        (8, 500, "engine_error"),
    ],
)
def test_the_engine_s_rejections_are_reported(
    serve: Serve, simulator: Simulator, listed: Listed, code: int, status: int, name: str
) -> None:
    client = serve(contexts=5)
    for function in client.get("/engine").json()["functions"]:
        if function.startswith((f"{listed.functions}Create", f"{listed.functions}GetById")):
            simulator.fail(function, code, times=0)

    for answer in answers(client, listed):
        problem = assert_problem(answer, status, name)
        assert problem["function"].startswith(listed.functions)
    assert client.get("/sa-contexts?maxAge=0").status_code == 200
    assert client.get("/health/ready").status_code == 200
    simulator.clear_failures()
    assert client.get(f"{listed.path}?maxAge=0").status_code == 200


@pytest.mark.parametrize("listed", LISTS)
def test_a_restart_of_the_engine_begins_another_epoch(
    serve: Serve, simulator: Simulator, listed: Listed
) -> None:
    client = serve(contexts=20)
    first = content_of(client.get(f"{listed.path}?limit=1"))
    simulator.stop_engine()
    assert_problem(client.get(f"{listed.path}?maxAge=0"), 503, "engine_unavailable")
    assert client.get(f"{listed.path}?cursor={first['nextCursor']}").status_code == 200
    simulator.start_engine()

    second = content_of(client.get(f"{listed.path}?maxAge=0"))

    assert second["snapshot"]["epoch"] != first["snapshot"]["epoch"]
    assert client.get(f"{listed.path}?cursor={first['nextCursor']}").status_code == 200


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def is_met(said: dict[str, set[Any]], asked: dict[str, list[str]]) -> bool:
    """Return whether an item matches all filters, compared as text."""
    return all(set(texts) & said[snake(name)] for name, texts in asked.items())
