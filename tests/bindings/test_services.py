"""Services, with a substitute for advapi32; tests/windows uses Wine's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bindings import services
from bindings._fwpuclnt import ffi
from bindings.services import Service, ServiceStart, ServiceState, has_services, service
from tests.bindings.test_library import compile_library


SOURCE = Path(__file__).parents[1] / "doctor" / "advapi32.c"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    opened = ffi.dlopen(str(compile_library(tmp_path, SOURCE.read_text(encoding="ascii"))))
    monkeypatch.setattr(services, "_advapi32", lambda: opened)
    yield opened
    # Everything opened has been closed: closing once more fails.
    assert not opened.CloseServiceHandle(ffi.cast("void *", 1))


@pytest.mark.parametrize(
    ("name", "state", "start"),
    [
        ("BFE", ServiceState.STOPPED, ServiceStart.AUTOMATIC),
        ("IKEEXT", ServiceState.STOPPED, ServiceStart.DISABLED),
        ("W32Time", ServiceState.RUNNING, ServiceStart.AUTOMATIC),
    ],
)
@pytest.mark.usefixtures("library")
def test_a_service_is_reported(name: str, state: ServiceState, start: ServiceStart) -> None:
    assert has_services()
    assert service(name) == Service(state, start)


@pytest.mark.usefixtures("library")
def test_there_may_be_no_such_service() -> None:
    assert service("PolicyAgent") is None


@pytest.mark.usefixtures("library")
def test_a_rejection_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "SC_MANAGER_CONNECT", 2)

    with pytest.raises(OSError, match="OpenSCManagerW failed with 5") as caught:
        service("BFE")
    assert caught.value.errno == 5


def test_outside_windows_there_are_none() -> None:
    assert not has_services()
