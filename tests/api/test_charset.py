"""Text reaches a client that assumes ISO 8859-1 by default, as Windows PowerShell 5.1 does."""

from __future__ import annotations

import re
from email.message import Message

import pytest
from starlette.testclient import TestClient

from tests.soak.schemas import DOCUMENT


PATHS = [path for path in DOCUMENT["paths"] if not path.endswith("/events")]


def text_of(client: TestClient, path: str, accept: str | None = None) -> str:
    """Return the body of a response as such a client reads it; check that it is right."""
    response = client.get(path, headers={} if accept is None else {"accept": accept})
    head = Message()
    head["content-type"] = response.headers["content-type"]
    text = response.content.decode(head.get_content_charset("iso-8859-1"))

    assert head.get_content_charset() == "utf-8"
    assert text == response.content.decode("utf-8")
    return text


@pytest.mark.parametrize("path", [*PATHS, "/openapi.json", "/docs", "/nowhere"])
def test_every_response_names_its_charset(client: TestClient, path: str) -> None:
    text_of(client, re.sub(r"\{\w+\}", "1", path))
    text_of(client, f"{re.sub(r'{.*}', 'not_found', path)}?unknown=1")


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson", "*/*"])
def test_names_outside_of_ascii_arrive(client: TestClient, accept: str) -> None:
    text = text_of(client, "/sa-contexts", accept)

    assert "Printer drücken" in text
