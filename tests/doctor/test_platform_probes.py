"""The probes answer the open questions from the engine's contents, whichever way it behaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv6Address

import pytest
from sa_contexts_simulator import Option, Simulator

from app.doctor.context import DoctorContext
from app.doctor.probes import platform as questions
from app.doctor.probes.notifications import added_announced
from app.doctor.results import Check, CheckResult
from app.doctor.run import DoctorRun
from app.schemas.doctor import Outcome
from bindings.library import Library
from tests.bindings.ipv6_trees import LOCAL_ADDRESS, put_context


@pytest.fixture
def subject(simulator: Simulator) -> DoctorContext:
    """An engine that is empty until a test adds something."""
    subject = DoctorContext(
        {
            "library": simulator.path,
            "simulated_contexts": 0,
            "simulated_churn": 0,
            "simulated_net_events": 0,
        }
    )
    assert isinstance(subject.library, Library)
    return subject


PEERS = [IPv6Address(f"2001:db8::{number}").packed for number in range(7, 10)]


def put(simulator: Simulator, addresses: list[bytes], *, is_reversed: bool) -> None:
    """Add SA contexts over IPv6 whose filters have their local addresses."""
    for address in addresses:
        put_context(
            simulator,
            address[::-1] if is_reversed else address,
            condition=address,
            field=LOCAL_ADDRESS,
        )


@pytest.mark.parametrize("order", ["network", "reversed"])
def test_the_order_is_detected(subject: DoctorContext, simulator: Simulator, order: str) -> None:
    put(simulator, PEERS, is_reversed=order == "reversed")

    finding = questions.ipv6_byte_order(subject)

    assert (finding.outcome, finding.remedy) == (Outcome.OK, None)
    assert (finding.facts["order"], finding.facts["reason"]) == (order, "evidence")
    assert finding.facts["filterConditions"][order] == 3
    assert datetime.fromisoformat(finding.facts["since"]).tzinfo


@pytest.mark.parametrize("order", ["network", "reversed"])
@pytest.mark.parametrize("setting", ["network", "reversed"])
def test_a_setting_against_the_evidence_is_to_be_removed(
    subject: DoctorContext, simulator: Simulator, order: str, setting: str
) -> None:
    subject.settings.ipv6_order = setting  # type: ignore[assignment]  # a word of the parameters
    put(simulator, PEERS, is_reversed=order == "reversed")

    finding = questions.ipv6_byte_order(subject)

    assert finding.outcome is (Outcome.OK if order == setting else Outcome.WARNING)
    assert (finding.facts["order"], finding.facts["reason"]) == (setting, "setting")
    assert ("Remove" in str(finding.remedy)) == (order != setting)


def test_too_little_evidence_is_unknown_and_contradictory_evidence_a_warning(
    subject: DoctorContext, simulator: Simulator
) -> None:
    assert questions.ipv6_byte_order(subject).outcome is Outcome.UNKNOWN
    put(simulator, PEERS[:2], is_reversed=True)
    finding = questions.ipv6_byte_order(subject)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.facts["filterConditions"] == {"network": 0, "reversed": 2}
    put(simulator, PEERS[2:], is_reversed=False)
    finding = questions.ipv6_byte_order(subject)
    assert finding.outcome is Outcome.WARNING
    assert (finding.facts["order"], finding.facts["reason"]) == (
        "network",
        "contradictory_evidence",
    )


@pytest.mark.parametrize(("option", "has_array"), [(0, False), (1, True)])
def test_an_empty_enumeration_is_reported(
    subject: DoctorContext, simulator: Simulator, option: int, has_array: bool
) -> None:
    simulator.set_option(Option.EMPTY_BLOCK, option)

    assert questions.empty_enumeration(subject).facts == {"returned": 0, "hasArray": has_array}


def test_keys_are_counted(subject: DoctorContext, simulator: Simulator) -> None:
    assert questions.key_sizes(subject).outcome is Outcome.UNKNOWN
    simulator.populate(10)
    finding = questions.key_sizes(subject)

    assert finding.facts["keys"] == finding.facts["filled"] > 0


def test_connections_are_joined(subject: DoctorContext, simulator: Simulator) -> None:
    assert questions.connections_join(subject).outcome is Outcome.UNKNOWN
    assert questions.connection_template_zero(subject).outcome is Outcome.UNKNOWN
    simulator.populate(30)
    count = len(simulator.connections())
    for context_id in simulator.ids()[::2]:  # the connections of some lose their contexts
        simulator.delete(context_id)

    joined = questions.connections_join(subject).facts

    assert joined["connections"] <= count
    assert 0 < joined["joined"] <= joined["connections"]
    zero = questions.connection_template_zero(subject)
    assert zero.facts == {"connections": joined["connections"], "byZero": joined["connections"]}


def test_an_engine_that_takes_0_for_an_id_is_reported(
    subject: DoctorContext, simulator: Simulator
) -> None:
    simulator.populate(30)
    simulator.set_option(Option.ZERO_MATCHES_NONE)

    finding = questions.connection_template_zero(subject)

    assert finding.outcome is Outcome.OK
    assert finding.facts == {"connections": len(simulator.connections()), "byZero": 0}


@pytest.mark.parametrize(
    "question",
    [
        questions.ipv6_byte_order,
        questions.empty_enumeration,
        questions.key_sizes,
        questions.connections_join,
        questions.connection_template_zero,
    ],
)
def test_an_engine_that_does_not_answer_settles_nothing(
    subject: DoctorContext, simulator: Simulator, question: Callable[[DoctorContext], CheckResult]
) -> None:
    for function in ("IPsecSaContextCreateEnumHandle0", "FwpmConnectionCreateEnumHandle0"):
        simulator.fail(function, 1726, times=0)
    check = Check("question", question)

    result = check.result(subject)
    assert result.outcome is Outcome.UNKNOWN
    assert "The engine did not answer" in result.sentence
    assert "RPC_S_CALL_FAILED" in result.sentence

    simulator.stop_engine()
    result = check.result(subject)
    assert result.outcome is Outcome.UNKNOWN
    assert "see `session`" in result.sentence


def test_nothing_is_announced_where_nobody_may_subscribe(
    subject: DoctorContext, simulator: Simulator
) -> None:
    subject.listen_seconds = 0.1
    assert added_announced(subject).outcome is Outcome.UNKNOWN  # nothing came
    simulator.fail("IPsecSaContextSubscribe0", 5)
    assert added_announced(subject).facts["winErrorName"] == "ERROR_ACCESS_DENIED"
    simulator.fail("IPsecSaContextSubscribe0", 1745)  # RPC_S_PROCNUM_OUT_OF_RANGE
    assert added_announced(subject).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.skipif(os.name == "nt", reason="it does there")
def test_what_is_about_windows_does_not_apply_elsewhere(subject: DoctorContext) -> None:
    for question in (questions.operators_read, questions.ikeext_stopped):
        assert question(subject).outcome is Outcome.NOT_APPLICABLE


def test_an_examination_leaves_nothing_behind(subject: DoctorContext, simulator: Simulator) -> None:
    simulator.populate(50)

    report = DoctorRun(subject).report()

    assert {finding.outcome for finding in report.findings} <= {"ok", "unknown", "not_applicable"}
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)
