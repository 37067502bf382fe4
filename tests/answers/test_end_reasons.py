"""Why a context ended: what is inferred from what is known, and what is not."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answers.ended.inference import Observed, Terms, infer, terms_of
from app.resources.sa_contexts.encoding import encode_sa_context
from app.schemas.names import EndReason
from bindings.records import SaContext
from bindings.well_known import KEYING_MODULES
from tests.resources.contexts import CONTEXTS


USUAL = Terms(lifetime_seconds=3600, idle_timeout_seconds=300, main_modes=(7,))
IKEV2 = USUAL._replace(is_ikev2=True)
IDLE = Observed(idle_seconds=285.0, idle_tolerance_seconds=30.0)

SCENARIOS: dict[str, tuple[Terms, Observed, EndReason]] = {
    "nothing is known": (USUAL, Observed(), EndReason.UNKNOWN),
    "another context replaced it": (USUAL, Observed(replaced_by=9), EndReason.REKEYED),
    "it was replaced, and its main mode SA is gone": (
        IKEV2,
        Observed(replaced_by=9, gone_main_mode=7),
        EndReason.REKEYED,
    ),
    "its main mode SA is gone": (IKEV2, Observed(gone_main_mode=7), EndReason.MAIN_MODE_GONE),
    "its main mode SA is gone, but not by IKEv2": (
        USUAL,
        Observed(gone_main_mode=7),
        EndReason.UNKNOWN,
    ),
    "its main mode SA is gone, and it was idle": (
        IKEV2,
        IDLE._replace(gone_main_mode=7),
        EndReason.MAIN_MODE_GONE,
    ),
    "its bytes stood still": (USUAL, IDLE, EndReason.IDLE_TIMEOUT),
    "its bytes stood still for too short": (
        USUAL,
        IDLE._replace(idle_seconds=255.0),
        EndReason.UNKNOWN,
    ),
    "its bytes moved between the last two samples": (
        USUAL._replace(idle_timeout_seconds=20),
        IDLE._replace(idle_seconds=0.0),
        EndReason.UNKNOWN,
    ),
    "it has no idle timeout": (
        USUAL._replace(idle_timeout_seconds=0),
        IDLE._replace(idle_seconds=9999.0),
        EndReason.UNKNOWN,
    ),
    "it was younger than its idle timeout": (
        USUAL,
        IDLE._replace(age_seconds=200.0),
        EndReason.UNKNOWN,
    ),
    "it was old enough to be idle": (
        USUAL,
        IDLE._replace(age_seconds=299.0),
        EndReason.IDLE_TIMEOUT,
    ),
    "the engine does not count bytes": (USUAL, Observed(age_seconds=400.0), EndReason.UNKNOWN),
    "it reached its lifetime": (
        USUAL,
        Observed(age_seconds=3599.8),
        EndReason.LIFETIME_EXPIRED,
    ),
    "it reached its lifetime, and a minute more": (
        USUAL,
        Observed(age_seconds=3660.0),
        EndReason.LIFETIME_EXPIRED,
    ),
    "it did not reach its lifetime": (USUAL, Observed(age_seconds=3590.0), EndReason.UNKNOWN),
    "it has no lifetime": (
        USUAL._replace(lifetime_seconds=0),
        Observed(age_seconds=99999.0),
        EndReason.UNKNOWN,
    ),
    "it was idle and reached its lifetime": (
        USUAL,
        IDLE._replace(age_seconds=3600.0),
        EndReason.IDLE_TIMEOUT,
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_reason_is_what_is_known_to_hold(name: str) -> None:
    terms, observed, reason = SCENARIOS[name]

    assert infer(terms, observed).reason is reason


TERMS = st.builds(
    Terms,
    st.sampled_from([0, 60, 3600]),
    st.sampled_from([0, 20, 300]),
    st.booleans(),
    st.just((7,)),
)
SECONDS = st.none() | st.floats(0, 4000) | st.sampled_from([0.0, 55.0, 295.0, 3595.0])
OBSERVED = st.builds(
    Observed,
    st.none() | st.just(9),
    st.none() | st.just(7),
    SECONDS,
    st.sampled_from([0.0, 30.0]),
    SECONDS,
)


def judged(terms: Terms, observed: Observed) -> tuple[str, dict[str, Any]]:
    """Judge as docs/events.md says, in its order and words, without the code's structure."""
    table = {
        "rekeyed": observed.replaced_by is not None,
        "main_mode_gone": terms.is_ikev2 and observed.gone_main_mode is not None,
        "idle_timeout": False,
        "lifetime_expired": False,
    }
    if terms.idle_timeout_seconds > 0 and observed.idle_seconds is not None:
        is_still = observed.idle_seconds + observed.idle_tolerance_seconds >= (
            terms.idle_timeout_seconds
        )
        is_seen = 2 * observed.idle_seconds >= terms.idle_timeout_seconds
        lived = observed.age_seconds is None or (
            observed.age_seconds >= terms.idle_timeout_seconds - 5
        )
        table["idle_timeout"] = is_still and is_seen and lived
    if terms.lifetime_seconds > 0 and observed.age_seconds is not None:
        table["lifetime_expired"] = observed.age_seconds >= terms.lifetime_seconds - 5
    reason = next((name for name, holds in table.items() if holds), "unknown")
    evidence: dict[str, dict[str, Any]] = {
        "rekeyed": {"replacedBy": "9"},
        "main_mode_gone": {"mmSaId": "7"},
        "idle_timeout": {
            "idleTimeoutSeconds": terms.idle_timeout_seconds,
            "idleSeconds": observed.idle_seconds,
        },
        "lifetime_expired": {
            "lifetimeSeconds": terms.lifetime_seconds,
            "ageSeconds": observed.age_seconds,
        },
        "unknown": {},
    }
    return reason, evidence[reason]


@given(terms=TERMS, observed=OBSERVED)
def test_any_observation_is_judged_as_documented(terms: Terms, observed: Observed) -> None:
    reason, evidence = infer(terms, observed)

    expected_reason, expected = judged(terms, observed)
    assert reason == expected_reason
    assert evidence == {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in expected.items()
    }


@given(context=CONTEXTS)
def test_the_terms_are_those_of_the_sas(context: SaContext) -> None:
    sas = [sa for sa in (context.inbound_sa, context.outbound_sa) if sa is not None]
    bundles = [sa.sa_bundle for sa in sas]

    terms = terms_of(encode_sa_context(context))

    assert terms.lifetime_seconds == min(
        (bundle.lifetime.seconds for bundle in bundles if bundle.lifetime.seconds), default=0
    )
    timeouts = [bundle.idle_timeout_seconds for bundle in bundles]
    assert terms.idle_timeout_seconds == (max(timeouts) if timeouts and all(timeouts) else 0)
    modules = {KEYING_MODULES.get(bundle.key_module_key or "") for bundle in bundles}
    assert terms.is_ikev2 == (modules == {"ikev2"})
    assert set(terms.main_modes) == {bundle.mm_sa_id for bundle in bundles} - {0}


def test_a_name_that_looks_like_json_is_no_term() -> None:
    context: dict[str, Any] = {
        "inboundSa": None,
        "outboundSa": {
            "saBundle": {
                "lifetime": {"lifetimeSeconds": 5},
                "idleTimeoutSeconds": 6,
                "keyModuleState": None,
                "mmSaId": None,
                "ipsecId": {"mmTargetName": '"lifetimeSeconds":9,"keyModule":"ikev2"'},
            }
        },
    }

    assert terms_of(orjson.dumps(context)) == Terms(5, 6)
