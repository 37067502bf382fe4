"""The probes answer the open questions from the engine's contents, whichever way it behaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any

import pytest
from sa_contexts_simulator import Option, Simulator

from app.doctor.context import DoctorContext
from app.doctor.probes import platform as questions
from app.doctor.probes.notifications import added_announced
from app.doctor.results import Check, CheckResult
from app.doctor.run import DoctorRun
from app.schemas.doctor import Outcome
from bindings._fwpuclnt import ffi
from bindings.library import Library


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


def put(simulator: Simulator, local: bytes, condition: bytes | None = None) -> None:
    """An SA context over IPv6, perhaps with a filter for a local address."""
    details = ffi.new("IPSEC_SA_DETAILS1 *")
    details.ipVersion = details.traffic.ipVersion = details.saBundle.ipVersion = 1
    details.traffic.localV6Address = list(local)
    parts: list[Any] = [details]
    if condition is not None:
        value = ffi.new("FWP_BYTE_ARRAY16 *", {"byteArray16": list(condition)})
        one = ffi.new("FWPM_FILTER_CONDITION0 *")
        # That is fwpmu.h's FWPM_CONDITION_IP_LOCAL_ADDRESS.
        one.fieldKey = (
            0xD9EE00DE,
            0xC1EF,
            0x4617,
            [0xBF, 0xE3, 0xFF, 0xD8, 0xF5, 0xA0, 0x89, 0x57],
        )
        one.conditionValue.type, one.conditionValue.byteArray16 = 11, value
        filter_ = ffi.new("FWPM_FILTER0 *")
        filter_.numFilterConditions, filter_.filterCondition = 1, one
        details.transportFilter = filter_
        parts += [value, one, filter_]
    context = ffi.new("IPSEC_SA_CONTEXT1 *")
    context.outboundSa = details
    simulator.put(int(ffi.cast("uintptr_t", context)))


LOOPBACK = IPv6Address("::1").packed
FOREIGN = IPv6Address("2001:db8::7").packed


@pytest.mark.parametrize(
    ("local", "condition", "order"),
    [
        (LOOPBACK, None, "network"),
        (LOOPBACK[::-1], None, "reversed"),
        (FOREIGN, FOREIGN, "network"),
        (FOREIGN[::-1], FOREIGN, "reversed"),
    ],
)
def test_the_order_is_reported_by_the_hosts_addresses_and_by_filters(
    subject: DoctorContext, simulator: Simulator, local: bytes, condition: bytes | None, order: str
) -> None:
    put(simulator, local, condition)

    finding = questions.ipv6_byte_order(subject)

    assert finding.facts["order"] == order
    expected = Outcome.OK if order == "network" else Outcome.WARNING
    assert finding.outcome is expected
    assert ("SA_CONTEXTS_IPV6_ORDER=reversed" in str(finding.remedy)) == (order == "reversed")


def test_the_order_is_open_where_nothing_or_both_fit(
    subject: DoctorContext, simulator: Simulator
) -> None:
    assert questions.ipv6_byte_order(subject).outcome is Outcome.UNKNOWN
    put(simulator, FOREIGN)
    assert questions.ipv6_byte_order(subject).outcome is Outcome.UNKNOWN
    put(simulator, LOOPBACK)
    put(simulator, LOOPBACK[::-1])
    assert questions.ipv6_byte_order(subject).outcome is Outcome.UNKNOWN


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
