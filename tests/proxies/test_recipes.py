"""docs/reverse-proxy.md: its recipes work with real proxies, as they are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import repeat
from time import monotonic
from urllib.parse import urljoin

import httpx2
import pytest

from tests.proxies.site import NAME, PREFIX, PROXY, Site, running_site
from tests.sse import Parser


FORGED = {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.1"}
DELAY_SECONDS = 1
"""Maximum delay of an event by the proxy."""
EVENTS = 6


@pytest.fixture(
    scope="module",
    params=[("nginx", False), ("nginx", True), ("haproxy", False), ("haproxy", True)],
    ids=["nginx", "nginx, TLS", "haproxy", "haproxy, TLS"],
)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    proxy, has_tls = request.param
    with running_site(tmp_path_factory.mktemp("site"), proxy, has_tls=has_tls) as site:
        yield site


def test_a_walk_gives_every_context_once(site: Site) -> None:
    url, ids = f"https://{NAME}{PREFIX}/sa-contexts?limit=7", []
    with site.client("127.0.0.2", site.keys[0]) as client:
        while url:
            page = client.get(url.removeprefix(f"https://{NAME}{PREFIX}/"))
            assert page.status_code == 200
            ids += [int(item["saContextId"]) for item in page.json()["items"]]
            next_ = page.links.get("next")
            url = urljoin(url, next_["url"]) if next_ else ""
            assert url.startswith((f"https://{NAME}{PREFIX}/sa-contexts?", "")), url

    assert len(ids) > 50
    assert ids == sorted(set(ids))
    assert page.headers["strict-transport-security"] == "max-age=86400"


def test_references_stay_below_the_prefix(site: Site) -> None:
    with site.client("127.0.0.2", site.keys[0]) as client:
        problem = client.get("sa-contexts/0")
        type_ = urljoin(f"{PREFIX}/sa-contexts/0", problem.json()["type"])
        explanation = client.get(type_.removeprefix(f"{PREFIX}/"))
        page = client.get("docs")
        outside = client.get(f"https://127.0.0.1:{site.port}/sa-contexts")

    assert problem.status_code == 404
    assert explanation.json()["code"] == problem.json()["code"]
    assert page.status_code == 200
    assert outside.status_code in {404, 503}


def test_events_arrive_at_once(site: Site) -> None:
    """A proxy that buffers would wait for more events."""
    proxied = site.client("127.0.0.2", site.keys[0])
    with proxied, site.direct(site.keys[0]) as direct, ThreadPoolExecutor(2) as threads:
        behind, beside = threads.map(arrivals, (proxied, direct), ("", "/"))

    common = behind.keys() & beside.keys()
    assert len(common) > EVENTS / 2
    assert max(behind[id_] - beside[id_] for id_ in common) < DELAY_SECONDS


def arrivals(client: httpx2.Client, root: str) -> dict[str, float]:
    """Return when the first bytes of a stream and its first events arrived, by id."""
    parser = Parser()
    found: dict[str, float] = {}
    with client.stream("GET", f"{root}sa-contexts/events") as stream:
        assert stream.status_code == 200
        for piece in stream.iter_raw():
            found.setdefault("first", monotonic())
            for event in parser.feed(piece):
                found[str(event.event_id)] = monotonic()
            if len(found) > EVENTS:
                break
    return found


def test_the_log_has_the_clients_address_whatever_the_client_sends(site: Site) -> None:
    with site.client("127.0.0.3", site.keys[0], **FORGED) as client:
        entry = site.logged(client.get("sa-contexts?limit=1"))

    assert entry["status"] == 200
    assert (entry["client"], entry["proxy"]) == ("127.0.0.3", PROXY)


def test_wrong_keys_of_a_neighbour_block_no_new_key(site: Site) -> None:
    def status(address: str, key: str) -> int:
        with site.client(address, key, **FORGED) as client:
            return client.get("sa-contexts?limit=1").status_code

    wrong = [f"{site.keys[1][:-5]}{number:05}" for number in range(40)]
    with ThreadPoolExecutor(10) as threads:
        guesses = Counter(threads.map(status, repeat("127.0.0.4"), wrong))

    assert guesses[429] > 0
    assert guesses[401] >= 30
    assert status("127.0.0.5", site.keys[1]) == 200


def test_hosts_are_validated(site: Site) -> None:
    with site.client("127.0.0.2", site.keys[0], Host="evil.example") as client:
        assert client.get("sa-contexts").status_code == 421


def test_the_proxy_keeps_connections_open(site: Site) -> None:
    with site.client("127.0.0.2", site.keys[0]) as client, site.direct(site.keys[0]) as direct:
        for _ in range(20):
            client.get("health/live")
        metrics = direct.get("/metrics").text

    (open_,) = [
        float(line.split()[1])
        for line in metrics.splitlines()
        if line.startswith("sa_contexts_connections ")
    ]
    assert open_ >= 2, "only the direct one"


# httpcore does not close the socket of a TLS handshake that fails, as for a rejected connection.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_client_has_its_share_of_connections(site: Site) -> None:
    """The server cannot limit the connections of the proxy's clients."""
    statuses: Counter[int | None] = Counter()
    with ExitStack() as stack:
        for _ in range(36):
            client = stack.enter_context(site.client("127.0.0.6", site.keys[2]))
            try:
                stream = stack.enter_context(client.stream("GET", "sa-contexts/events"))
                statuses[stream.status_code] += 1
            except httpx2.TransportError:
                statuses[None] += 1
        with site.client("127.0.0.7", site.keys[2]) as other:
            assert other.get("sa-contexts?limit=1").status_code == 200

    assert statuses[200] == 32
    assert statuses[429] + statuses[None] == 4


def test_a_client_that_bypasses_the_proxy_is_not_believed(site: Site) -> None:
    with site.direct(site.keys[0]) as direct:
        entry = site.logged(direct.get("/sa-contexts?limit=1", headers=FORGED))

    assert entry["client"] == "127.0.0.9"
    assert "proxy" not in entry
