"""The windows in which the console is tested."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize


Scheme = Literal["light", "dark"]

VIEWPORTS: dict[str, ViewportSize] = {
    "desktop": {"width": 1440, "height": 900},
    "tablet": {"width": 1024, "height": 768},
    "phone": {"width": 390, "height": 844},
}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

every_viewport = pytest.mark.parametrize("viewport", VIEWPORTS, indirect=True)
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, indirect=True)


def width_beyond_window(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    beyond: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return beyond
