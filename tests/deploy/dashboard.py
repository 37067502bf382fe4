"""The Grafana dashboard, and its queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final


DASHBOARD: Final = Path(__file__).parents[2] / "deploy" / "grafana" / "sa-contexts.json"


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    content: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return content


def panels() -> list[dict[str, Any]]:
    """Its panels that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions(instance: str = ".*", interval: str = "30s") -> list[tuple[str, str]]:
    """All queries, each with its panel's title, and with variables replaced as Grafana does."""

    def raw() -> Iterator[tuple[str, str]]:
        for panel in panels():
            for target in panel["targets"]:
                yield panel["title"], target["expr"]
        for annotation in dashboard()["annotations"]["list"]:
            yield annotation["name"], annotation["expr"]

    return [
        (title, text.replace("$instance", instance).replace("$__rate_interval", interval))
        for title, text in raw()
    ]
