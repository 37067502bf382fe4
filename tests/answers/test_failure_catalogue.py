"""Every failure is found in each form that people have, and explained for each side."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.answers.failures.catalogue import Entry, FailureFamily, entries, find
from app.resources.wfp.failures import Advice
from tests.answers.reports import REPORTS
from tests.resources.test_failure_texts import mirrored


RAS = json.loads(
    (Path(__file__).parents[1] / "data" / "ras_errors.json").read_text(encoding="utf-8")
)["codes"]

# Microsoft, "Audit IPsec Driver", "… Main Mode", "… Quick Mode", "… Extended Mode" and "Audit
# Filtering Platform Policy Change": of the last, the events that it marks as failures (F).
EVENTS = {
    *(4650, 4651, 4652, 4653, 4654, 4655),
    *(4960, 4961, 4962, 4963, 4965),
    *(4976, 4977, 4978, 4979, 4980, 4981, 4982, 4983, 4984),
    *(5451, 5452, 5453),
    *(5457, 5459, 5461, 5462, 5466, 5467, 5472, 5474, 5477),
}

ENTRIES = st.sampled_from([*entries().values()])


def entry(text: str) -> Entry:
    found = find(text)
    assert found is not None, text
    return found


def texts(advice: Advice) -> list[str]:
    return [text for text in advice if text is not None]


def of(family: FailureFamily) -> Iterator[Entry]:
    return (each for each in entries().values() if each.family is family)


def signed(code: int) -> str:
    return str(code - 2**32 if code >> 31 else code)


def test_errors_of_ras_have_the_numbers_of_the_header() -> None:
    assert {each.failure.name: each.code for each in of(FailureFamily.RAS)} == RAS
    assert {789, 791, 792, 809, 812, 835} <= set(RAS.values())


def test_the_events_of_ipsec_are_explained() -> None:
    assert {each.code for each in of(FailureFamily.EVENT)} == EVENTS


def test_no_number_has_two_meanings() -> None:
    assert len({each.code for each in entries().values()}) == len(entries())


@given(ENTRIES)
def test_a_number_is_found_in_every_form(expected: Entry) -> None:
    code = expected.code
    for text in (str(code), signed(code), f"{code:#x}", f"{code:#010X}", f"0x{code:016x}"):
        assert find(text) is expected
    assert find(expected.id) is expected


@given(ENTRIES.filter(lambda each: bool(each.failure.name)), st.data())
def test_a_name_is_found_in_any_case(expected: Entry, data: st.DataObject) -> None:
    name = "".join(data.draw(st.sampled_from([c, c.lower()])) for c in expected.failure.name)

    assert find(name) is expected


@pytest.mark.parametrize("prefix", ["event-{}", "EVENT-{}", "Event {}", "event{}", "event_{}"])
def test_an_event_is_found_with_its_prefix(prefix: str) -> None:
    for number in EVENTS:
        assert find(prefix.format(number)) is entry(f"event-{number}")


def test_ras_passes_on_the_errors_of_ike() -> None:
    assert find("ras-13801") is find("13801")
    assert find("RAS 13909") is find("13909")
    assert find("ras-5") is None
    assert find("ras-4653") is None
    assert find("event-13801") is None
    assert find("event-809") is None


def test_an_hresult_with_a_win32_code_is_found() -> None:
    assert find("0x80070005") is find("-2147024891") is find("ERROR_ACCESS_DENIED")
    assert find("0x800735e9") is find("13801")


@given(st.text(max_size=120))
@example("")
@example("-")
@example("0x")
@example("0x1" + "0" * 8)
@example("4294967296")
@example("-2147483649")
@example("13868 ")
@example("13868\n")
@example("١٣٨٦٨")
@example("event-٤٦٥٣")
@example("ERROR_\u0131PSEC_\u0131KE_AUTH_FAIL")
@example("error_vpn_t\u0131meout")
@example("ras-00000000809")
@example("a" * 5000)
def test_what_is_no_code_is_not_found(text: str) -> None:
    ids = {each.id for each in entries().values()}
    if re.fullmatch(r"[\w -]+", text, re.ASCII) and (text.isdecimal() or text in ids):
        return  # hypothesis may find a code

    assert find(text) is None


@pytest.mark.parametrize("family", [FailureFamily.EVENT, FailureFamily.RAS])
def test_explanations_say_something_and_blame_no_side_wrongly(family: FailureFamily) -> None:
    for each in of(family):
        failure = each.failure
        assert [mirrored(text) for text in texts(failure.me)] == texts(failure.peer), each.id
        assert [mirrored(text) for text in texts(failure.unknown)] == texts(failure.unknown)
        for text in (*texts(failure.me), *texts(failure.unknown)):
            assert len(text.split()) > 2, each.id
            assert text[0].isupper()
            assert text.endswith(".")
            assert not re.search(r"\s{2}|[{}]", text), text


@pytest.mark.parametrize("family", FailureFamily)
def test_every_explanation_cites_public_sources(family: FailureFamily) -> None:
    for each in of(family):
        assert each.failure.sources, each.id
        for source in each.failure.sources:
            url = urlsplit(source)
            assert url.scheme in {"https", "http"}
            assert url.hostname
            assert "." in url.hostname
            assert not url.hostname.endswith((".local", "localhost"))


def test_related_failures_refer_to_each_other() -> None:
    for each in entries().values():
        for related in each.related:
            assert each.id in entries()[related].related
            assert related != each.id


def test_drops_are_related_to_their_win32_counterpart() -> None:
    """STATUS_IPSEC_* (ntstatus.h) and ERROR_IPSEC_* (winerror.h) share their names."""
    names = {each.failure.name: each for each in entries().values()}
    drops = [name for name in names if name.startswith("STATUS_IPSEC_")]

    assert len(drops) == 17
    for name in drops:
        counterpart = names.get("ERROR" + name.removeprefix("STATUS"))
        if counterpart is not None:
            assert counterpart.id in names[name].related, name


def test_errors_of_ras_are_related_to_the_error_of_ike_with_their_name() -> None:
    """ERROR_OAKLEY_* (raserror.h) and ERROR_IPSEC_IKE_* (winerror.h); Oakley is IKE's old name."""
    names = {each.failure.name: each for each in entries().values()}
    oakley = [name for name in names if name.startswith("ERROR_OAKLEY_")]

    assert len(oakley) == 8
    for name in oakley:
        ike = "ERROR_IPSEC_IKE_" + name.removeprefix("ERROR_OAKLEY_")
        counterpart = names.get(ike) or names[f"{ike}_ERROR"]
        assert counterpart.id in names[name].related, name


def test_forty_codes_have_a_report() -> None:
    assert len(REPORTS) == 40


@pytest.mark.parametrize(("code", "report"), REPORTS.items(), ids=REPORTS)
def test_a_reported_code_is_explained_for_each_side_and_kind_of_use(code: str, report: str) -> None:
    failure = entry(code).failure

    assert report in failure.sources
    for advice in (failure.me, failure.peer, failure.unknown):
        assert len(advice.explanation.split()) > 3
        assert advice.rules
        if not code.startswith("0x8032"):  # the filter engine's own codes
            assert advice.vpn
            assert advice.direct_access


def test_a_policy_mismatch_is_blamed_on_the_side_that_rejected() -> None:
    failure = entry("13868").failure

    assert "This host rejected the peer's proposal" in failure.me.explanation
    assert "The peer rejected this host's proposal" in failure.peer.explanation
    assert "Get-VpnServerConfiguration" in (failure.peer.vpn or "")
