"""What is served of a replayed capture is what was served of the captured engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sa_contexts_simulator import Simulator

from bindings.addresses import Ipv6Order
from bindings.library import Library
from tests.captures import LISTS, capture, served
from tests.conftest import Serve


@pytest.mark.parametrize(
    "settings", [{}, {"generation": 0}, {"ipv6_order": Ipv6Order.REVERSED}], ids=str
)
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
    assert (
        expected["/net-events"].count("errorKind") or expected["/net-events"].count("failure") > 40
    )


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
