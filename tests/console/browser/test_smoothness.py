"""What blocks a page is measured: otherwise, that it is smooth would prove nothing."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.console.browser.smoothness import observe, smoothness
from tests.soak.process import Target


def test_a_long_task_is_measured(page: Page, server: Target) -> None:
    observe(page)
    page.goto(server.url)
    page.wait_for_timeout(500)
    smoothness(page)

    page.evaluate("""() => new Promise((resolve) => setTimeout(() => {
      const end = performance.now() + 120;
      while (performance.now() < end);
      setTimeout(resolve, 200);
    }))""")
    found = smoothness(page)

    assert max(found.long_tasks) >= 120
    assert max(found.frames) >= 100
