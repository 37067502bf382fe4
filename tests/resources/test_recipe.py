"""The recipe for a resource in docs/architecture.md: one folder and one line serve all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.api.problems import KINDS
from app.bootstrap import create_service
from app.main import create_app
from app.resources import RESOURCES
from app.settings.model import Settings
from tests.auth.made import make_key
from tests.conftest import SIMULATOR_PATH
from tests.resources import notes


@pytest.fixture
def client(
    simulator: Simulator,  # noqa: ARG001  # it is reset
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TestClient]:
    monkeypatch.setitem(KINDS, notes.NOT_FOUND.code, notes.NOT_FOUND)
    keys = tmp_path / "keys.json"
    key = make_key(keys, "sa:read")
    resources = (*RESOURCES, notes.RESOURCE)
    given: dict[str, Any] = {
        "library": SIMULATOR_PATH,
        "simulated_contexts": 0,
        "api_keys_file": keys,
    }
    settings = Settings(**given)
    app = create_app(create_service(settings, resources), resources=resources)
    with TestClient(app, "http://localhost", headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


def items_of(client: TestClient, query: str) -> list[dict[str, Any]]:
    """Follow the cursors to the end."""
    items, path = [], f"/notes?{query}"
    while path:
        response = client.get(path)
        assert response.status_code == 200, response.text
        items += response.json()["items"]
        path = f"/{response.links['next']['url']}" if "next" in response.links else ""
    return items


def test_list_walks_the_table_in_pages(client: TestClient) -> None:
    assert [item["noteId"] for item in items_of(client, "limit=4")] == [str(n) for n in range(25)]


def test_filter_selects_by_the_index_key(client: TestClient) -> None:
    items = items_of(client, "limit=2&color=blue")

    assert [int(item["noteId"]) for item in items] == [n for n in range(25) if n % 3 == 0]


def test_item_and_export_have_the_same_objects(client: TestClient) -> None:
    *lines, end = client.get("/notes", headers={"Accept": "application/x-ndjson"}).iter_lines()

    assert '"count":25' in end
    assert len(lines) == 25
    assert client.get("/notes/7").text == lines[7]


def test_unknown_id_is_the_problem_of_the_resource(client: TestClient) -> None:
    response = client.get("/notes/99")

    assert (response.status_code, response.json()["code"]) == (404, "note_not_found")
    assert "no note" in client.get("/problems/note_not_found").json()["explanation"]


def test_resource_needs_its_scope(client: TestClient) -> None:
    assert client.get("/notes", headers={"Authorization": ""}).status_code == 401


def test_cursor_of_another_resource_is_rejected(client: TestClient) -> None:
    cursor = client.get("/notes?limit=1").json()["nextCursor"]

    assert client.get(f"/ike-sas?cursor={cursor}").json()["code"] == "cursor_mismatch"


def test_openapi_document_describes_the_resource(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    page = client.get("/notes?limit=1").json()

    assert {"name": "Notes", "description": "Notes from a table."} in document["tags"]
    assert document["paths"]["/notes"]["get"]["operationId"] == "list_notes"
    assert document["paths"]["/notes/{noteId}"]["get"]["operationId"] == "get_note"
    assert "NoteExportEnd" in document["components"]["schemas"]
    schema = {"$ref": "#/components/schemas/NotePage", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(page)


def test_architecture_page_names_files_that_exist() -> None:
    root = Path(__file__).parents[2]
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:app|bindings|tests)/[\w./]+)`", text))

    assert len(named) > 20
    assert [name for name in sorted(named) if not (root / name).exists()] == []
