"""What goes wrong in a page while a test uses it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Response


REPORT_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) => {
  console.error(`CSP: ${event.effectiveDirective} blocks ${event.blockedURI} ${event.sample}`);
});
"""
"""Runs in each page before its own scripts."""


class Faults:
    """Collects errors, warnings, violations of the policy, and requests that fail or go elsewhere.

    Attributes:
        found: all faults, in order, expected ones too.
    """

    def __init__(self, page: Page) -> None:
        self.found: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        self._origin = ""
        page.add_init_script(REPORT_VIOLATIONS)
        page.on("console", self._on_message)
        page.on("pageerror", lambda error: self.found.append(f"exception: {error}"))
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failure)
        page.on("response", self._on_response)

    def expect(self, pattern: str) -> None:
        """Accept faults that contain a match of a regular expression."""
        self._expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """Return the faults that no test expects."""
        return [
            fault for fault in self.found if not any(each.search(fault) for each in self._expected)
        ]

    def _on_message(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self.found.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _on_request(self, request: Request) -> None:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(request.url))
        self._origin = self._origin or origin
        if origin != self._origin and not request.url.startswith(("data:", "blob:")):
            self.found.append(f"request elsewhere: {request.url}")

    def _on_failure(self, request: Request) -> None:
        # A page that is left aborts its requests, among them the streams, which never end.
        if request.failure != "net::ERR_ABORTED":
            self.found.append(f"failed request: {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.found.append(f"response {response.status}: {response.url}")
