"""The page of an SA context that has ended, and the diagnosis of a peer."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from sa_contexts_simulator import Simulator

from tests.answers.example_host import DOWN, ENDED, context_of_user
from tests.console.browser.accessibility import violations
from tests.console.browser.api import items_of
from tests.console.browser.faults import Faults


GONE = "404.*/(sa-contexts|ike-sas)/"
"""What the page of a context without a main mode SA asks for in vain, too."""


def test_the_page_of_an_ended_context_says_why_it_ended(
    page: Page, url: str, faults: Faults
) -> None:
    faults.expect(GONE)
    ended = next(
        each
        for each in items_of(url, "sa-contexts/ended", remoteAddress=ENDED[0])
        if each["endReason"] == "main_mode_gone"
    )
    page.goto(f"{url}/#/sa-contexts/{ended['saContextId']}")
    panel = page.get_by_role("region", name="This SA context has ended")

    expect(panel).to_contain_text("main mode gone")
    expect(panel.get_by_role("link", name=ENDED[0])).to_have_attribute(
        "href", f"#/peers/{ENDED[0]}"
    )
    expect(page.locator(".notice.bad")).to_have_count(0)
    assert violations(page) == []


def test_a_context_that_ends_stays_on_its_page(
    page: Page, url: str, faults: Faults, simulator: Simulator
) -> None:
    faults.expect(GONE)
    number = simulator.put(context_of_user("198.51.100.77").address)
    simulator.flush()
    items_of(url, "sa-contexts", maxAge="0")
    page.goto(f"{url}/#/sa-contexts/{number}")
    picture = page.get_by_role("region", name="Both directions", exact=True)
    expect(picture).to_be_visible()

    simulator.delete(number)
    simulator.flush()
    items_of(url, "sa-contexts", maxAge="0")

    expect(page.get_by_role("region", name="This SA context has ended")).to_be_visible()
    expect(picture).to_be_visible()


def test_an_unknown_context_is_not_said_to_have_ended(page: Page, url: str, faults: Faults) -> None:
    faults.expect(GONE)
    page.goto(f"{url}/#/sa-contexts/18446744073709551615")

    expect(page.get_by_role("region", name="There is no such SA context")).to_be_visible()


def test_a_diagnosis_opens_what_matters_most(page: Page, url: str) -> None:
    page.goto(f"{url}/#/peers/{DOWN}")
    diagnosis = page.get_by_role("region", name="Diagnosis")
    expect(diagnosis.get_by_role("listitem").first).to_contain_text(DOWN)
    expect(diagnosis.get_by_text("UDP ports 500 and 4500 reach it")).to_be_visible()

    weak = items_of(url, "peers", weakness="3des", state="protected")[0]["address"]
    page.goto(f"{url}/#/peers/{weak}")
    expect(diagnosis.get_by_role("group").first).to_have_attribute("open", "")
    folded = diagnosis.get_by_role("listitem").filter(has_text="The protection has weaknesses")
    expect(folded.get_by_text("remove the weak proposals")).to_be_hidden()
    folded.get_by_text("What to check").click()
    expect(folded.get_by_text("remove the weak proposals")).to_be_visible()
