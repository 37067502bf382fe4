"""Signing in with a key and at an issuer, and what a credential without a scope shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.auth.made import id_of, make_key, run_keys
from tests.console.browser.accessibility import violations
from tests.console.browser.code_flow import CLIENT_ID, CodeFlow, signing_in
from tests.console.browser.conftest import Run
from tests.console.browser.faults import Faults


ALL = ("sa:read", "events:read", "diagnostics:read", "metrics:read")
STORED = "sa-contexts.credential"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def issuer(faults: Faults) -> Iterator[CodeFlow]:
    with signing_in() as flow:
        faults.expect(f"request elsewhere: {flow.oidc.url}")
        yield flow


def use(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Use this key").click()


def storage(page: Page, kind: str) -> dict[str, str]:
    found: dict[str, str] = page.evaluate(f"({{...{kind}}})")
    return found


def test_a_key_signs_in_for_the_tab_alone(
    page: Page, context: BrowserContext, run: Run, keys: Path
) -> None:
    key = make_key(keys, *ALL)
    server = run(api_keys_file=keys, simulated_net_events=3)
    page.goto(f"{server.url}/#/sa-contexts?weakness=3des")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert violations(page) == []
    use(page, key)

    expect(page.get_by_role("heading", name="SA contexts")).to_be_visible()
    expect(page.get_by_role("status").first).to_have_text("live")
    assert page.url.endswith("#/sa-contexts?weakness=3des")
    assert key in storage(page, "sessionStorage")[STORED]
    assert storage(page, "localStorage") == {}
    assert context.cookies() == []
    page.reload()
    expect(page.get_by_role("heading", name="SA contexts")).to_be_visible()

    other = context.new_page()
    other.goto(server.url)
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert storage(page, "sessionStorage") == {}


def test_a_wrong_key_is_rejected_in_the_servers_words(
    page: Page, run: Run, keys: Path, faults: Faults
) -> None:
    faults.expect("401")
    make_key(keys, *ALL)
    server = run(api_keys_file=keys)
    page.goto(server.url)
    use(page, "not-a-key")

    expect(page.get_by_role("main")).to_contain_text("unauthenticated")
    expect(page.get_by_label("API key")).to_be_visible()
    assert storage(page, "sessionStorage") == {}


def test_a_revoked_key_leads_back_to_signing_in(
    page: Page, run: Run, keys: Path, faults: Faults
) -> None:
    faults.expect("401")
    key = make_key(keys, *ALL)
    make_key(keys, *ALL, name="other")
    server = run(api_keys_file=keys)
    page.goto(server.url)
    use(page, key)
    expect(page.get_by_role("region", name="Protections")).to_be_visible()

    run_keys("revoke", id_of(key), path=keys)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("rejected the one of this tab")


@pytest.mark.parametrize("missing", ALL)
def test_a_missing_scope_is_named_and_the_rest_is_shown(
    page: Page, run: Run, keys: Path, faults: Faults, missing: str
) -> None:
    faults.expect("403")
    key = make_key(keys, *(scope for scope in ALL if scope != missing))
    server = run(api_keys_file=keys, simulated_net_events=3)
    page.goto(server.url)
    use(page, key)
    at = "engine" if missing == "metrics:read" else ""
    page.goto(f"{server.url}/#/{at}")

    expect(page.get_by_role("main")).to_contain_text(missing)
    if missing != "sa:read":
        page.goto(f"{server.url}/#/sa-contexts")
        expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "251")


def test_the_issuer_signs_in_by_code_and_pkce(page: Page, run: Run, issuer: CodeFlow) -> None:
    server = run(**issuer.settings)
    page.goto(f"{server.url}/#/peers")
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()

    expect(page.get_by_role("heading", name="Peers")).to_be_visible()
    expect(page).to_have_url(f"{server.url}/#/peers")
    [asked] = issuer.authorizations
    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert asked["client_id"] == CLIENT_ID
    assert issuer.rejected == []
    expect(page.get_by_role("status").first).to_have_text("live")


def test_why_the_issuer_signs_nobody_in_is_shown(page: Page, run: Run, issuer: CodeFlow) -> None:
    issuer.error = "access_denied"
    server = run(**issuer.settings)
    page.goto(server.url)
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()

    expect(page.get_by_role("main")).to_contain_text("access_denied")
    assert "code=" not in page.url
    assert "error=" not in page.url


def test_a_code_for_another_sign_in_is_not_taken(page: Page, run: Run, issuer: CodeFlow) -> None:
    server = run(**issuer.settings)
    page.goto(f"{server.url}/?code=forged&state=forged#/")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert storage(page, "sessionStorage") == {}


def test_an_ended_token_leads_back_to_signing_in(page: Page, run: Run, issuer: CodeFlow) -> None:
    issuer.seconds = 3
    server = run(**issuer.settings)
    page.goto(server.url)
    page.get_by_role("button", name="Sign in at 127.0.0.1").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Sign in at"))).to_be_visible()
