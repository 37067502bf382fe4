"""The console is served to browsers only, holds no data, and loads nothing from elsewhere."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

import pytest
from starlette.testclient import TestClient

from app.api.negotiation import prefers_html
from app.console.routes import STATIC
from tests.api.live import Live
from tests.api.prefix import PREFIX, below_prefix
from tests.api.test_access import bearer
from tests.api.test_documentation import References
from tests.api.test_negotiation import headers
from tests.api.test_problems import assert_problem
from tests.auth.made import make_key
from tests.conftest import Serve


CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;"
    "q=0.8,application/signed-exchange;v=b3;q=0.7"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
BROWSER = {"accept": FIREFOX}
IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (CHROMIUM, True),
        (FIREFOX, True),
        ("text/html", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("text/*", True),
        ("text/html;q=0.1, application/json;q=0", True),
        ("text/html;q=0.5, application/json;q=0.4", True),
        ("application/*;q=0.9, text/html", True),
        ("text/html, */*;q=0.999", True),
        (None, False),  # no header: whatever the server likes
        ("", False),
        ("*/*", False),  # curl
        ("application/json", False),
        ("application/json, text/plain, */*", False),  # axios
        ("application/json, text/html", False),
        ("text/html;q=0.5, application/json;q=0.5", False),
        ("text/html;q=0.4, application/json;q=0.5", False),
        ("text/html;q=0", False),
        ("text/html;q=0, */*", False),
        ("text/html;q=0.5, */*", False),
        ("application/xhtml+xml", False),
        ("text/plain", False),
        ("image/avif,image/webp,*/*;q=0.8", False),
    ],
)
def test_only_who_prefers_html_gets_the_page(
    client: TestClient, accept: str | None, *, is_page: bool
) -> None:
    del client.headers["accept"]
    fields = {} if accept is None else {"accept": accept}
    response = client.get("/", headers=fields, follow_redirects=False)

    assert response.headers["vary"].split(", ")[0] == "Accept"
    if is_page:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert '<div id="console">' in response.text
    else:
        assert (response.status_code, response.headers["location"]) == (307, "docs")
        assert response.headers["cache-control"] == "no-store"


def test_several_lines_of_the_header_count_together() -> None:
    assert prefers_html(headers(accept="application/json;q=0.1, text/html;q=0.2"))
    assert not prefers_html(headers(accept="text/html," + "a," * 200))


def test_all_that_the_page_refers_to_is_here(client: TestClient) -> None:
    page = client.get("/", headers=BROWSER)
    references = References(page.text)

    assert references.inline == ""
    loaded = [each for each in references.targets if each.startswith("console/")]
    assert [name.rpartition("-")[2] for name in loaded] == ["console.css", "console.js"]
    assert set(references.targets) - {*loaded, "data:,"} == {"docs"}
    for target in loaded:
        asset = client.get(f"/{target}")
        assert asset.status_code == 200
        assert asset.headers["cache-control"] == IMMUTABLE
        assert asset.content == (STATIC / target.rpartition("-")[2]).read_bytes()
        assert asset.headers["content-type"] in {
            "text/css; charset=utf-8",
            "text/javascript; charset=utf-8",
        }


def test_the_bundle_refers_to_no_other_host() -> None:
    """Namespaces of XML are names; no browser loads them."""
    for name in ("console.css", "console.js", "index.html"):
        text = (STATIC / name).read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert "@import" not in text
        assert "sourceMappingURL" not in text
        if not name.endswith(".js"):  # whose libraries name the pages of their errors
            assert "//" not in text


def test_the_page_is_revalidated(client: TestClient) -> None:
    page = client.get("/", headers=BROWSER)
    known = {**BROWSER, "if-none-match": page.headers["etag"]}
    again = client.get("/", headers=known)
    changed = client.get("/", headers={**BROWSER, "if-none-match": '"other"'})

    assert page.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "cache-control", "vary", "content-security-policy"):
        assert again.headers[name] == page.headers[name]
    assert (changed.status_code, changed.content) == (200, page.content)
    api = client.get("/", headers={"if-none-match": page.headers["etag"]}, follow_redirects=False)
    assert api.status_code == 307


@pytest.mark.parametrize("path", ["/", "/console/configuration.json", "/console/licences.txt"])
def test_head_is_get_without_a_body(client: TestClient, path: str) -> None:
    got = client.get(path, headers=BROWSER)
    head = client.head(path, headers=BROWSER)

    assert (head.status_code, head.content) == (got.status_code, b"")
    ignored = {"x-request-id", "date"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in got.headers.items() if k not in ignored
    }


def test_assets_are_compressed_if_the_client_accepts_it(client: TestClient) -> None:
    script = References(client.get("/", headers=BROWSER).text).targets
    path = "/" + next(each for each in script if each.endswith(".js"))
    plain = client.get(path, headers={"accept-encoding": "identity"})
    with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as response:
        raw = b"".join(response.iter_raw())

    assert "content-encoding" not in plain.headers
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 2
    assert plain.headers["vary"] == response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "name", ["console.js", "index.html", "0000000000000000-console.js", "licences", ".."]
)
def test_there_is_no_other_file(client: TestClient, name: str) -> None:
    assert_problem(client.get(f"/console/{name.replace('.', '%2e')}"), 404, "not_found")


def test_it_needs_no_credential_and_looks_at_none(serve: Serve, tmp_path: Path) -> None:
    key = make_key(tmp_path / "keys.json", "sa:read")
    client = serve(api_keys_file=tmp_path / "keys.json")
    page = client.get("/", headers=BROWSER)
    paths = ["/", *(f"/{each}" for each in References(page.text).targets if "console/" in each)]

    for path in (*paths, "/console/configuration.json"):
        answers = [
            client.get(path, headers={**BROWSER, **extra})
            for extra in ({}, bearer(key), bearer("sak_nonsense"))
        ]
        assert [each.status_code for each in answers] == [200] * 3
        assert all(a.content == b.content for a, b in pairwise(answers))
    assert_problem(client.get("/engine", headers=BROWSER), 401, "unauthenticated")


def test_the_page_is_equal_on_every_host(serve: Serve) -> None:
    """It holds nothing of the engine's, so it may be public."""
    bodies = {serve(contexts=n).get("/", headers=BROWSER).content for n in (0, 25)}

    assert len(bodies) == 1


def test_switched_off_it_is_gone(serve: Serve) -> None:
    client = serve(console=False)

    response = client.get("/", headers=BROWSER, follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, "docs")
    assert_problem(client.get("/console/configuration.json"), 404, "not_found")
    assert_problem(client.get("/console/licences.txt"), 404, "not_found")


def test_the_documentation_leads_to_the_console_if_it_is_on(serve: Serve) -> None:
    def leads(client: TestClient) -> bool:
        targets = References(client.get("/docs").text).targets
        return any(
            urljoin("http://localhost/ipsec/docs", each) == "http://localhost/ipsec/"
            for each in targets
        )

    assert leads(serve())
    assert not leads(serve(console=False))


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("strips", [True, False])
def test_below_a_prefix_everything_is_found(*, strips: bool) -> None:
    settings = {} if strips else {"base_path": PREFIX.removesuffix("/")}
    with (
        Live(simulated_contexts=3, **settings) as live,
        below_prefix(live.address, strips=strips) as root,
    ):
        page = live.client.get(root, headers=BROWSER)
        assert page.status_code == 200
        targets = {each for each in References(page.text).targets if each != "data:,"}
        for target in (*targets, "console/configuration.json"):
            assert live.client.get(urljoin(root, target)).status_code == 200, target
