"""The findings about a Windows host, with simulated answers of Windows."""

from __future__ import annotations

import platform

import pytest

from app.doctor.checks import host, rights
from app.doctor.context import CheckSkipped, DoctorContext
from app.doctor.probes import platform as questions
from app.doctor.run import SECTIONS
from app.schemas.doctor import Outcome
from bindings.account import Account, Elevation
from bindings.services import Service, ServiceStart, ServiceState
from tests.conftest import SIMULATOR_PATH


OPERATORS = "S-1-5-32-556"


@pytest.fixture
def subject() -> DoctorContext:
    return DoctorContext(
        {"library": SIMULATOR_PATH, "simulated_churn": 0, "simulated_net_events": 0}
    )


@pytest.mark.parametrize(
    ("version", "outcome", "expected"),
    [
        ("6.0.6003", Outcome.WARNING, "Vista"),
        ("6.1.7601", Outcome.WARNING, "Windows 7"),
        ("6.2.9200", Outcome.OK, ""),
        ("10.0.26100", Outcome.OK, ""),
    ],
)
def test_a_windows_is_judged_by_its_version(
    subject: DoctorContext,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    outcome: Outcome,
    expected: str,
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setattr(platform, "version", lambda: version)

    finding = host.windows(subject)

    assert (finding.outcome, finding.facts["version"]) == (outcome, version)
    assert expected in finding.sentence


@pytest.mark.parametrize(
    ("account", "outcome", "expected"),
    [
        (Account(is_administrator=True, is_operator=False, elevation=Elevation.FULL), "ok", ""),
        (Account(is_administrator=False, is_operator=True, elevation=Elevation.DEFAULT), "ok", ""),
        (
            Account(is_administrator=False, is_operator=False, elevation=Elevation.LIMITED),
            "warning",
            "not elevated",
        ),
        (Account(is_administrator=False, is_operator=False, elevation=None), "warning", OPERATORS),
    ],
)
def test_an_account_is_judged_by_its_token(
    subject: DoctorContext,
    monkeypatch: pytest.MonkeyPatch,
    account: Account,
    outcome: str,
    expected: str,
) -> None:
    monkeypatch.setattr(host, "account", lambda: account)

    finding = host.running_account(subject)

    assert finding.outcome == outcome
    assert expected in finding.sentence
    assert finding.facts["account"] in finding.names


def test_rights_that_were_changed_are_reported_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    operator = Account(is_administrator=False, is_operator=True, elevation=Elevation.DEFAULT)
    monkeypatch.setattr(rights, "account", lambda: operator)
    changed = rights.rights_remedy()
    limited = Account(is_administrator=False, is_operator=False, elevation=Elevation.LIMITED)
    monkeypatch.setattr(rights, "account", lambda: limited)

    assert "netsh wfp show security" in changed
    assert "as administrator" in rights.rights_remedy()


def test_operators_settle_whether_their_group_suffices(
    subject: DoctorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Account(is_administrator=False, is_operator=True, elevation=Elevation.DEFAULT)
    monkeypatch.setattr(questions, "account", lambda: operator)

    finding = questions.operators_read(subject)

    assert (finding.outcome, finding.facts) == (Outcome.OK, {"read": 250})


def test_the_engine_is_asked_while_ikeext_is_stopped(
    subject: DoctorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Service(ServiceState.STOPPED, ServiceStart.MANUAL)
    monkeypatch.setattr(questions, "has_services", lambda: True)
    monkeypatch.setattr(questions, "service", lambda _name: stopped)

    finding = questions.ikeext_stopped(subject)

    assert finding.facts["byId"] == "FWP_E_NOT_FOUND"
    assert finding.facts["statistics"] == "answered"
    assert isinstance(finding.facts["enumeration"], int)


@pytest.mark.parametrize(
    ("found", "outcome", "expected"),
    [
        (Service(ServiceState.RUNNING, ServiceStart.AUTOMATIC), Outcome.OK, ""),
        (Service(ServiceState.STOP_PENDING, None), Outcome.FAILURE, "sc.exe start BFE"),
        (Service(ServiceState.STOPPED, ServiceStart.DISABLED), Outcome.FAILURE, "start= auto"),
        (Service(77, ServiceStart.MANUAL), Outcome.FAILURE, "sc.exe start BFE"),
    ],
)
def test_a_service_is_judged_by_its_state(
    subject: DoctorContext,
    monkeypatch: pytest.MonkeyPatch,
    found: Service,
    outcome: Outcome,
    expected: str,
) -> None:
    monkeypatch.setattr(host, "has_services", lambda: True)
    monkeypatch.setattr(host, "service", lambda _name: found)

    finding = host.bfe_service(subject)

    assert finding.outcome is outcome
    assert expected in str(finding.remedy)


def test_a_service_may_be_unknown(subject: DoctorContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> Service:
        raise OSError(5, "OpenServiceW failed with 5")

    for module in (host, questions):
        monkeypatch.setattr(module, "has_services", lambda: True)
        monkeypatch.setattr(module, "service", refuse)
    for check in (host.bfe_service, questions.ikeext_stopped):
        with pytest.raises(CheckSkipped, match="cannot be queried"):
            check(subject)


def test_a_service_that_is_not_there_is_reported(
    subject: DoctorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "has_services", lambda: True)
    monkeypatch.setattr(host, "service", lambda _name: None)

    assert host.bfe_service(subject).outcome is Outcome.UNKNOWN


def test_each_check_has_a_name_of_its_own() -> None:
    names = [check.name for checks in SECTIONS.values() for check in checks]

    assert len(names) == len(set(names))
