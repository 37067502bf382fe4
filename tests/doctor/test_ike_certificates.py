"""The doctor's check of the certificates that main mode uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography import x509
from sa_contexts_simulator import Simulator

from app.doctor.checks.ike_certificates import ike_certificates
from app.doctor.context import DoctorContext
from app.doctor.masking import Mask
from app.doctor.results import CheckResult
from app.schemas.doctor import Outcome
from bindings.library import Library
from tests.answers.certificates import certificate, main_mode, name, thumbprint_of
from tests.bindings.trees import Tree
from tests.conftest import SIMULATOR_PATH


@pytest.fixture
def context(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[DoctorContext]:
    monkeypatch.setattr(
        "app.doctor.context.open_library", lambda _settings: Library(SIMULATOR_PATH)
    )
    yield DoctorContext({"library": SIMULATOR_PATH, "simulated_contexts": 0})
    left = (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses())
    assert left == (0, 0, 0)


def put(simulator: Simulator, subject: str, days: float | None, number: int = 1) -> Tree:
    """Put a main mode SA; its certificate expires in so many days. None: it is not in the store."""
    encoded = certificate(name(subject), days=days or 0, names=[x509.DNSName(f"{subject}.example")])
    if days is not None:
        simulator.put_certificate(thumbprint_of(encoded), encoded)
    proof = (name(subject).public_bytes(), thumbprint_of(encoded))
    tree = main_mode(number, "198.51.100.1", (proof, None))
    simulator.put_ike_sa(tree.address)
    return tree


def checked(context: DoctorContext) -> tuple[Outcome, str]:
    result = ike_certificates(context)
    return result.outcome, result.sentence


@pytest.mark.parametrize(
    ("days", "outcome", "words"),
    [
        (31, Outcome.OK, "expires before"),
        (29.9, Outcome.WARNING, "CN=vpn01, which main mode uses, expires on"),
        (0.1, Outcome.WARNING, "expires on"),
        (-0.1, Outcome.FAILURE, "CN=vpn01, which main mode uses, expired on"),
    ],
)
def test_the_first_to_expire_decides(
    days: float, outcome: Outcome, words: str, context: DoctorContext, simulator: Simulator
) -> None:
    put(simulator, "later", 400, 1)
    put(simulator, "vpn01", days, 2)

    result = ike_certificates(context)

    assert result.outcome is outcome
    assert words in result.sentence
    assert (result.remedy is None) == (outcome is Outcome.OK)
    assert (result.facts["inUse"], result.facts["found"]) == (2, 2)
    assert [each["subject"] for each in result.facts["certificates"]] == ["CN=vpn01", "CN=later"]


def test_names_are_masked(context: DoctorContext, simulator: Simulator) -> None:
    put(simulator, "vpn01", 3)
    result: CheckResult = ike_certificates(context)

    masked = str(Mask(result.names).value([result.sentence, result.facts]))

    assert "vpn01" in result.sentence
    assert "vpn01" not in masked


def test_certificates_that_are_gone_are_a_warning(
    context: DoctorContext, simulator: Simulator
) -> None:
    put(simulator, "vpn01", None)

    outcome, sentence = checked(context)

    assert outcome is Outcome.WARNING
    assert "not in the computer's store" in sentence


def test_certificates_of_unknown_expiry_are_counted_by_reason(
    context: DoctorContext, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.doctor.checks.ike_certificates.MAX_LOCAL", 4)
    encoded = certificate(name("vpn01"), days=400)
    for each in (encoded, b"garbage"):
        simulator.put_certificate(thumbprint_of(each), each)
    absent = (bytes(20), bytes([1]) * 20, b"\xff" * 20)
    used = (thumbprint_of(encoded), thumbprint_of(b"garbage"), *absent)
    for number, hash_ in enumerate(used, 1):
        proof = (name(f"unknown{number}").public_bytes(), hash_)
        tree = main_mode(number, "198.51.100.1", (proof, None))
        simulator.put_ike_sa(tree.address)

    result = ike_certificates(context)

    assert result.outcome is Outcome.WARNING
    assert result.sentence.endswith(
        "of 4 is unknown: 2 not in the computer's store, 1 in the store but not decodable, "
        "1 not looked up."
    )
    assert result.remedy is not None
    facts = (result.facts[each] for each in ("inUse", "found", "undecodable"))
    assert (*facts,) == (5, 1, 1)


def test_certificates_that_cannot_be_decoded_are_not_called_absent(
    context: DoctorContext, simulator: Simulator
) -> None:
    key = thumbprint_of(b"garbage")
    simulator.put_certificate(key, b"garbage")
    proof = (name("vpn01").public_bytes(), key)
    tree = main_mode(1, "198.51.100.1", (proof, None))
    simulator.put_ike_sa(tree.address)

    outcome, sentence = checked(context)

    assert outcome is Outcome.WARNING
    assert "1 in the store but not decodable" in sentence
    assert "not in the computer's store" not in sentence


def test_without_certificates_there_is_nothing_to_check(context: DoctorContext) -> None:
    assert checked(context)[0] is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("function", "code", "outcome", "words"),
    [
        ("CertOpenStore", 5, Outcome.WARNING, "returned ERROR_ACCESS_DENIED"),
        ("IkeextSaCreateEnumHandle0", 5, Outcome.UNKNOWN, "see `read_ike_sas`"),
        ("IkeextSaCreateEnumHandle0", 0x80320044, Outcome.NOT_APPLICABLE, "IKEEXT is not running"),
    ],
)
def test_what_fails_is_said(
    function: str,
    code: int,
    outcome: Outcome,
    words: str,
    context: DoctorContext,
    simulator: Simulator,
) -> None:
    put(simulator, "vpn01", 3)
    simulator.fail(function, code, times=0)

    found, sentence = checked(context)

    assert found is outcome
    assert words in sentence


def test_a_system_without_a_store_is_unknown(
    context: DoctorContext, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(simulator, "vpn01", 3)
    monkeypatch.setattr(Library, "has", lambda _library, name: name != "CertOpenStore")

    assert checked(context)[0] is Outcome.UNKNOWN


def test_nothing_is_read_that_ends_the_process(
    context: DoctorContext, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DoctorContext, "unreadable", ["ike_sas"])

    assert checked(context)[0] is Outcome.UNKNOWN
    assert simulator.calls("FwpmEngineOpen0") == 0
