"""Take the pictures of docs/console.md: `tests/console/browser/run --pictures`.

The host is simulated, and runs for some minutes first, so that plots and past show something.
Debian's `fonts-noto-cjk` has the characters of some names.
"""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from tests.auth.made import make_key
from tests.console.browser.api import items_of
from tests.console.browser.conftest import CHROMIUM
from tests.console.browser.devices import SCHEMES
from tests.soak.process import running_target


IMAGES = Path(__file__).parents[3] / "docs" / "images"
QUALITY = 80
HISTORY_SECONDS = 400
SAMPLED_MS = 40_000
"""How long the engine's page samples statistics, so that its plots show something."""
HOST: dict[str, Any] = {
    "engine": "simulator",
    "simulated_contexts": 250,
    "simulated_churn": 0.5,
    "simulated_net_events": 0.1,
    "simulated_crowds": "spoofed:3",
    "expected_peers": "10.80.0.0,198.18.0.2",
    "refresh_interval_seconds": 5,
}
LISTS = ("sa-contexts", "ended", "peers", "failures", "tunnels", "certificates", "engine")


def main() -> None:
    """Take all pictures."""
    with running_target(**HOST) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        time.sleep(HISTORY_SECONDS)
        for scheme in SCHEMES:
            with _window(browser, scheme, 1280, 800) as window:
                for name, place in _places(server.url):
                    _take(window, f"{server.url}/#/{place}", f"{name}-{scheme}")
        with _window(browser, "dark", 390, 844) as phone:
            _take(phone, server.url, "phone-dark")
            _take(phone, f"{server.url}/#/peers", "phone-peers-dark")
        _take_sign_in(browser)


def _places(url: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the place of each picture."""
    yield "overview", ""
    yield from ((name, name) for name in LISTS)
    context = next(
        each for each in items_of(url, "sa-contexts", view="summary") if each["state"] == "complete"
    )
    yield "sa-context", f"sa-contexts/{context['saContextId']}"
    yield "peer", "peers/10.80.0.0"
    yield "failure", "failures/13868"


def _take_sign_in(browser: Browser) -> None:
    with TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.json"
        make_key(keys, "sa:read")
        with running_target(engine="simulator", api_keys_file=keys) as server:
            for scheme in SCHEMES:
                with _window(browser, scheme, 1280, 800) as window:
                    _take(window, server.url, f"sign-in-{scheme}")


def _window(browser: Browser, scheme: Any, width: int, height: int) -> BrowserContext:
    return browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        locale="en-US",
        timezone_id="UTC",
    )


def _without_paths(route: Route) -> None:
    """Answer as the server does, but without the folders of this machine."""
    response = route.fetch()
    content = response.json()
    content["library"] = Path(content["library"]).name
    route.fulfill(response=response, json=content)


def _take(window: BrowserContext, url: str, name: str) -> None:
    page: Page = window.new_page()
    page.route("**/engine", _without_paths)
    page.goto(url)
    page.wait_for_timeout(SAMPLED_MS if name.startswith("engine") else 3000)
    session = window.new_cdp_session(page)  # Playwright itself saves no WebP
    answer = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    (IMAGES / f"console-{name}.webp").write_bytes(b64decode(answer["data"]))
    page.close()


if __name__ == "__main__":
    main()
