"""The page of the document works where there is nothing but the server."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from tests.api.test_problems import assert_problem


class References(HTMLParser):
    """What a page refers to, and what it runs or styles by itself."""

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


def test_that_all_that_the_page_refers_to_is_here(client: TestClient) -> None:
    page = client.get("/docs")
    references = References(page.text)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert references.inline == ""
    targets = set(references.targets) - {"data:,"}
    assert len(targets) == 4
    for target in targets:
        assert re.fullmatch(r"[\w./-]+", target), (
            "a relative path, so that a proxy may add a prefix"
        )
        assert client.get(f"/{target}").status_code == 200


def test_that_the_style_refers_to_nothing_outside(client: TestClient) -> None:
    style = next(t for t in References(client.get("/docs").text).targets if t.endswith(".css"))
    response = client.get(f"/{style}")

    assert response.headers["content-type"].startswith("text/css")
    urls = re.findall(r"url\(\s*['\"]?([^)]{0,30})", response.text)
    assert urls
    assert all(url.startswith("data:") for url in urls)
    assert "@import" not in response.text


def test_that_the_browser_is_told_to_load_nothing_else(client: TestClient) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))

    assert directives["default-src"] == "'none'"
    for sources in directives.values():
        assert set(sources.split()) <= {"'none'", "'self'", "data:"}
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"


def test_that_parts_are_kept_for_ever_and_the_page_is_not(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["cache-control"] == "no-cache"
    again = client.get("/docs", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    for target in References(page.text).targets:
        if target.startswith("docs/"):
            part = client.get(f"/{target}")
            assert part.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("name", ["swagger-ui.css", "0000000000000000-start.js", "LICENSE"])
def test_that_there_is_nothing_else(client: TestClient, name: str) -> None:
    assert_problem(client.get(f"/docs/{name}"), 404, "not_found")
