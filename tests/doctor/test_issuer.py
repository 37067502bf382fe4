"""The doctor asks the issuer whether tokens could be verified."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sa_contexts_simulator import Simulator

from app.doctor.checks.issuer import issuer
from app.doctor.context import DoctorContext
from app.schemas.doctor import Outcome
from tests.auth.oidc import AUDIENCE, Oidc, issuing, signing_key
from tests.doctor.run import examine_here


DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture(autouse=True)
def _simulator(simulator: Simulator) -> None:
    """What is left of a test goes with it."""


@pytest.fixture
def oidc() -> Iterator[Oidc]:
    with issuing() as running:
        yield running


def subject(oidc: Oidc, **settings: str) -> DoctorContext:
    return DoctorContext({"oidc_issuer": oidc.url, "oidc_audience": AUDIENCE, **settings})


def test_an_issuer_that_publishes_its_keys_passes(oidc: Oidc) -> None:
    run = examine_here(oidc_issuer=oidc.url, oidc_audience=AUDIENCE)

    assert (run.code, run.finding("issuer").outcome) == (0, Outcome.OK)
    assert run.finding("issuer").facts == {"keys": 1, "fitting": 1}
    assert oidc.asked == [DISCOVERY, "/keys"]
    assert "tokens" in run.finding("keys").sentence


def test_without_an_issuer_nothing_is_asked() -> None:
    run = examine_here()

    assert run.finding("issuer").outcome is Outcome.NOT_APPLICABLE
    assert "no credentials are required" in run.finding("keys").sentence


@pytest.mark.parametrize(
    ("path", "status", "document", "expected"),
    [
        (DISCOVERY, 404, {}, "answers 404"),
        (DISCOVERY, 200, {"issuer": "https://other.example"}, "of another issuer"),
        ("/keys", 500, {}, "answers 500"),
        ("/keys", 200, {"keys": [{"kty": "unknown"}]}, "no keys that can be used"),
    ],
)
def test_an_issuer_that_does_not_is_reported(
    oidc: Oidc, path: str, status: int, document: dict[str, object], expected: str
) -> None:
    oidc.answers[path] = (status, json.dumps(document).encode())

    finding = issuer(subject(oidc))

    assert finding.outcome is Outcome.FAILURE
    assert expected in finding.sentence
    assert finding.remedy is not None


def test_an_issuer_out_of_reach_is_reported_and_masked() -> None:
    run = examine_here(
        "--mask", oidc_issuer="https://login.acme.invalid/acme-tenant", oidc_audience=AUDIENCE
    )

    assert (run.code, run.failures) == (1, {"issuer"})
    assert "cannot reach" in run.finding("issuer").sentence
    assert "acme" not in run.output


def test_keys_for_other_algorithms_are_reported(oidc: Oidc) -> None:
    oidc.keys = [signing_key("first", "ES256")]
    assert issuer(subject(oidc, oidc_algorithms="ES256")).outcome is Outcome.OK

    finding = issuer(subject(oidc, oidc_algorithms="RS256,PS256"))

    assert (finding.outcome, finding.facts) == (Outcome.FAILURE, {"keys": 1, "fitting": 0})


def test_keys_are_asked_for_where_the_settings_say(oidc: Oidc) -> None:
    finding = issuer(subject(oidc, oidc_jwks_url=f"{oidc.url}/keys"))

    assert (finding.outcome, oidc.asked) == (Outcome.OK, ["/keys"])
