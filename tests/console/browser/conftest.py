"""What the console's tests in a browser share: servers, the browser, and a page that is watched.

The console's own policy applies: Playwright's `wait_for_function`, which evaluates strings in the
page, fails. Wait with `expect`, `expect_response` or `expect_console_message`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)
from sa_contexts_simulator import Simulator

from tests.answers.example_host import example_host
from tests.console.browser.devices import VIEWPORTS, Scheme
from tests.console.browser.faults import Faults
from tests.soak.process import Target, running_target


CHROMIUM = Path("/usr/bin/chromium")
TIMEOUT_MS = 20_000
expect.set_options(timeout=TIMEOUT_MS)


class Run(Protocol):
    """Starts a server in a process of its own, with a simulated engine."""

    def __call__(self, *, contexts: int = 250, changes: float = 0, **settings: Any) -> Target:
        """Start a server.

        Args:
            contexts: the number of SA contexts.
            changes: changes per second.
            settings: other settings; `api_keys_file` for instance makes it require credentials.
        """


@contextmanager
def _running() -> Iterator[Run]:
    with ExitStack() as stack:

        def start(*, contexts: int = 250, changes: float = 0, **settings: Any) -> Target:
            return stack.enter_context(
                running_target(
                    simulated_contexts=contexts,
                    simulated_churn=changes,
                    engine="simulator",
                    **settings,
                )
            )

        yield start


@pytest.fixture
def run() -> Iterator[Run]:
    """Start servers, which end with the test."""
    with _running() as start:
        yield start


@pytest.fixture(scope="session")
def server() -> Iterator[Target]:
    """A server of 250 contexts, none of which changes; its events, too, remain as they are."""
    with _running() as start:
        yield start(simulated_net_events=0)


@pytest.fixture(scope="session")
def busy() -> Iterator[Target]:
    """A server with something on each page."""
    with _running() as start:
        yield start(
            simulated_net_events=1, simulated_crowds="spoofed:3", expected_peers="198.18.0.2"
        )


@pytest.fixture
def url(simulator: Simulator) -> Iterator[str]:
    """The URL of the host of docs/questions.md, which runs in this process."""
    with example_host(simulator) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def viewport(request: pytest.FixtureRequest) -> ViewportSize:
    """The window: a desktop's, unless the test is marked with `every_viewport`."""
    return VIEWPORTS[getattr(request, "param", "desktop")]


@pytest.fixture
def scheme(request: pytest.FixtureRequest) -> Scheme:
    """The colour scheme: light, unless the test is marked with `every_scheme`."""
    chosen: Scheme = getattr(request, "param", "light")
    return chosen


@pytest.fixture
def context(browser: Browser, viewport: ViewportSize, scheme: Scheme) -> Iterator[BrowserContext]:
    """A browser without a past, in UTC and American English."""
    context = browser.new_context(
        viewport=viewport, color_scheme=scheme, locale="en-US", timezone_id="UTC"
    )
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[tuple[Page, Faults]]:
    """An empty page, and what goes wrong in it; the test must expect all of that."""
    page = context.new_page()
    faults = Faults(page)
    yield page, faults
    assert faults.unexpected() == []


@pytest.fixture
def page(watched: tuple[Page, Faults]) -> Page:
    """An empty page. The test fails if anything in it goes wrong that the test did not expect."""
    return watched[0]


@pytest.fixture
def faults(watched: tuple[Page, Faults]) -> Faults:
    """What goes wrong in the page."""
    return watched[1]
