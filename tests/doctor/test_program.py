"""The program itself, and where it listens, when something is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import time_machine

from app.doctor.checks import program, server
from app.doctor.context import DoctorContext
from app.doctor.results import Check
from app.doctor.run import DoctorRun
from app.schemas.doctor import Outcome
from bindings import machine
from tests.doctor.test_certificate import make_certificate


@pytest.fixture
def subject() -> DoctorContext:
    return DoctorContext({"port": 0})


def test_a_clock_of_before_the_program_is_reported(subject: DoctorContext) -> None:
    assert program.clock(subject).outcome is Outcome.OK
    with time_machine.travel(datetime(2019, 1, 1, tzinfo=UTC)):
        assert program.clock(subject).outcome is Outcome.FAILURE


def test_a_package_that_is_missing_is_reported(
    subject: DoctorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_rich(name: str) -> str:
        if name == "rich":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(program, "version", without_rich)

    finding = program.packages(subject)

    assert finding.outcome is Outcome.WARNING
    assert "rich" in finding.sentence
    assert finding.facts["packages"]["cffi"] == version("cffi")


def test_the_width_of_the_process_and_of_the_library_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = tmp_path / "fwpuclnt.so"
    header = b"\x7fELF\x01\x01\x01".ljust(16, b"\0") + (3).to_bytes(2, "little") * 2
    narrow.write_bytes(header.ljust(64, b"\0"))
    finding = program.bitness(DoctorContext({"library": narrow}))
    assert (finding.outcome, finding.facts["libraryMachine"]) == (Outcome.FAILURE, "x86")

    class Narrow:
        @staticmethod
        def sizeof(_type: str) -> int:
            return 4

    monkeypatch.setattr(machine, "ffi", Narrow)
    assert (
        program.bitness(DoctorContext({"library": tmp_path / "absent"})).facts["processBits"] == 32
    )


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104  # this is reported
        ("192.0.2.7", False),
        ("no such host", False),
    ],
)
def test_loopback_is_distinguished_from_reachable_addresses(host: str, is_loopback: bool) -> None:
    assert server.is_on_loopback(host) is is_loopback


def test_others_need_tls_and_credentials(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    tls = {"tls_certificate_file": certificate, "tls_key_file": key}
    keys = {"api_keys_file": tmp_path / "keys.json"}

    open_, secured, asking, both = (
        server.exposure(DoctorContext({"host": "192.0.2.7", **given}))
        for given in ({}, tls, keys, tls | keys)
    )

    assert "without TLS and credentials" in open_.sentence
    assert "without credentials" in secured.sentence
    assert "without TLS," in asking.sentence
    failed = (Outcome.FAILURE,) * 3
    assert (open_.outcome, secured.outcome, asking.outcome) == failed
    assert both.outcome is Outcome.OK


def test_a_trusted_proxy_on_this_host_needs_credentials(tmp_path: Path) -> None:
    proxied = {"trusted_proxies": ("127.0.0.1",)}
    open_ = server.exposure(DoctorContext(proxied))
    asking = server.exposure(DoctorContext({"api_keys_file": tmp_path / "keys.json", **proxied}))

    assert open_.outcome is Outcome.FAILURE
    assert "without credentials," in open_.sentence
    assert asking.outcome is Outcome.OK
    assert "through trusted proxies" in asking.sentence


def test_a_host_without_an_address_is_reported(subject: DoctorContext) -> None:
    finding = server.port(DoctorContext({"host": "no-such-host.invalid"}))

    assert finding.outcome is Outcome.FAILURE
    assert "no-such-host.invalid" in finding.names
    assert server.port(subject).outcome is Outcome.OK


def test_a_check_that_fails_takes_no_other_with_it(
    subject: DoctorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_subject: DoctorContext) -> None:
        raise ZeroDivisionError

    sections = {"program": (Check("bitness", fail), Check("clock", program.clock))}  # type: ignore[arg-type]  # that is what is wrong
    monkeypatch.setattr("app.doctor.run.SECTIONS", sections)

    failed, well = DoctorRun(subject).report().findings

    assert failed.outcome is Outcome.UNKNOWN
    assert "ZeroDivisionError" in failed.sentence
    assert well.outcome is Outcome.OK
