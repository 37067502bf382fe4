"""Every reference that the server sends leads to the right place below a prefix."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from sa_contexts_simulator import Simulator

from app.settings.model import Settings
from tests.api.live import Live
from tests.api.prefix import PREFIX, below_prefix
from tests.api.test_documentation import References
from tests.soak.schemas import DOCUMENT


LISTS = ("sa-contexts", "ike-sas", "connections", "net-events")
ELSEWHERE = ("/", "/docs", "/docs/none.js", "/openapi.json", "/nowhere", "/a/b/c/d", "/a/%2f/b")
PATHS = (*(re.sub(r"\{\w+\}", "1", path) for path in DOCUMENT["paths"]), *ELSEWHERE)


@pytest.fixture(params=["stripped", "kept"])
def root(simulator: Simulator, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a server's root below a prefix, which the proxy or the server removes."""
    strips = request.param == "stripped"
    settings = {} if strips else {"base_path": PREFIX.removesuffix("/")}
    with (
        Live(
            simulated_contexts=25,
            simulated_net_events=0,
            snapshot_idle_timeout_seconds=60,
            **settings,
        ) as live,
        below_prefix(live.address, strips=strips) as url,
    ):
        for code in range(13801, 13806):
            simulator.net_event(0, code)
        assert simulator.flush()
        yield url


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=20) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
def test_a_problem_of_any_path_leads_to_its_explanation(
    http: httpx2.Client, root: str, path: str
) -> None:
    url = root.removesuffix("/") + path
    problem = http.delete(url).json()

    explanation = http.get(urljoin(url, problem["type"]))
    assert explanation.status_code == 200
    assert explanation.json()["code"] == problem["code"]
    assert urljoin(url, problem["instance"]) == url


@pytest.mark.parametrize("name", LISTS)
def test_next_links_lead_to_all_pages(http: httpx2.Client, root: str, name: str) -> None:
    whole = http.get(f"{root}{name}?limit=1000").json()["items"]
    url, items = f"{root}{name}?limit=4", []
    while True:
        page = http.get(url)
        assert page.status_code == 200
        items += page.json()["items"]
        if "next" not in page.links:
            break
        url = urljoin(url, page.links["next"]["url"])

    assert items == whole
    assert len(items) > 4


@pytest.mark.parametrize("name", LISTS[:3])
def test_the_links_of_an_expired_cursor_lead_on(simulator: Simulator, name: str) -> None:
    with (
        Live(simulated_contexts=25, snapshot_idle_timeout_seconds=1e-9) as live,
        below_prefix(live.address) as root,
        httpx2.Client(timeout=20) as http,
    ):
        first = http.get(f"{root}{name}?limit=4").json()
        assert simulator.ids()
        url = f"{root}{name}?cursor={first['nextCursor']}&limit=4"
        gone = http.get(url)
        assert gone.status_code == 410
        restarted, resumed = (
            http.get(urljoin(url, gone.json()[member])) for member in ("restartUrl", "resumeUrl")
        )

    assert restarted.json()["items"] == first["items"]
    assert resumed.status_code == 200
    assert resumed.json()["items"][0] not in first["items"]


def test_the_servers_of_the_document_lead_to_the_api(http: httpx2.Client, root: str) -> None:
    url = f"{root}openapi.json"
    (server,) = http.get(url).json()["servers"]

    base = urljoin(url, server["url"]).removesuffix("/")  # as Swagger UI removes it
    for path in ("/sa-contexts", "/health/live"):
        assert http.get(base + path).status_code == 200


def test_the_documentation_page_finds_its_parts(http: httpx2.Client, root: str) -> None:
    redirection = http.get(root)
    url = urljoin(root, redirection.headers["location"])
    assert url == f"{root}docs"

    parts = set(References(http.get(url).text).targets) - {"data:,", "."}  # the console
    assert len(parts) == 4
    contents = [http.get(urljoin(url, part)) for part in parts]
    assert {content.status_code for content in contents} == {200}
    (document,) = re.findall(r'^  url: "(.*)",$', "".join(c.text for c in contents), re.MULTILINE)
    assert http.get(urljoin(url, document)).json()["openapi"]


@pytest.mark.parametrize("name", LISTS)
def test_no_body_has_a_url(http: httpx2.Client, root: str, name: str) -> None:
    items = http.get(f"{root}{name}?limit=1000").json()["items"]

    texts = [*texts_in(items)]
    assert len(texts) > 50
    assert [text for text in texts if re.match(r"/[a-z]|\w+://", text) or PREFIX in text] == []


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /ipsec/sa-contexts/7 HTTP/1.1\r\nContent-Length: 99999\r\n", 413),
        (b"GET /ipsec/sa-contexts/7 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", 411),
        (b"GET /ipsec/sa-contexts/7 HTTP/1.1\r\nX Y: z\r\n", 400),
        (
            b"GET http://localhost/ipsec/sa-contexts/7 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
            411,
        ),
    ],
)
@pytest.mark.usefixtures("simulator")
def test_early_rejections_refer_below_the_base_path(request_: bytes, status: int) -> None:
    with Live(base_path="/ipsec") as live, socket.create_connection(live.address, 10) as client:
        client.sendall(request_ + b"Host: localhost\r\n\r\n")
        response = HTTPResponse(client)
        response.begin()
        problem = json.loads(response.read())

    assert response.status == status
    url = "http://localhost/ipsec/sa-contexts/7"
    assert urljoin(url, problem["type"]).startswith("http://localhost/ipsec/problems/")
    assert urljoin(url, problem["instance"]) == url


@pytest.mark.usefixtures("simulator")
def test_the_base_path_is_removed_once_and_only_in_front() -> None:
    with Live(base_path="/ipsec/v1") as live:
        statuses = {
            path: live.client.get(path).status_code
            for path in (
                "/ipsec/v1/health/live",
                "/health/live",
                "/ipsec/v1",
                "/ipsec/v1health/live",
                "/ipsec/health/live",
                "/ipsec/v1/ipsec/v1/health/live",
                "/health/ipsec/v1/live",
            )
        }

    assert [path for path, status in statuses.items() if status == 200] == [
        "/ipsec/v1/health/live",
        "/health/live",
    ]
    assert set(statuses.values()) == {200, 404}


@pytest.mark.parametrize(
    "path", ["", "/", "ipsec", "/ipsec/", "//ipsec", "/a/../b", "/a/./b", "/a b", "/\xe9", "/a?b"]
)
def test_what_is_no_base_path_is_rejected_as_a_setting(path: str) -> None:
    given: dict[str, Any] = {"base_path": path}
    with pytest.raises(ValueError, match="base_path"):
        Settings(**given)


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_in(part)
