"""Names that mean harm are shown as the text that they are."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.console.browser.accessibility import violations
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


REPLACE = """
((name, members) => {
  const asked = fetch;
  const replaced = (value, key) => {
    if (typeof value === 'string') return members.some((end) => key.endsWith(end)) ? name : value;
    if (Array.isArray(value)) return value.map((each) => replaced(each, key.replace(/s$/, '')));
    if (value === null || typeof value !== 'object') return value;
    const pairs = Object.entries(value).map(([key, each]) => [key, replaced(each, key)]);
    return Object.fromEntries(pairs);
  };
  globalThis.fetch = async (...request) => {
    const response = await asked(...request);
    const type = response.headers.get('content-type') ?? '';
    if (!type.startsWith('application/json')) return response;
    const body = JSON.stringify(replaced(await response.json(), ''));
    return new Response(body, {status: response.status, headers: response.headers});
  };
})"""
"""Replaces each name in what the server answers to the page."""


@every_viewport
@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_text(page: Page, busy: Target, kind: str) -> None:
    page.add_init_script(f"{REPLACE}({json.dumps(NAMES[kind])}, {json.dumps(MEMBERS)})")
    for path in ("", *PATHS):
        page.goto(f"{busy.url}/#/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_attached()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert page.evaluate("typeof hit") == "undefined"
        assert page.locator("main img, main b, main script").count() == 0
        assert not violations(page), path
        assert width_beyond_window(page) <= 0, path
    page.goto(f"{busy.url}/#/peers")
    expect(page.get_by_role("main")).to_contain_text(NAMES[kind][:20].split("\n")[0])


@every_viewport
def test_a_wrong_address_is_not_wider_than_the_window(
    page: Page, server: Target, faults: Faults
) -> None:
    faults.expect("40[04]|422")
    for path in (*PATHS, "nowhere"):
        page.goto(f"{server.url}/#/{path}/{LONG}")
        expect(page.locator("[aria-busy=true]")).to_have_count(0)

        assert width_beyond_window(page) <= 0, path
