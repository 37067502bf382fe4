"""Failures are explained for each failure point: names and numbers are those of tests/data."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resources.wfp.failures import Advice, Failure, failure_of, failures


def _codes(file: str) -> dict[str, int]:
    text = (Path(__file__).parents[1] / "data" / file).read_text(encoding="utf-8")
    codes: dict[str, int] = json.loads(text)["codes"]
    return codes


CODES = _codes("ipsec_codes.json")
SECURITY_CODES = _codes("security_errors.json")
ENGINE_CODES = _codes("winerror.json")
EXPLAINED = {failure.name: code for code, failure in failures().items()}

ME, PEER = 1, 2  # IPSEC_FAILURE_POINT (ipsectypes.h)
SIDES = {"this host": "the peer", "the peer": "this host"}

# The failures whose sentence depends on the side: the peer's policy, certificate or answer is not
# this host's.
OF_A_SIDE = (
    *(13801, 13805, 13806, 13807, 13813, 13820, 13825, 13826, 13834, 13844, 13847, 13848, 13850),
    *(13861, 13868, 13869, 13877, 13879, 13883, 13886, 13889, 13892, 13900, 13903, 13904, 13905),
    *(0x800B0109, 0x800B010A, 0x80092013, 0x8009030C, 0x8009030E, 0x8009000D),
)

# What people who meet these failures with RRAS, Always On VPN or another IKEv2 client need. The
# object identifiers are szOID_PKIX_KP_SERVER_AUTH, szOID_PKIX_KP_CLIENT_AUTH and
# szOID_IPSEC_KP_IKE_INTERMEDIATE (wincrypt.h).
ADVICE_FOR_VPNS = {
    13801: (
        *("subject", "1.3.6.1.5.5.7.3.1)", "1.3.6.1.5.5.8.2.2)", "certutil -store Root"),
        "several certificates",
    ),
    13802: ("Get-VpnServerConfiguration", "(Get-VpnConnection NAME).IPsecCustomPolicy"),
    13806: ("Client Authentication (1.3.6.1.5.5.7.3.2)", "Get-VpnConnection"),
    13825: ("RRAS",),
    13868: (
        *("Get-VpnServerConfiguration", "(Get-VpnConnection NAME).IPsecCustomPolicy"),
        "Set-VpnConnectionIPsecConfiguration",
    ),
    13903: (r"IKEEXT\Parameters", "IkeNumEstablishedForInitialQuery"),
    0x800B0109: ("Get-VpnAuthProtocol",),
    0x800B010F: ("ServerAddress",),
}


def failure(code: int) -> Failure:
    found = failure_of(code)
    assert found is not None
    return found


def forms(code: int) -> tuple[Advice, Advice, Advice]:
    """The advice for this host, the peer and an unknown side."""
    found = failure(code)
    return found.at(ME), found.at(PEER), found.at(0)


def texts(code: int) -> Iterator[tuple[str, str, str]]:
    """The forms of the explanation, and those of each check."""
    for me, peer, unknown in zip(*forms(code), strict=True):
        if me and peer and unknown:
            yield me, peer, unknown
        else:
            assert (me, peer, unknown) == (None, None, None)


def mirrored(text: str) -> str:
    """A text in which this host and the peer have changed places."""

    def other(match: re.Match[str]) -> str:
        side = SIDES[match[0].lower()]
        return side.capitalize() if match[0][0].isupper() else side

    return re.sub("this host|the peer", other, text, flags=re.IGNORECASE)


def test_every_code_of_ipsec_is_explained() -> None:
    assert {name: code for name, code in EXPLAINED.items() if "_IPSEC_" in name} == CODES


def test_each_error_that_ike_counts_has_a_name_for_its_metric() -> None:
    """IKEEXT_ERROR_CODE_COUNT is 97, from ERROR_IPSEC_IKE_NEG_STATUS_BEGIN on (iketypes.h)."""
    first = CODES["ERROR_IPSEC_IKE_NEG_STATUS_BEGIN"]

    assert not [code for code in range(first, first + 97) if failure_of(code) is None]


def test_the_other_explained_codes_are_those_of_security_subsystems() -> None:
    others = {name: code for name, code in EXPLAINED.items() if name not in CODES}

    known = {**SECURITY_CODES, **ENGINE_CODES, "ERROR_NETNAME_DELETED": 64}  # winerror.h

    assert others.items() <= known.items()
    for family in ("CERT_E_", "TRUST_E_", "CRYPT_E_", "NTE_", "SEC_E_"):
        assert any(name.startswith(family) for name in others), family


def test_every_code_of_the_filter_engine_is_explained() -> None:
    codes = {name: code for name, code in ENGINE_CODES.items() if name.startswith("FWP_E_")}

    assert {name: code for name, code in EXPLAINED.items() if name.startswith("FWP_E_")} == codes
    assert len(codes) == 69


@pytest.mark.parametrize(("name", "code"), EXPLAINED.items())
def test_an_explanation_says_something(name: str, code: int) -> None:
    assert failure(code).name == name
    assert all(advice.rules for advice in forms(code))
    assert failure(code).sources
    for text in (text for texts_ in texts(code) for text in texts_):
        assert len(text.split()) > 3
        assert text[0].isupper()
        assert text.endswith(".")
        assert not re.search(r"\s{2}|ERROR_IPSEC|STATUS_IPSEC|[{}]", text)


@pytest.mark.parametrize("code", EXPLAINED.values(), ids=EXPLAINED)
def test_a_text_that_names_a_side_has_a_form_for_each_failure_point(code: int) -> None:
    for me, peer, unknown in texts(code):
        assert mirrored(unknown) == unknown  # names neither side
        assert mirrored(me) == peer
        if me != peer:
            assert unknown not in {me, peer}
        else:
            assert me == unknown


@pytest.mark.parametrize("code", OF_A_SIDE)
def test_a_failure_of_one_side_says_which(code: int) -> None:
    me, peer, unknown = next(texts(code))

    assert len({me, peer, unknown}) == 3
    assert re.search("this host|the peer", me, re.IGNORECASE)


def test_a_rejection_by_the_peer_is_not_blamed_on_this_host() -> None:
    for code in EXPLAINED.values():
        for text in filter(None, failure(code).at(PEER)):
            assert not re.search("this host's policy|policy of this host|rule on this host", text)
    assert failure(13868).at(PEER).explanation == (
        "The peer rejected this host's proposal: it does not match the peer's policy."
    )
    assert failure(13825).at(PEER).explanation == "The peer has no policy for IPsec with this host."
    assert "rule on the peer matches" in failure(13825).at(PEER).check


@pytest.mark.parametrize(("code", "words"), ADVICE_FOR_VPNS.items())
def test_advice_covers_vpns_whichever_side_failed(code: int, words: tuple[str, ...]) -> None:
    for advice in forms(code):
        assert not [word for word in words if word not in advice.check]


@pytest.mark.parametrize("failure_point", [0, 3, 2**32 - 1])
def test_any_other_failure_point_is_unknown(failure_point: int) -> None:
    assert failure(13868).at(failure_point) == failure(13868).unknown


def test_no_two_codes_of_one_kind_are_explained_alike() -> None:
    explanations = Counter(
        (code >> 31, text)
        for code in failures()
        for text in {advice.explanation for advice in forms(code)}
    )

    assert [explained for explained, count in explanations.items() if count > 1] == []


def test_a_drop_is_explained_as_its_win32_counterpart() -> None:
    counterparts = {
        name: CODES["ERROR" + name.removeprefix("STATUS")]
        for name in CODES
        if name.startswith("STATUS") and name != "STATUS_IPSEC_QUEUE_OVERFLOW"
    }

    assert len(counterparts) == 16
    for name, code in counterparts.items():
        assert failure(CODES[name])[1:] == failure(code)[1:]


@given(
    st.integers(0, 2**32 - 1).filter(
        lambda code: code not in EXPLAINED.values() and code >> 16 != 0x8007
    )
)
def test_an_unknown_code_has_none(code: int) -> None:
    assert failure_of(code) is None


@given(st.sampled_from([code for code in EXPLAINED.values() if code >> 31]))
def test_a_code_is_found_by_its_signed_number_too(code: int) -> None:
    assert failure_of(code - 2**32) == failure_of(code)


@given(st.integers(0, 0xFFFF))
def test_an_hresult_is_explained_as_the_win32_code_that_it_contains(code: int) -> None:
    """HRESULT_FROM_WIN32 (winerror.h)."""
    assert failure_of(0x80070000 | code) == failure_of((0x80070000 | code) - 2**32)
    assert failure_of(0x80070000 | code) == failure_of(code)
