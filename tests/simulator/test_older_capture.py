"""A capture of an old engine, which lacks newer functions, is replayed by the current simulator."""

import json
from pathlib import Path

from sa_contexts_simulator import Simulator

from bindings.capture.record import record
from bindings.capture.replay import differences
from bindings.library import Library
from bindings.session import Session
from tests.captures import capture

from .build import GCC, build, generation_0


def test_a_capture_of_an_old_library_is_replayed(
    simulator: Simulator, library: Path, tmp_path: Path
) -> None:
    old = Simulator(build(generation_0(GCC), tmp_path / "old"))
    old.populate(60, seed=3)
    old.net_events(30, seed=4)
    captured = capture(Library(old.path), tmp_path / "capture")

    simulator.replay(tmp_path / "capture")

    with Session(Library(library)) as session:
        answers = [*record(session, lambda _luid: None)]
        assert [*differences(tmp_path / "capture", session)] == []
    assert [json.dumps(line) for line in answers if "error" not in line] == [
        json.dumps(line) for line in captured if "error" not in line
    ]
    lacking = {line["function"] for line in answers if "error" in line}
    assert {"IPsecSaContextEnum1", "IkeextSaEnum2", "FwpmNetEventEnum5"} <= lacking
