"""Leases of snapshots: how long they last, and the answer after they expire."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from httpx2 import URL, Response
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.repository.store import Store
from app.resources.sa_contexts.kind import SaContextKind
from tests.api.test_metrics import service_of
from tests.conftest import Serve
from tests.resources.test_sa_context_routes import ids_of, walk


class Clock:
    """The store's clock, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, client: TestClient, seconds: float) -> None:
        """Move it while no refresh of SA contexts runs, which would seem to have taken as long."""
        store = service_of(client).listed(SaContextKind).store

        async def advance() -> None:
            await store.wait_until_complete()
            self.now += seconds

        assert client.portal is not None
        client.portal.call(advance)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    defaults: dict[str, Any] = dict(Store.__init__.__kwdefaults__ or {})
    monkeypatch.setattr(Store.__init__, "__kwdefaults__", {**defaults, "clock": clock})
    return clock


def first_page(client: TestClient, **parameters: Any) -> Response:
    page = client.get("/sa-contexts", params={"limit": 3, "maxAge": 0, **parameters})
    assert page.status_code == 200, page.text
    return page


def test_the_lease_is_in_the_headers(client: TestClient) -> None:
    page = first_page(client)

    assert page.headers["snapshot-idle-seconds"] == "60"
    expires = parsedate_to_datetime(page.headers["snapshot-expires"])
    date = parsedate_to_datetime(page.headers.get("date", page.headers["snapshot-expires"]))
    assert 0 <= (expires - date).total_seconds() <= 601


def test_nothing_is_held_for_a_list_of_one_page(client: TestClient) -> None:
    page = first_page(client, limit=1000)

    assert "snapshot-expires" not in page.headers
    assert client.get("/engine").json()["leasedSnapshots"] == 0


def test_use_prolongs_the_hold_up_to_the_maximum(serve: Serve, clock: Clock) -> None:
    client = serve(contexts=25)
    cursor = first_page(client).json()["nextCursor"]
    for _ in range(10):
        clock.advance(client, 59)
        assert client.get("/sa-contexts", params={"cursor": cursor}).status_code == 200

    clock.advance(client, 11)

    assert client.get("/sa-contexts", params={"cursor": cursor}).status_code == 410


def test_an_expired_walk_can_be_resumed_or_begun_anew(
    serve: Serve, simulator: Simulator, clock: Clock
) -> None:
    client = serve(contexts=25)
    first = first_page(client, localSubnet=["0.0.0.0/0", "::/0"])
    clock.advance(client, 61)

    gone = client.get("/sa-contexts", params={"cursor": first.json()["nextCursor"], "limit": 4})

    assert gone.status_code == 410
    assert gone.json()["code"] == "cursor_expired"
    seen = ids_of(first)
    simulator.delete(simulator.ids()[-1])
    resumed = client.get("/" + gone.json()["resumeUrl"])
    assert len(ids_of(resumed)) == 4
    assert resumed.json()["snapshot"]["revision"] > first.json()["snapshot"]["revision"]
    url = "/" + gone.json()["resumeUrl"]
    while True:
        page = client.get(url)
        seen += ids_of(page)
        if "next" not in page.links:
            break
        url = "/" + page.links["next"]["url"]
    has_sa = {int(i["saContextId"]) for i in _all(client) if i["inboundSa"] or i["outboundSa"]}
    assert seen == sorted(has_sa)
    again = client.get("/" + gone.json()["restartUrl"])
    assert ids_of(again) == seen[:4]


def _all(client: TestClient) -> list[Any]:
    items: list[Any] = client.get("/sa-contexts?limit=1000&maxAge=0").json()["items"]
    return items


def test_a_cursor_of_another_run_is_gone_with_its_filters_kept(serve: Serve) -> None:
    cursor = first_page(serve(contexts=25), localSubnet="10.0.0.0/8").json()["nextCursor"]

    gone = serve(contexts=25).get("/sa-contexts", params={"cursor": cursor})

    assert gone.status_code == 410
    assert gone.json()["restartUrl"] == "sa-contexts?localSubnet=10.0.0.0%2F8"
    assert "resumeUrl" not in gone.json()


def test_after_a_restart_of_the_engine_ids_mean_nothing(
    serve: Serve, simulator: Simulator, clock: Clock
) -> None:
    client = serve(contexts=25)
    first = first_page(client)
    resume = _gone(client, clock, first)["resumeUrl"]
    simulator.stop_engine()
    simulator.start_engine()
    clock.advance(client, 10)
    second = first_page(client)

    assert second.json()["snapshot"]["epoch"] != first.json()["snapshot"]["epoch"]
    assert "resumeUrl" not in _gone(client, clock, first)
    late = client.get("/" + resume)
    assert (late.status_code, "resumeUrl" in late.json()) == (410, False)


def _gone(client: TestClient, clock: Clock, page: Response) -> dict[str, Any]:
    clock.advance(client, 61)
    gone = client.get("/sa-contexts", params={"cursor": page.json()["nextCursor"]})
    assert gone.status_code == 410
    problem: dict[str, Any] = gone.json()
    return problem


def test_a_list_goes_on_while_the_engine_is_down_and_a_new_one_does_not_begin(
    client: TestClient, simulator: Simulator
) -> None:
    ids = simulator.ids()
    pages = walk(client, limit=4)
    found = ids_of(next(pages))
    simulator.stop_engine()

    found += [i for page in pages for i in ids_of(page)]
    new = client.get("/sa-contexts?maxAge=0")

    assert found == ids
    assert new.status_code == 503
    assert new.headers["retry-after"] == "2"
    assert new.json()["code"] == "engine_unavailable"


def test_over_the_cap_a_caller_loses_its_own_oldest_walk(
    serve: Serve, simulator: Simulator
) -> None:
    client = serve(contexts=25, max_snapshots=2)
    pages = []
    for _ in range(3):
        pages.append(first_page(client))
        simulator.churn(5)

    evicted, *walked = (
        client.get("/sa-contexts", params={"cursor": page.json()["nextCursor"]}) for page in pages
    )

    assert [page.status_code for page in walked] == [200, 200]
    assert (evicted.status_code, evicted.json()["code"]) == (410, "cursor_expired")
    assert client.get(evicted.json()["restartUrl"]).status_code == 200
    assert client.get(evicted.json()["resumeUrl"]).status_code == 200


def test_the_ways_on_lead_on_as_python_resolves_them(serve: Serve, clock: Clock) -> None:
    """A regression: urljoin resolved `?` to the URL of the expired cursor."""
    client = serve(contexts=25)
    first = client.get("/sa-contexts?limit=20")
    here = "http://host/prefix/sa-contexts?cursor=" + first.json()["nextCursor"]
    gone = _gone(client, clock, first)

    restart, resume = (urljoin(here, gone[name]) for name in ("restartUrl", "resumeUrl"))

    assert restart == "http://host/prefix/sa-contexts"
    assert resume.startswith("http://host/prefix/sa-contexts?cursor=1.")
    assert str(URL(here).join(gone["restartUrl"])) == restart
    assert client.get(urlsplit(restart).path.removeprefix("/prefix")).status_code == 200
