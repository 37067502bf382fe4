"""The examples in the documents are what the server answers.

An example may omit headers, and abbreviate with `…`: any value, the rest of a list or a text,
lines, or events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.settings.model import Settings
from tests.conftest import Serve


ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(
    r"^```\n\$ curl -iN? (?:-H '([^']+)' )?'http://127\.0\.0\.1:8080([^']+)'\n(.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
VOLATILE = {
    "epoch",
    "revision",
    "takenAt",
    "startedAt",
    "since",
    "durationSeconds",
    "host",
    "leasedSnapshots",
}
"""Fields that differ from run to run."""
ANY = "…"
COUNTS = {"four": 4}
"""Numbers of items that an example leaves out, in words."""
SHORTENED = re.compile(rf"(1\.[0-9a-f]{{8}}\.\w+{ANY}|{ANY})")
"""What an example leaves out of a text: most of a cursor, or anything."""
NET_EVENTS = ((1, 13868, 1), (4, 0xC0360001, 4), (0, 13801, 232))
"""Type, code and seed of the events in the examples."""


class Example(NamedTuple):
    header: str
    target: str
    answer: str


def examples() -> Iterator[Any]:
    for document in sorted(DOCS.glob("*.md")):
        for found in BLOCK.finditer(document.read_text(encoding="utf-8")):
            yield pytest.param(Example(*found.groups()), id=f"{document.name}-{found[2]}")


def assert_like(shown: Any, given: Any, name: str = "") -> None:
    """Assert that a value equals the example, apart from `…`."""
    if shown == ANY or name in VOLATILE:
        assert given is not None, name
    elif isinstance(shown, dict):
        assert list(shown) == list(given), name
        for member, value in shown.items():
            assert_like(value, given[member], member)
    elif isinstance(shown, list):
        is_shortened = bool(shown) and shown[-1] == ANY
        items = shown[:-1] if is_shortened else shown
        assert len(given) > len(items) if is_shortened else len(given) == len(items), name
        for one, other in zip(items, given, strict=False):
            assert_like(one, other, name)
    elif isinstance(shown, str) and ANY in shown:
        assert_text_like(shown, given)
    else:
        assert shown == given, name


def assert_text_like(shown: str, given: str) -> None:
    """Assert that a text is the example, with any text for `…` and any cursor for a cursor."""
    pattern = "".join(
        r"1\.[0-9a-f]{8}\.[\w.-]+"
        if part.startswith("1.") and part.endswith(ANY)
        else ".+"
        if part == ANY
        else re.escape(part)
        for part in SHORTENED.split(shown)
    )
    assert re.fullmatch(pattern, given, re.DOTALL), (shown, given)


def assert_events_like(shown: str, given: str) -> None:
    """Assert that the events match; `…` stands for any number of others."""
    coming = iter(given.strip().split("\n\n"))
    may_be_others = False
    for event in shown.strip().split("\n\n"):
        if event == ANY:
            may_be_others = True
            continue
        lines = event.splitlines()
        found = next(coming)
        while may_be_others and found.splitlines()[0] != lines[0]:
            found = next(coming)
        may_be_others = False
        for one, other in zip(lines, found.splitlines(), strict=True):
            assert one.partition(": ")[0] == other.partition(": ")[0]
            if one.startswith("data: "):
                assert_like(json.loads(one[6:]), json.loads(other[6:]))
            elif one.startswith("id: "):
                assert re.fullmatch(r"id: [0-9a-f]{12}-\d+", other)
                assert len(one) == len(other)
            else:
                assert one == other
    assert next(coming, None) is None


def assert_within(shown: Any, given: Any, name: str = "") -> None:
    """Assert that a value has all that a shortened example shows of it."""
    if isinstance(shown, dict):
        for member, value in shown.items():
            assert member in given, (name, member)
            assert_within(value, given[member], member)
    elif isinstance(shown, list) and shown and str(shown[-1]).startswith(ANY):
        left_out = COUNTS[shown[-1].strip(f" {ANY}").partition(" ")[0]]
        assert len(given) == len(shown) - 1 + left_out, name
        for one, other in zip(shown[:-1], given, strict=False):
            assert_within(one, other, name)
    elif isinstance(shown, list):
        assert len(shown) == len(given), name
        for one, other in zip(shown, given, strict=True):
            assert_within(one, other, name)
    elif shown == ANY or name in VOLATILE | {"nextCursor"}:
        assert isinstance(given, dict if shown == ANY else type(shown)), name
    else:
        assert shown == given, name


EXAMPLES = list(examples())


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 10


def test_the_answer_in_the_readme_is_true(serve: Serve) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(
        r"http://127\.0\.0\.1:8080(/[^']+)' \| python3 .*?^```json\n(.*?)^```$",
        readme,
        re.MULTILINE | re.DOTALL,
    )
    assert found
    client: TestClient = serve(contexts=Settings.model_fields["simulated_contexts"].default)

    response = client.get(found[1])

    assert_within(json.loads(found[2]), response.json())


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_true(serve: Serve, simulator: Simulator, example: Example) -> None:
    client: TestClient = serve(contexts=250, max_stream_seconds=0.5)
    for type_, code, seed in NET_EVENTS:
        simulator.net_event(type_, code, seed)
    assert simulator.flush()
    client.get("/sa-contexts?limit=1000&maxAge=0")
    client.get("/net-events")  # waits for the first session
    name, _, value = (example.header or "").partition(": ")

    response = client.get(example.target, headers={name: value} if name else {})

    head, _, body = example.answer.partition("\n\n")
    status, *headers = head.splitlines()
    assert status.split()[1] == str(response.status_code)
    for line in headers:
        header, _, shown = line.partition(": ")
        given = response.headers[header]
        if header not in {"etag", "snapshot-expires"}:
            assert_text_like(shown, given) if ANY in shown else assert_like(shown, given)
    if response.headers["content-type"].startswith("application/x-ndjson"):
        lines = body.strip().splitlines()
        assert lines[1] == ANY
        given_lines = response.text.splitlines()
        assert_like(json.loads(lines[0]), json.loads(given_lines[0]))
        assert_like(json.loads(lines[-1]), json.loads(given_lines[-1]))
    elif response.headers["content-type"].startswith("text/plain"):
        shown_lines, text = body.strip().splitlines(), iter(response.text.splitlines())
        assert ANY in shown_lines
        assert all(line in text for line in shown_lines if line != ANY)  # in this order
    elif response.headers["content-type"].startswith("text/event-stream"):
        assert_events_like(body, response.text)
    else:
        assert_like(json.loads(body), response.json())
