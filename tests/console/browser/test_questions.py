"""The questions of docs/questions.md: each is answered within one click from the overview."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from sa_contexts_simulator import Simulator

from tests.answers.example_host import CERTIFIED, DOWN, ENDED, FAILING
from tests.console.browser.api import items_of


PAGE = Path(__file__).parents[3] / "docs" / "questions.md"
ALICE = re.compile(r"CORP\\alice")
FIND = "Find an address"


def click(name: str | re.Pattern[str]) -> Callable[[Page], None]:
    """Return the click on a link of the overview."""
    return lambda page: page.get_by_role("main").get_by_role("link", name=name).first.click()


def find(text: str, suggestion: str) -> Callable[[Page], None]:
    """Return the click on what the box in the bar suggests for a text."""

    def follow(page: Page) -> None:
        page.get_by_role("combobox", name=FIND).fill(text)
        page.get_by_role("option", name=suggestion).click()

    return follow


def stay(_page: Page) -> None:
    """Do not click: the overview has the answer."""


ANSWERS: dict[str, tuple[Callable[[Page], None], tuple[str | re.Pattern[str], ...]]] = {
    "Which rule does this SA, failure or drop come from?": (
        click("SA contexts quick mode SAs"),
        ("Rule", "SMB between file servers (out)"),
    ),
    "Which SAs are weak, and which belong to one user?": (
        click(re.compile("^[0-9]+ .*Weak SA contexts")),
        ("any", "no PFS"),
    ),
    "Which SA contexts does a rule make?": (
        find("SMB between", "SA contexts by the rule SMB between*"),
        ("SMB between file servers (out)",),
    ),
    "Why does 10.80.0.0 not connect?": (
        click("10.80.0.0"),
        ("ERROR_IPSEC_IKE_TIMED_OUT", "UDP 500 and 4500"),
    ),
    "Which configured tunnel is down?": (
        click("Tunnels failing or down"),
        ("Branch office Łódź", FAILING, "Laboratory tunnel 001", DOWN),
    ),
    "Which peers are weak?": (
        click("All weak peers"),
        ("3DES", "10.28.27.7"),
    ),
    "Who moves most bytes?": (stay, ("Traffic by peer", "10.120.79.186")),
    "Why are there no byte counts?": (
        lambda page: page.get_by_role("navigation").get_by_role("link", name="Engine").click(),
        ("The engine tracks connections.",),
    ),
    "Which SAs does the user alice have?": (
        find(r"corp\alice", r"SA contexts of corp\alice*"),
        (ALICE, "10.143.165.43"),
    ),
    "What is protected with this peer, and what is wrong with it?": (
        find("10.78.59.115", "The peer with this address"),
        ("host/mail236.ad.example.net", "3DES", "Diagnosis"),
    ),
    "What does this failure code mean, and what do I check?": (
        find("13868", "What the failure 13868 means"),
        ("ERROR_IPSEC_IKE_POLICY_MATCH", "Get-VpnServerConfiguration"),
    ),
    "Which certificate expires this month?": (
        click("Certificates expiring within 30 days"),
        (CERTIFIED, "12 d"),
    ),
    "What ended in the last ten minutes, and why?": (
        click("What ended, and why"),
        (ENDED[0], "main mode gone"),
    ),
    "How did this host fare in the last hours?": (stay, (re.compile("The last hours|Since"),)),
}


def test_without_byte_counts_the_overview_leads_to_why(
    page: Page, url: str, simulator: Simulator
) -> None:
    simulator.monitor_connections(is_on=False)
    items_of(url, "peers", maxAge="0")
    page.goto(url)
    traffic = page.get_by_role("region", name="Traffic by peer")
    expect(traffic).to_contain_text("The engine does not track connections")
    traffic.get_by_role("link", name="How to enable it").click()

    expect(page.get_by_role("main")).to_contain_text(
        "sa-contexts service enable-connection-monitoring"
    )


def test_each_question_is_answered_within_one_click(page: Page, url: str) -> None:
    headings = re.findall("^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [*ANSWERS]

    for question, (act, texts) in ANSWERS.items():
        page.goto(url)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        act(page)
        for text in texts:
            expect(page.get_by_role("main"), question).to_contain_text(text)
