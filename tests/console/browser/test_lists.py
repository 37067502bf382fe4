"""Filters are the address, and an export has what is shown."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.console.browser.api import items_of
from tests.console.browser.faults import Faults
from tests.soak.process import Target


def query_of(page: Page) -> dict[str, list[str]]:
    """Return the query after `#`."""
    return parse_qs(urlsplit(urlsplit(page.url).fragment).query)


def expect_rows(page: Page, count: int) -> None:
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(count + 1))


def test_a_filter_is_added_and_dropped_in_the_address(page: Page, server: Target) -> None:
    weak = items_of(server.url, "sa-contexts", view="summary", weakness="3des")
    every = items_of(server.url, "sa-contexts", view="summary")
    page.goto(f"{server.url}/#/sa-contexts")
    expect_rows(page, len(every))

    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_role("combobox", name="Filter by").select_option("Weakness")
    page.get_by_role("button", name="3DES").click()
    assert query_of(page) == {"weakness": ["3des"]}
    expect_rows(page, len(weak))

    page.reload()
    expect_rows(page, len(weak))
    page.get_by_role("link", name="Drop the filter Weakness 3DES").click()
    expect_rows(page, len(every))
    page.go_back()
    expect_rows(page, len(weak))


def test_a_wrong_filter_is_explained_in_the_servers_words(
    page: Page, server: Target, faults: Faults
) -> None:
    faults.expect("422")
    page.goto(f"{server.url}/#/sa-contexts?remoteSubnet=nonsense")

    expect(page.get_by_role("main")).to_contain_text("invalid_parameters")


def test_an_export_has_the_rows_and_columns_on_show(page: Page, server: Target) -> None:
    weak = items_of(server.url, "sa-contexts", view="summary", weakness="3des")
    page.goto(f"{server.url}/#/sa-contexts?weakness=3des")
    expect_rows(page, len(weak))

    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = [*csv.DictReader(text.splitlines())]
    assert [row["remoteAddress"] for row in rows] == [item["remoteAddress"] for item in weak]
    assert "saContextId" not in rows[0]

    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="NDJSON").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert [json.loads(line) for line in text.splitlines()] == weak


def test_a_sorted_list_of_peers_is_the_apis(page: Page, server: Target) -> None:
    wanted = [item["address"] for item in items_of(server.url, "peers", sort="-bytes")]
    page.goto(f"{server.url}/#/peers")
    page.get_by_role("columnheader", name="Bytes").get_by_role("link").click()

    assert query_of(page) == {"sort": ["-bytes"]}
    shown = page.locator("[data-index] .address")
    expect(shown.first).to_have_text(str(wanted[0]))
    assert shown.all_text_contents()[:5] == wanted[:5]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("13868", "What the failure 13868 means"),
        ("0x80320044", "What the failure 0x80320044 means"),
        ("3020019655", "SA contexts with the SPI 3020019655"),
        ("0xb401d7c7", "SA contexts with the SPI 0xb401d7c7"),
        ("9007199271417879", "The SA context 9007199271417879"),
        ("10.0.0.0/8", "Peers on this subnet"),
        ("fd00::1", "The peer with this address"),
        ("ERROR_IPSEC_IKE_TIMED_OUT", "What the failure ERROR_IPSEC_IKE_TIMED_OUT means"),
        ("alice", "Peers named alice*"),
    ],
)
def test_what_is_most_likely_meant_is_found_first(
    page: Page, server: Target, text: str, first: str
) -> None:
    page.goto(server.url)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type(text)
    expect(page.get_by_role("option").first).to_have_text(first)
    page.keyboard.press("Enter")

    assert "#/" in page.url
