"""Lists and the overview change as the engine does, and survive the server's end."""

from __future__ import annotations

import re
import socket

import pytest
from playwright.sync_api import Page, expect

from tests.console.browser.api import items_of
from tests.console.browser.conftest import Run
from tests.console.browser.faults import Faults
from tests.soak.process import running_target


def test_changes_appear_without_a_reload(page: Page, run: Run) -> None:
    server = run(contexts=40, changes=5)
    page.goto(f"{server.url}/#/sa-contexts")
    expect(page.get_by_role("status")).to_have_text("live")
    expect(page.locator(".fresh").first).to_be_visible()

    ids = server.settle()
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", str(len(ids) + 1))
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Id", exact=True).check()
    page.keyboard.press("Escape")
    for id_ in ids[:5]:
        expect(grid.get_by_role("gridcell", name=str(id_), exact=True)).to_be_visible()


def test_the_focus_stays_in_the_table_when_its_row_goes(page: Page, run: Run) -> None:
    server = run(contexts=10, changes=20)
    page.goto(f"{server.url}/#/sa-contexts")
    page.locator("[data-index]").nth(1).focus()
    row = page.locator(":focus").element_handle()
    row.wait_for_element_state("hidden")

    expect(page.locator(".table [data-index]:focus, .table:focus")).to_have_count(1)
    page.keyboard.press("Home")
    expect(page.locator("[data-index='0']")).to_be_focused()


def test_the_overview_shows_what_changed(page: Page, run: Run) -> None:
    server = run(contexts=40, changes=5)
    page.goto(server.url)

    changes = page.get_by_role("region", name="What changed")
    expect(changes.get_by_role("listitem")).to_have_count(12)
    expect(changes).to_contain_text("added")


def test_a_page_reconnects_to_a_server_that_was_killed(page: Page, faults: Faults) -> None:
    faults.expect("failed request|ERR_|response 410")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = {"engine": "simulator", "simulated_churn": 0, "port": port}
    with running_target(simulated_contexts=30, **settings) as first:
        page.goto(f"{first.url}/#/sa-contexts")
        expect(page.get_by_role("status")).to_have_text("live")
    live = page.locator("[data-state]")
    expect(live).to_have_text("reconnecting")
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "31")  # from before

    with running_target(simulated_contexts=50, simulated_seed=7, **settings) as second:
        expect(live).to_have_text("live", timeout=60_000)
        expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "51")
        expect(page.get_by_role("main")).not_to_contain_text("from before")
        assert len(items_of(second.url, "sa-contexts", view="summary")) == 50


@pytest.mark.parametrize("path", ["", "peers", "engine"])
def test_an_engine_that_stops_is_reported_and_comes_back(
    page: Page, run: Run, faults: Faults, path: str
) -> None:
    faults.expect("response 503|status of 503")
    server = run(contexts=30, refresh_interval_seconds=0.5, refresh_retry_seconds=0.2)
    page.goto(f"{server.url}/#/{path}")
    host = page.get_by_role("banner").get_by_role("link").nth(1)
    expect(host).to_contain_text(re.compile("(?<!not )ready"))

    server.engine("stop")
    expect(host).to_contain_text("not ready")
    server.engine("start")
    expect(host).to_contain_text(re.compile("(?<!not )ready"))
