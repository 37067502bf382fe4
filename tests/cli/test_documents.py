"""The documents are correct."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.api.problems import KINDS
from app.hub.hosts.routes import NOT_FOUND
from app.hub.ingest.problems import KINDS as HUB_KINDS
from app.hub.settings import HubSettings
from app.settings.model import Settings
from app.settings.server import ServerSettings


ROOT = Path(__file__).parents[2]


HUB = [
    name
    for name, field in HubSettings.model_fields.items()
    if name not in ServerSettings.model_fields
    or field.default != ServerSettings.model_fields[name].default
]
"""The settings that only a hub has, or that have another default there."""


@pytest.mark.parametrize(
    ("document", "settings", "names"),
    [("settings.md", Settings, [*Settings.model_fields]), ("fleet.md", HubSettings, HUB)],
)
def test_every_setting_is_documented_with_its_default(
    document: str, settings: type[ServerSettings], names: list[str]
) -> None:
    rows = re.findall(
        r"^\| `SA_CONTEXTS_(\w+)` \| (?:`(.*?)`)? *\| (.+) \|$",
        (ROOT / "docs" / document).read_text(encoding="utf-8"),
        re.MULTILINE,
    )

    fields = settings.model_fields
    assert names
    assert [name.lower() for name, _, _ in rows] == names
    for name, default, text in rows:
        field = fields[name.lower()]
        expected = getattr(field.default, "value", field.default)
        assert default == ("" if expected is None else str(expected))
        assert text == field.description


def test_every_problem_is_in_the_catalogue() -> None:
    text = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (.+) \|$", text, re.MULTILINE)

    kinds = [*KINDS.values(), *HUB_KINDS.values()]
    assert kinds[-1] is NOT_FOUND
    assert rows == [(kind.code, str(kind.status), kind.title) for kind in kinds]


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        *(f"docs/{p.name}" for p in ROOT.glob("docs/*.md")),
    ],
)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    assert "@@" not in path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_list_of_pages_has_each_of_them() -> None:
    listed = re.findall(
        r"\]\(([\w-]+\.md)\)", (ROOT / "docs/README.md").read_text(encoding="utf-8")
    )

    assert sorted({*listed, "README.md"}) == sorted(page.name for page in ROOT.glob("docs/*.md"))


def test_the_threat_model_points_to_what_there_is() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    pointed = re.findall(r"`((?:app|bindings|supply|tests)\b[\w/.]*)`", text)

    assert len(pointed) > 40
    assert [path for path in pointed if not (ROOT / path).exists()] == []
