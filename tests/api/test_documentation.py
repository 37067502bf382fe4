"""The documentation page loads nothing from other servers."""

from __future__ import annotations

import gzip
import re
import zlib
from html.parser import HTMLParser
from types import SimpleNamespace

import anyio
import pytest
from starlette.testclient import TestClient

from app.api import conditional, documentation
from app.api.constant import Once
from app.api.streaming import MIN_COMPRESSED_BYTES
from tests.api.test_problems import assert_problem


class References(HTMLParser):
    """Collect references, inline scripts and inline styles of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.inline = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        for name, value in attrs:
            if name in ("src", "href"):
                self.targets.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline += value or name

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.inline += data.strip()


def test_all_that_the_page_refers_to_is_here(client: TestClient) -> None:
    page = client.get("/docs")
    references = References(page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert references.inline == ""
    targets = set(references.targets) - {"data:,", "."}  # the console, at the root
    assert len(targets) == 4
    for target in targets:
        assert re.fullmatch(r"[\w./-]+", target), (
            "a relative path, so that a proxy may add a prefix"
        )
        assert client.get(f"/{target}").status_code == 200


def test_the_style_refers_to_nothing_outside(client: TestClient) -> None:
    style = next(t for t in References(client.get("/docs").text).targets if t.endswith(".css"))
    response = client.get(f"/{style}")

    assert response.headers["content-type"].startswith("text/css")
    urls = re.findall(r"url\(\s*['\"]?([^)]{0,30})", response.text)
    assert urls
    assert all(url.startswith("data:") for url in urls)
    assert "@import" not in response.text


def test_the_browser_may_load_nothing_else(client: TestClient) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))

    assert directives["default-src"] == "'none'"
    for sources in directives.values():
        assert set(sources.split()) <= {"'none'", "'self'", "data:"}
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"


def test_parts_are_kept_for_ever_and_the_page_is_not(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["cache-control"] == "no-cache"
    again = client.get("/docs", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    for target in References(page.text).targets:
        if target.startswith("docs/"):
            part = client.get(f"/{target}")
            assert part.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("name", ["swagger-ui.css", "0000000000000000-start.js", "LICENSE"])
def test_there_is_nothing_else(client: TestClient, name: str) -> None:
    assert_problem(client.get(f"/docs/{name}"), 404, "not_found")


def public_contents(client: TestClient) -> list[str]:
    targets = References(client.get("/docs").text).targets
    parts = [target for target in targets if target not in {"data:,", "."}]
    page = client.get("/", headers={"accept": "text/html"}).text
    parts += [target for target in References(page).targets if target.startswith("console/")]
    parts += ["console/configuration.json", "console/licences.txt"]
    return ["/docs", "/openapi.json", "/openapi-3.0.json", *(f"/{part}" for part in parts)]


def test_large_contents_are_compressed_if_the_client_accepts_it(client: TestClient) -> None:
    sizes = set()
    for path in public_contents(client):
        plain = client.get(path, headers={"accept-encoding": "identity"})
        compressed = client.get(path, headers={"accept-encoding": "gzip"})

        assert compressed.content == plain.content  # decompressed by httpx
        assert "content-encoding" not in plain.headers
        assert int(plain.headers["content-length"]) == len(plain.content)
        is_large = len(plain.content) >= MIN_COMPRESSED_BYTES
        sizes.add(is_large)
        assert compressed.headers.get("content-encoding") == ("gzip" if is_large else None)
        for response in (plain, compressed):
            assert ("accept-encoding" in response.headers.get("vary", "").lower()) == is_large
        assert (int(compressed.headers["content-length"]) < len(plain.content)) == is_large
    assert True in sizes


def test_nothing_is_compressed_or_made_again_for_another_request(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content is compressed once, however it is requested."""
    paths = public_contents(client)
    accepted: tuple[dict[str, str], ...] = (
        {"accept-encoding": "gzip"},
        {"accept-encoding": "gzip;q=0.5, *;q=0"},
        {"accept-encoding": "gzip", "authorization": "Bearer x"},
        {"accept-encoding": "gzip", "range": "bytes=0-99"},
        {"accept-encoding": "gzip", "if-none-match": '"x"', "accept": "image/png"},
    )
    first = {path: client.get(path, headers=accepted[0]).content for path in paths}

    def fail(*_: object, **__: object) -> None:
        pytest.fail("it is compressed, hashed or written again")

    for module, name in ((gzip, "compress"), (zlib, "compressobj"), (zlib, "compress")):
        monkeypatch.setattr(module, name, fail)
    # Not in orjson itself, which the server also uses beside requests.
    monkeypatch.setattr(documentation, "orjson", SimpleNamespace(dumps=fail))
    monkeypatch.setattr(conditional, "blake2b", fail)

    for headers in accepted:
        for path in paths:
            for method in ("GET", "HEAD"):
                response = client.request(method, path, headers=headers)
                assert response.status_code == 200
                assert response.headers.get("content-encoding", "identity") in ("gzip", "identity")
                assert response.content == (first[path] if method == "GET" else b"")


def test_each_content_is_not_sent_again_while_it_is_the_same(client: TestClient) -> None:
    for path in public_contents(client):
        for encoding in ("gzip", "identity"):
            headers = {"accept-encoding": encoding}
            first = client.get(path, headers=headers)
            again = client.get(path, headers={**headers, "if-none-match": first.headers["etag"]})

            assert (again.status_code, again.content) == (304, b"")
            for name in ("etag", "cache-control", "vary"):  # RFC 9110, 15.4.5
                assert again.headers.get(name) == first.headers.get(name)


@pytest.mark.anyio
async def test_what_many_ask_for_at_once_is_made_once() -> None:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    once = Once(make)
    found: list[object] = []

    async def ask() -> None:
        found.append(await once.get())

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)

    assert len(made) == 1
    assert found == made * 20
