"""Each page is complete, accessible, and no wider than its window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.console.browser.accessibility import violations
from tests.console.browser.api import items_of
from tests.console.browser.devices import (
    every_scheme,
    every_viewport,
    width_beyond_window,
)
from tests.console.browser.faults import Faults
from tests.soak.process import Target


LISTS = {
    "sa-contexts": "saContextId",
    "peers": "address",
    "tunnels": "providerContextKey",
    "certificates": "thumbprint",
}
"""The lists with pages of their own for each item, and the member that identifies one."""


def pages_of(server: Target) -> Iterator[str]:
    """Yield the hash of each page, those of single items included."""
    yield ""
    yield from LISTS
    yield from ("ended", "failures", "engine", "failures/13801", "peers/192.0.2.254", "nowhere")
    for path, member in LISTS.items():
        yield f"{path}/{items_of(server.url, path)[0][member]}"


@every_viewport
@every_scheme
def test_pages_are_complete_and_accessible(page: Page, busy: Target, faults: Faults) -> None:
    faults.expect("404.*/peers/192.0.2.254")
    for hash_ in pages_of(busy):
        page.goto(f"{busy.url}/#/{hash_}")
        expect(page.get_by_role("heading", level=1)).to_be_attached()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)

        assert violations(page) == [], hash_
        assert width_beyond_window(page) <= 0, hash_


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_the_items_of_the_api(page: Page, busy: Target, path: str) -> None:
    items = items_of(busy.url, path)
    page.goto(f"{busy.url}/#/{path}")

    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(len(items) + 1))


@pytest.mark.parametrize("path", LISTS)
def test_a_row_opens_by_keyboard_and_by_click(page: Page, busy: Target, path: str) -> None:
    page.goto(f"{busy.url}/#/{path}")
    rows = page.locator("[data-index]")
    expect(rows.first).to_be_visible()

    rows.first.focus()
    page.keyboard.press("End")
    last = int(page.get_by_role("grid").get_attribute("aria-rowcount") or "") - 2
    expect(page.locator(f"[data-index='{last}']")).to_be_focused()
    page.keyboard.press("Enter")
    by_key = page.url
    assert f"#/{path}/" in by_key
    page.go_back()
    expect(rows.first).to_be_visible()
    page.locator("[data-index='0'] [role=gridcell]").last.click()
    assert f"#/{path}/" in page.url
    assert last == 0 or page.url != by_key
