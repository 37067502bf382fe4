"""The console starts, without an error, in every window."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.console.browser.accessibility import violations
from tests.console.browser.devices import every_scheme, every_viewport
from tests.console.browser.faults import Faults
from tests.soak.process import Target


WRONG = """() => {
  const style = document.createElement('style');
  style.textContent = 'body { color: red }';
  document.head.append(style);
  const image = new Image();
  image.src = 'https://elsewhere.example/x.png';
  try { document.body.innerHTML = '<b>x</b>'; } catch (error) { console.error(error.name); }
  fetch('nowhere');
  setTimeout(() => { throw new Error('thrown') });
}"""


@every_viewport
@every_scheme
def test_it_starts(page: Page, server: Target) -> None:
    response = page.goto(server.url)

    assert response is not None
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert violations(page) == []


def test_what_goes_wrong_is_found(page: Page, server: Target, faults: Faults) -> None:
    """Otherwise, that nothing is found would prove nothing."""
    page.goto(server.url)
    assert faults.found == []

    with (
        page.expect_console_message(lambda message: "CSP: img-src" in message.text),
        page.expect_event("pageerror"),
        page.expect_response("**/nowhere"),
    ):
        page.evaluate(WRONG)

    def has(text: str) -> bool:
        return any(text in fault for fault in faults.found)

    assert has("CSP: style-src-elem blocks inline")
    assert has("CSP: img-src blocks https://elsewhere.example/x.png")
    assert has("TypeError")
    assert has("response 404")
    assert has("exception: thrown")
    faults.expect("")


def test_inaccessible_parts_are_found(page: Page, server: Target) -> None:
    page.goto(server.url)
    page.evaluate("document.body.append(document.createElement('input'))")

    found = violations(page)
    assert any(each.startswith("label ") for each in found)


def test_the_documentation_leads_to_the_console(page: Page, server: Target) -> None:
    page.goto(f"{server.url}/docs")
    page.get_by_role("link", name="Console").click()

    expect(page).to_have_url(f"{server.url}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
