"""The guide to events is correct, and its program works."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sa_contexts_simulator import Simulator

from app.resources.sa_contexts import event_schema
from app.resources.sa_contexts.events import EVENTS
from app.schemas import pages
from app.settings.model import Settings
from tests.cli.served import served


GUIDE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
QUERY = "initial=true&view=basic"


def test_every_event_is_documented_with_its_data() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| .+ \|$", GUIDE, re.MULTILINE)

    assert [name for name, _ in rows] == list(EVENTS)
    for name, fields in rows:
        if name != "modified":  # "the same"
            documented = {field.partition(".")[0] for field in re.findall(r"`([\w.]+)`", fields)}
            schema = vars(event_schema).get(EVENTS[name]) or vars(pages)[EVENTS[name]]
            members = schema.model_fields.values()
            assert documented == {member.alias for member in members}


def test_the_settings_it_names_exist() -> None:
    named = re.findall(r"`SA_CONTEXTS_(\w+)`", GUIDE)

    assert len(named) >= 7
    assert {name.lower() for name in named} <= set(Settings.model_fields)


@pytest.fixture
def sa_contexts() -> Callable[[str], Iterator[dict[str, Any]]]:
    (program,) = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(program, "docs/events.md", "exec"), names)  # noqa: S102  # it is ours
    found: Callable[[str], Iterator[dict[str, Any]]] = names["sa_contexts"]
    return found


def test_the_program_follows(
    sa_contexts: Callable[[str], Any], simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    with served(30, max_stream_seconds=0.5) as port:
        url = f"http://127.0.0.1:{port}/sa-contexts/events?{QUERY}"
        with closing(sa_contexts(url)) as each:
            assert sorted(map(int, next(each))) == simulator.ids()

            for _ in range(3):
                simulator.churn(20)
                settled = simulator.ids()
                assert any(sorted(map(int, contexts)) == settled for contexts in each)
