"""What a server serves of its engine, to compare a captured engine with its replay.

As a program, it captures on one system what another replays:

    python -m tests.captures write FOLDER      # an engine, and what is served of it
    python -m tests.captures compare FOLDER    # what is served of the replay
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.bootstrap import create_service
from app.main import create_app
from app.settings.model import Settings
from bindings.capture.file import Line, compressed
from bindings.capture.record import record
from bindings.library import Library, find_library
from bindings.session import Session


LISTS: Final = ("/sa-contexts", "/ike-sas", "/connections")
PAGES: Final = ("/sa-contexts/summary", "/net-events", "/statistics/ipsec", "/statistics/ike")
RUN_FIELDS: Final = {
    *("snapshot", "takenAt", "epoch", "since", "id", "oldestId", "newestId", "engine"),
    *("sampledAt", "receivedAt"),
}


def served(client: TestClient) -> dict[str, str]:
    """Return the items of all lists, as they are served, and the other resources, as JSON."""
    found: dict[str, str] = {}
    for path in LISTS:
        response = client.get(
            path, params={"maxAge": 0}, headers={"Accept": "application/x-ndjson"}
        )
        *items, _ = response.text.splitlines() if response.is_success else (response.text, "")
        found[path] = "\n".join((str(response.status_code), *items))
    for path in PAGES:
        parameters = {"limit": 1000} if path == "/net-events" else {}
        response = client.get(path, params=parameters)
        found[path] = json.dumps(_without_run(response.json()))
    return found


def _without_run(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_run(each) for name, each in value.items() if name not in RUN_FIELDS}
    return [_without_run(each) for each in value] if isinstance(value, list) else value


def capture(
    library: Library, path: Path, alias: Callable[[int], str | None] = lambda _luid: None
) -> list[Line]:
    """Capture to a file, and return the lines after the header."""
    with Session(library) as session:
        lines = [*record(session, alias)]
    path.write_bytes(compressed({"functions": library.functions()}, lines))
    return lines


@contextmanager
def _serving(library: Library, **settings: Any) -> Iterator[TestClient]:
    made = Settings(library=library.path, simulated_churn=0, simulated_net_events=0, **settings)
    with TestClient(create_app(create_service(made)), "http://localhost") as client:
        yield client


def write(library: Library, folder: Path) -> None:
    """Write a capture of a changed population, and what is served of it."""
    simulator = Simulator(library.path)
    simulator.reset()
    simulator.net_events(80, seed=2)
    folder.mkdir(exist_ok=True)
    with _serving(library, simulated_contexts=150) as client:
        simulator.churn(300)
        (folder / "served.json").write_text(json.dumps(served(client)), encoding="utf-8")
        capture(library, folder / "capture")


def compare(library: Library, folder: Path) -> None:
    """Replay the capture; raise AssertionError if anything is served differently."""
    expected = json.loads((folder / "served.json").read_text(encoding="utf-8"))
    with _serving(library, simulated_capture=folder / "capture") as client:
        replayed = served(client)
    for path in expected:
        assert replayed[path] == expected[path], path


if __name__ == "__main__":
    {"write": write, "compare": compare}[sys.argv[1]](Library(find_library()), Path(sys.argv[2]))
    print(f"{sys.argv[1]}: done")  # noqa: T201  # a program
