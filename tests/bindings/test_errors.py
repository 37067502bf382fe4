"""Return codes become one class of exception each, with the names of winerror.h."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bindings import errors
from bindings.errors import EngineError, error_for
from bindings.security_error import SecurityError
from bindings.winerror import WinError, name_of


DATA = Path(__file__).parents[1] / "data"
NAMES: dict[str, int] = json.loads((DATA / "winerror.json").read_text(encoding="utf-8"))["codes"]
SECURITY_NAMES: dict[str, int] = json.loads(
    (DATA / "security_errors.json").read_text(encoding="utf-8")
)["codes"]


def test_every_code_has_its_name() -> None:
    assert {member.name: member.value for member in WinError} == NAMES
    assert {member.name: member.value for member in SecurityError} == SECURITY_NAMES


@pytest.mark.parametrize(("name", "code"), (NAMES | SECURITY_NAMES).items())
def test_a_code_has_one_name_signed_or_unsigned(name: str, code: int) -> None:
    assert name_of(code) == name_of(code - 2**32) == name


def test_all_69_codes_of_wfp_are_there() -> None:
    assert sum(name.startswith("FWP_E_") for name in NAMES) == 69


@pytest.mark.parametrize(
    ("code", "class_"),
    [
        (5, errors.AccessDenied),
        (1722, errors.EngineGone),
        (1723, errors.EngineGone),
        (1726, errors.EngineGone),
        (1727, errors.EngineGone),
        (1717, errors.EngineGone),
        (1753, errors.EngineGone),
        (0x80320010, errors.EngineGone),
        (0x80010001, errors.EngineGone),
        (0x80010122, errors.EngineGone),
        (0x80320008, errors.NotFound),
        (0x80320012, errors.TransactionTimeout),
        (0x80320013, errors.NetEventsDisabled),
        (0x80320033, errors.NeverMatch),
        (0x80320044, errors.IkeextNotRunning),
        (1745, errors.NotSupported),
        (87, EngineError),
    ],
)
def test_a_code_says_what_to_do(code: int, class_: type[EngineError]) -> None:
    error = error_for(code, "IPsecSaContextEnum1")

    assert type(error) is class_
    assert (error.code, error.function) == (code, "IPsecSaContextEnum1")


@given(st.integers(-(2**31), 2**32 - 1).filter(bool))
def test_any_code_becomes_an_error_that_keeps_its_number(code: int) -> None:
    error = error_for(code, "FwpmEngineOpen0")

    assert error.code == code % 2**32
    assert NAMES.get(error.name, error.code) == error.code
    assert error.name in str(error)
    assert "FwpmEngineOpen0" in str(error)


def test_the_documented_range_is_recognised_and_others_are_numbers() -> None:
    assert error_for(0x80010108, "x").name == "RPC_E_0x80010108"
    assert error_for(0x80010123, "x").name == "0x80010123"
    assert type(error_for(0x80010123, "x")) is EngineError
