"""Names that mean harm are shown as the text that they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.console.browser.accessibility import violations
from tests.console.browser.conftest import Run
from tests.console.browser.devices import every_viewport, width_beyond_window
from tests.console.browser.faults import Faults
from tests.soak.process import Target


MARKUP = "<img src=x onerror='hit = 1'><script>hit = 1</script><b>bold</b>"
RIGHT_TO_LEFT = "\u202egpj.exe \u05d0\u05d1\u05d2"
LONG = "W" * 10_000
CONTROL = "line\nbreak\ttab\u0007bell\u2028separator"
NAMES = {"markup": MARKUP, "right to left": RIGHT_TO_LEFT, "long": LONG, "control": CONTROL}
MEMBERS = ("Name", "name", "subject", "issuer", "host", "Fqdn", "description", "explanation")
"""The ends of the names of members whose text is the engine's, or a certificate's."""
PATHS = ("sa-contexts", "peers", "tunnels", "certificates", "failures", "ended", "engine")


def poisoned(value: Any, name: str) -> Any:
    """Return JSON in which every name is another one."""
    if isinstance(value, list):
        return [poisoned(each, name) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: name
        if isinstance(each, str) and key.endswith(MEMBERS)
        else [name] * len(each)
        if key.endswith("Names") and isinstance(each, list)
        else poisoned(each, name)
        for key, each in value.items()
    }


def poison(page: Page, name: str) -> None:
    """Replace each name in what the server answers, from now on."""

    def answer(route: Route) -> None:
        try:
            response = route.fetch()
        except Error:  # the page was left
            return
        if "application/json" not in response.headers["content-type"]:
            route.fulfill(response=response)
            return
        route.fulfill(response=response, body=json.dumps(poisoned(response.json(), name)))

    page.route(lambda url: "/events" not in url and "/console/" not in url, answer)


@every_viewport
@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_text(page: Page, run: Run, kind: str) -> None:
    server = run(contexts=30, simulated_net_events=5, expected_peers="198.18.0.2")
    page.goto(server.url)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    poison(page, NAMES[kind])

    for path in ("", *PATHS):
        page.goto(f"{server.url}/#/{path}")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_be_attached()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert page.evaluate("typeof hit") == "undefined"
        assert page.locator("main img, main b, main script").count() == 0
        assert not violations(page), path
        assert width_beyond_window(page) <= 0, path
    page.goto(f"{server.url}/#/peers")
    expect(page.get_by_role("main")).to_contain_text(NAMES[kind][:20].split("\n")[0])


@every_viewport
@pytest.mark.parametrize("path", [*PATHS, "nowhere"])
def test_a_wrong_address_is_not_wider_than_the_window(
    page: Page, server: Target, faults: Faults, path: str
) -> None:
    faults.expect("40[04]|422")
    page.goto(f"{server.url}/#/{path}/{LONG}")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)

    assert width_beyond_window(page) <= 0
