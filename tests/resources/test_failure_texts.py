"""Every code of IPsec is explained: names and numbers are Microsoft's, as tests/data keeps them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resources.wfp.failures import failure_of, failures


CODES: dict[str, int] = json.loads(
    (Path(__file__).parents[1] / "data" / "ipsec_codes.json").read_text(encoding="utf-8")
)["codes"]


def test_every_code_of_ipsec_is_explained_and_no_other() -> None:
    assert {failure.name: code for code, failure in failures().items()} == CODES


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_an_explanation_says_something(name: str, code: int) -> None:
    failure = failure_of(code)

    assert failure is not None
    assert failure.name == name
    for text in (failure.explanation, failure.check):
        assert len(text.split()) > 3
        assert text[0].isupper()
        assert text.endswith(".")
        assert not re.search(r"\s{2}|ERROR_IPSEC|STATUS_IPSEC", text)


def test_no_two_codes_of_one_kind_are_explained_alike() -> None:
    explanations = Counter(
        (code >> 31, failure.explanation) for code, failure in failures().items()
    )

    assert max(explanations.values()) == 1


def test_a_drop_is_explained_as_its_win32_counterpart() -> None:
    counterparts = {
        name: CODES["ERROR" + name.removeprefix("STATUS")]
        for name in CODES
        if name.startswith("STATUS") and name != "STATUS_IPSEC_QUEUE_OVERFLOW"
    }

    assert len(counterparts) == 16
    for name, code in counterparts.items():
        of_kernel, of_win32 = failure_of(CODES[name]), failure_of(code)
        assert of_kernel is not None
        assert of_win32 is not None
        assert of_kernel[1:] == of_win32[1:]


@given(st.integers(0, 2**32 - 1).filter(lambda code: code not in CODES.values()))
def test_an_unknown_code_has_none(code: int) -> None:
    assert failure_of(code) is None


@given(st.sampled_from([code for code in CODES.values() if code >> 31]))
def test_a_status_is_found_by_its_signed_number_too(code: int) -> None:
    assert failure_of(code - 2**32) == failure_of(code)
