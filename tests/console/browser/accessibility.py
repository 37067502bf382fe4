"""Accessibility, as axe-core finds it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page


AXE: Final = Path(os.environ["SA_CONTEXTS_TEST_NODE_MODULES"]) / "axe-core" / "axe.min.js"
RUN: Final = "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations)"


def violations(page: Page) -> list[str]:
    """Return each violation with the elements concerned."""
    session = page.context.new_cdp_session(page)  # which the page's policy does not concern

    def evaluate(expression: str) -> Any:
        answer = session.send(
            "Runtime.evaluate",
            {"expression": expression, "awaitPromise": True, "returnByValue": True},
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    evaluate(f"{AXE.read_text(encoding='utf-8')};undefined")
    found = evaluate(RUN)
    session.detach()
    return [
        f"{each['id']} ({each['impact']}): {node['html']}: {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]
