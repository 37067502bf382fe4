"""What is served of a replayed capture is what was served of the captured engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from structlog.testing import capture_logs

from app.service import MAX_LOGGED_DIFFERENCES, open_library
from app.settings.model import Settings
from bindings.capture.file import compressed
from bindings.capture.record import record
from bindings.library import Library
from bindings.session import Session
from tests.captures import LISTS, capture, served
from tests.conftest import Serve


@pytest.mark.parametrize("settings", [{}, {"generation": 0}, {"ipv6_order": "reversed"}], ids=str)
def test_a_replayed_capture_is_served_byte_for_byte(
    serve: Serve, simulator: Simulator, library: Library, tmp_path: Path, settings: dict[str, Any]
) -> None:
    simulator.net_events(80, seed=2)
    client = serve(contexts=150, **settings)
    simulator.churn(300)
    expected = served(client)
    capture(library, tmp_path / "capture")

    replayed = served(serve(simulated_capture=tmp_path / "capture", **settings))

    assert replayed == expected
    assert all(len(expected[path].splitlines()) > 20 for path in LISTS)
    assert len(json.loads(expected["/net-events"])["items"]) == 80


def test_an_engine_without_ikeext_is_served_as_such(
    serve: Serve, simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.fail("IkeextSaCreateEnumHandle0", 0x80320044, times=0)
    simulator.monitor_connections(False)
    expected = served(serve(contexts=20))
    capture(library, tmp_path / "capture")

    replayed = served(serve(simulated_capture=tmp_path / "capture"))

    assert replayed == expected


def test_an_item_is_served_under_its_captured_id(
    serve: Serve, simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    client = serve(contexts=30)
    paths = [f"/sa-contexts/{each}" for each in simulator.ids()]
    paths += [f"/connections/{each}" for each in simulator.connections()]
    expected = {path: client.get(path).content for path in paths}
    capture(library, tmp_path / "capture")

    replayed = serve(simulated_capture=tmp_path / "capture")

    assert {path: replayed.get(path).content for path in paths} == expected


def test_a_filter_is_served_as_it_was(
    serve: Serve, simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.net_events(80, seed=2)
    client = serve(contexts=30)
    lines = capture(library, tmp_path / "capture")
    asked = [line["argument"] for line in lines if line["function"] == "FwpmFilterGetById0"]
    paths = [f"/filters/{filter_id}" for filter_id in asked]
    expected = {path: client.get(path) for path in paths}

    replayed = serve(simulated_capture=tmp_path / "capture")

    assert {response.status_code for response in expected.values()} == {200, 404}
    for path in paths:
        response = replayed.get(path)
        assert response.status_code == expected[path].status_code
        assert response.is_error or response.content == expected[path].content


def test_an_interface_has_the_name_that_it_had(
    serve: Serve, simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(10, seed=1)
    capture(library, tmp_path / "capture", alias=lambda luid: f"Ethernet {luid}")

    items = serve(simulated_capture=tmp_path / "capture").get("/sa-contexts").json()["items"]

    named = [sa for item in items for sa in (item["inboundSa"], item["outboundSa"]) if sa]
    assert named
    for sa in named:
        traffic = sa["traffic"]
        assert traffic["localIfAlias"] == f"Ethernet {traffic['localIfLuid']}"


def test_the_log_says_how_a_replay_differs(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(150, seed=1)
    with Session(library) as session:
        lines = [*record(session, lambda _luid: None)]
    for line in lines:
        if line.get("struct") == "IKEEXT_SA_DETAILS0":
            line["value"]["virtualIfTunnelId"] = 77
    (tmp_path / "capture").write_bytes(compressed({"functions": {}}, lines))

    settings: dict[str, Any] = {
        "library": library.path,
        "simulated_capture": tmp_path / "capture",
    }

    with capture_logs() as log:
        open_library(Settings(**settings))

    differences = [entry for entry in log if entry["event"] == "replay_differs"]
    assert len(differences) == MAX_LOGGED_DIFFERENCES + 1
    assert differences[0]["difference"].endswith(".virtualIfTunnelId: 77 in the capture, 0 here")
    assert differences[-1]["more"] == simulator.count_ike_sas() - MAX_LOGGED_DIFFERENCES
