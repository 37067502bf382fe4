"""The doctor, in each state of a host that it recognizes: exactly the right checks fail."""

from __future__ import annotations

import getpass
import re
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli.main import app
from app.doctor.run import SECTIONS
from app.resources import RESOURCES
from app.schemas.doctor import Outcome
from tests.bindings.test_connections import OLD_LIBRARY
from tests.bindings.test_library import compile_library
from tests.cli.served import served
from tests.doctor.run import ROOT, examine, examine_here


CHECKED = (  # where the engine looks at rights (fwpmu.h)
    "IPsecSaContextCreateEnumHandle0",
    "IkeextSaCreateEnumHandle0",
    "FwpmConnectionCreateEnumHandle0",
    "FwpmNetEventCreateEnumHandle0",
    "IPsecSaContextSubscribe0",
    "FwpmFilterGetById0",
    "FwpmProviderContextCreateEnumHandle0",
    "IPsecGetStatistics1",
    "IkeextGetStatistics1",
)
ASKING = {check.name for check in SECTIONS["rights"]}
ACCESS_DENIED = 5


@pytest.fixture(autouse=True)
def _simulator(simulator: Simulator) -> None:
    """What is left of a test goes with it."""


def test_a_host_that_is_well_is_found_so() -> None:
    run = examine()

    assert run.code == 0
    assert run.report.outcome is Outcome.OK
    assert run.failures | run.warnings == set()
    assert [(finding.section, finding.name) for finding in run.report.findings] == [
        (section, check.name) for section, checks in SECTIONS.items() for check in checks
    ]
    assert all(run.finding(name).outcome is Outcome.OK for name in ASKING)
    assert run.finding("stale_handle").outcome is Outcome.UNKNOWN  # nobody asked for it
    assert run.finding("library").facts["kind"] == "simulator"
    assert run.report.engine == "simulator"
    assert run.report.host == socket.gethostname()


def test_an_engine_that_is_stopped_is_reported() -> None:
    run = examine(scene={"stopped": True})

    assert (run.code, run.failures, run.warnings) == (1, {"session"}, set())
    assert run.finding("session").facts["winErrorName"] == "EPT_S_NOT_REGISTERED"
    assert "sc.exe start BFE" in str(run.finding("session").remedy)
    assert run.having(Outcome.UNKNOWN) >= ASKING


def test_services_that_are_stopped_are_reported(tmp_path: Path) -> None:
    source = Path(__file__).with_name("advapi32.c").read_text(encoding="ascii")
    run = examine(
        scene={"stopped": True, "services": str(compile_library(tmp_path, source))},
    )

    assert (run.code, run.failures) == (1, {"session", "bfe_service"})
    assert run.warnings == {"ikeext_service"}
    assert run.finding("bfe_service").facts == {
        "service": "BFE",
        "state": "stopped",
        "start": "automatic",
    }
    assert "sc.exe config IKEEXT start= auto" in str(run.finding("ikeext_service").remedy)
    assert run.finding("time_service").outcome is Outcome.OK


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("IPsecSaContextCreateEnumHandle0", "read_sa_contexts"),
        ("IkeextGetStatistics1", "read_ike_statistics"),
    ],
)
def test_a_right_that_is_missing_is_reported(function: str, name: str) -> None:
    run = examine(scene={"fail": {function: ACCESS_DENIED}})

    assert (run.code, run.failures, run.warnings) == (1, {name}, set())
    finding = run.finding(name)
    assert finding.facts["winErrorName"] == "ERROR_ACCESS_DENIED"
    assert str(finding.facts["right"]) in finding.sentence
    assert "S-1-5-32-556" in str(finding.remedy)


def test_each_resource_declares_what_is_checked() -> None:
    assert all(resource.actions and resource.features for resource in RESOURCES)
    assert {action.name for resource in RESOURCES for action in resource.actions} == ASKING


def test_an_account_without_any_rights_is_reported() -> None:
    run = examine(scene={"fail": dict.fromkeys(CHECKED, ACCESS_DENIED)})

    assert (run.code, run.failures, run.warnings) == (1, ASKING, set())


def test_what_an_old_library_lacks_is_reported(tmp_path: Path) -> None:
    run = examine(library=str(compile_library(tmp_path, OLD_LIBRARY)))

    assert (run.code, run.failures, run.warnings) == (3, set(), {"functions"})
    missing = run.finding("functions").facts["missing"]
    assert isinstance(missing, list)
    assert {"IPsecSaContextEnum1", "IPsecSaContextSubscribe0"} <= set(missing)
    without = run.finding("functions").facts["without"]
    assert isinstance(without, list)
    assert "ports, protocol and interface of an SA" in without
    assert "main mode SAs in full" in without
    assert run.finding("read_sa_contexts").outcome is Outcome.OK
    assert run.finding("subscribe_to_changes").outcome is Outcome.NOT_APPLICABLE


def test_a_library_of_another_width_is_reported(tmp_path: Path) -> None:
    narrow = tmp_path / "fwpuclnt.so"
    header = b"\x7fELF\x01\x01\x01".ljust(16, b"\0") + (3).to_bytes(2, "little") * 2
    narrow.write_bytes(header.ljust(64, b"\0"))  # ELFCLASS32, EM_386

    run = examine(library=str(narrow))

    assert (run.code, run.failures, run.warnings) == (1, {"bitness", "library"}, set())
    assert run.finding("bitness").facts["libraryBits"] == 32
    assert run.finding("bitness").facts["processBits"] == 64
    assert run.report.engine != "simulator"


def test_a_program_of_another_width_is_reported() -> None:
    run = examine(scene={"narrow": True})

    assert (run.code, run.failures, run.warnings) == (1, {"bitness", "library"}, set())
    assert "64-bit Python" in str(run.finding("bitness").remedy)


def test_a_port_that_is_taken_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        run = examine(port=str(other.getsockname()[1]))

    assert (run.code, run.failures, run.warnings) == (1, {"port"}, set())


def test_our_own_server_takes_no_port_from_us() -> None:
    with served(contexts=1) as port:
        run = examine_here(port=str(port))

    assert (run.code, run.finding("port").outcome) == (0, Outcome.OK)
    assert "listens" in run.finding("port").sentence


def test_variables_of_commands_are_not_unknown_settings(tmp_path: Path) -> None:
    read = {
        name
        for module in (ROOT / "app").rglob("*.py")
        for name in re.findall(
            r'environ(?:\.get\(|\[)"SA_CONTEXTS_(\w+)"', module.read_text("utf-8")
        )
    }
    assert {"TOKEN", "URL"} <= read
    variables = dict.fromkeys(map(str.lower, read), "a")

    settings = tmp_path / "settings.toml"
    settings.touch()
    run = examine_here(as_json=True, **variables, settings=str(settings))

    assert run.finding("settings").outcome is Outcome.OK


def test_an_address_that_is_not_the_hosts_is_reported() -> None:
    run = examine_here(host="192.0.2.1")

    assert (run.code, run.failures) == (1, {"port", "exposure"})


def test_settings_that_are_not_valid_are_reported() -> None:
    run = examine_here(log_level="hunter2", refresh_retry_seconds="-1", prot="8081")

    assert (run.code, run.failures, run.warnings) == (1, {"settings"}, set())
    assert run.finding("settings").facts["unknown"] == ["SA_CONTEXTS_PROT"]
    invalid = run.finding("settings").facts["invalid"]
    assert isinstance(invalid, dict)
    assert set(invalid) == {"log_level", "refresh_retry_seconds"}
    assert "hunter2" not in run.output


def test_a_setting_that_does_not_exist_is_reported() -> None:
    run = examine_here(prot="8081")

    assert (run.code, run.warnings) == (3, {"settings"})


def test_a_library_that_cannot_be_loaded_is_reported(tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("not a library", encoding="ascii")

    run = examine_here(library=str(text))

    assert (run.code, run.failures, run.warnings) == (1, {"library"}, set())
    assert run.having(Outcome.UNKNOWN) >= ASKING


def test_an_engine_that_hangs_keeps_nobody_waiting() -> None:
    run = examine(scene={"delay": "FwpmEngineOpen0"})

    assert run.code == 1
    assert "session" in run.failures
    assert run.finding("port").outcome is Outcome.OK


def test_what_is_announced_is_seen() -> None:
    run = examine_here("--listen", "0.6", simulated_churn="200")

    assert run.code == 0
    facts = run.finding("added_announced").facts
    assert isinstance(facts["added"], int)
    assert facts["added"] > 0
    counts = [facts[name] for name in ("completeAtOnce", "halfBuiltAtOnce", "notFoundAtOnce")]
    assert sum(count for count in counts if isinstance(count, int)) == facts["added"]


def test_a_handle_that_was_destroyed_is_tried_on_request() -> None:
    run = examine("--probe")

    assert run.code == 0
    assert run.finding("stale_handle").facts["winErrorName"] == "ERROR_INVALID_HANDLE"


def test_masking_leaves_nothing_of_the_hosts_own() -> None:
    addresses = ("198.51.100.20", "2001:db8:77::5")
    for address in addresses:
        run = examine_here("--mask", host=address)

        assert run.report.masked
        for own in (address, socket.gethostname(), getpass.getuser()):
            assert not re.search(rf"\b{re.escape(own)}\b", run.output, re.IGNORECASE)
        assert run.failures == {"port", "exposure"}
        masked = ip_address(str(run.finding("port").facts["host"]))
        assert str(masked) in run.finding("port").sentence


def test_a_person_gets_sentences(simulator: Simulator) -> None:
    simulator.stop_engine()
    run = examine_here(as_json=False)

    assert run.code == 1
    lines = [line.split() for line in run.output.splitlines()]
    assert ["FAILURE", "session"] in [line[:2] for line in lines]
    for section in SECTIONS:
        assert [section] in lines
    assert lines[-1] == ["1", "failure"]


@pytest.mark.parametrize("code", [5, 0x80320012, 1726])
def test_an_engine_that_refuses_is_reported(simulator: Simulator, code: int) -> None:
    simulator.fail("FwpmEngineOpen0", code, times=0)
    assert examine_here().failures == {"session"}
    simulator.clear_failures()
    for function in CHECKED:
        simulator.fail(function, code, times=0)

    assert examine_here().failures == ASKING


def test_what_is_switched_off_is_reported(simulator: Simulator) -> None:
    simulator.collect_net_events(False)
    simulator.monitor_connections(False)
    simulator.fail("IkeextGetStatistics1", 0x80320044, times=0)  # FWP_E_IKEEXT_NOT_RUNNING
    run = examine_here()

    assert (run.code, run.failures) == (3, set())
    assert run.warnings == {"net_event_collection", "connection_monitoring"}
    for name in ("read_connections", "read_ike_statistics"):
        assert run.finding(name).outcome is Outcome.NOT_APPLICABLE


def test_an_engine_without_options_is_reported(simulator: Simulator) -> None:
    simulator.fail("FwpmEngineGetOption0", 5, times=0)
    run = examine_here()

    assert (run.code, run.failures | run.warnings) == (0, set())
    assert run.finding("net_event_collection").outcome is Outcome.UNKNOWN


def test_an_engine_without_an_option_is_reported(simulator: Simulator) -> None:
    simulator.fail("FwpmEngineGetOption0", 0x8032001D, times=0)  # FWP_E_INVALID_ENUMERATOR
    run = examine_here()

    assert (run.code, run.failures | run.warnings) == (0, set())
    assert run.finding("connection_monitoring").outcome is Outcome.NOT_APPLICABLE


def test_an_option_without_a_number_is_unknown(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.doctor.checks.engine.engine_option", lambda *_: None)
    run = examine_here()

    assert run.finding("connection_monitoring").outcome is Outcome.UNKNOWN
    assert run.finding("net_event_collection").outcome is Outcome.UNKNOWN
    assert simulator.open_handles() == 0


def test_what_is_off_has_a_command_that_exists(simulator: Simulator) -> None:
    simulator.monitor_connections(False)

    remedy = examine_here().finding("connection_monitoring").remedy

    assert isinstance(remedy, str)
    (command,) = re.findall(r"`sa-contexts ([a-z -]+)`", remedy)
    assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0


def test_every_check_is_documented() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|$", text, re.MULTILINE)

    assert {section: re.findall(r"\w+", names) for section, names in rows} == {
        section: [check.name for check in checks] for section, checks in SECTIONS.items()
    }
