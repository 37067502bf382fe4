"""All checks, one after the other, none of which can keep the rest waiting for long."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

from app.doctor.checks import certificate, engine, host, issuer, program, rights, server, state
from app.doctor.checks.host import user_name
from app.doctor.context import CheckSkipped, DoctorContext
from app.doctor.masking import Mask
from app.doctor.probes import platform as questions
from app.doctor.probes.notifications import added_announced
from app.doctor.probes.stale_handle import stale_handle
from app.doctor.results import Check, CheckResult
from app.schemas.doctor import Outcome, Report


CHECK_SECONDS: Final = 10.0
"""How long a check may take."""
LATE_SECONDS: Final = 40.0
"""How long they may take together, before those that are left get little time."""
LITTLE_SECONDS: Final = 0.5

SECTIONS: Final[Mapping[str, tuple[Check, ...]]] = {
    "program": (
        Check("bitness", program.bitness),
        Check("packages", program.packages),
        Check("settings", program.settings),
        Check("clock", program.clock),
    ),
    "host": (
        Check("windows", host.windows),
        Check("bfe_service", host.bfe_service),
        Check("ikeext_service", host.ikeext_service),
        Check("time_service", host.time_service),
        Check("account", host.running_account),
    ),
    "engine": (
        Check("library", engine.library),
        Check("functions", engine.functions),
        Check("session", engine.session),
        Check("net_event_collection", engine.net_event_collection),
        Check("connection_monitoring", engine.connection_monitoring),
    ),
    "rights": (
        Check("read_sa_contexts", rights.read_sa_contexts),
        Check("subscribe_to_changes", rights.subscribe_to_changes),
        Check("read_ike_sas", rights.read_ike_sas),
        Check("read_connections", rights.read_connections),
        Check("read_net_events", rights.read_net_events),
        Check("read_ipsec_statistics", rights.read_ipsec_statistics),
        Check("read_ike_statistics", rights.read_ike_statistics),
    ),
    "server": (
        Check("port", server.port),
        Check("exposure", server.exposure),
        Check("certificate", certificate.certificate),
        Check("firewall", server.firewall),
        Check("keys", state.keys),
        Check("issuer", issuer.issuer),
        Check("state_folder", state.state_folder),
    ),
    "questions": (
        Check("ipv6_byte_order", questions.ipv6_byte_order),
        Check("empty_enumeration", questions.empty_enumeration),
        Check("key_sizes", questions.key_sizes),
        Check("stale_handle", stale_handle),
        Check("ikeext_stopped", questions.ikeext_stopped),
        Check("operators_read", questions.operators_read),
        Check("connection_template_zero", questions.connection_template_zero),
        Check("connections_join", questions.connections_join),
        Check("added_announced", added_announced, listens=True),
    ),
}


class DoctorRun:
    """One examination of a subject.

    Attributes:
        hangs: whether a check was left that did not come back; its thread may still be in a call.
    """

    def __init__(self, subject: DoctorContext) -> None:
        self._subject = subject
        self._late = time.monotonic() + LATE_SECONDS + subject.listen_seconds
        self.hangs = False

    def report(self, *, is_masked: bool = False) -> Report:
        """What all checks find, with others' addresses and names where it is to be masked."""
        found = [
            (section, check.name, self._finding(check))
            for section, checks in SECTIONS.items()
            for check in checks
        ]
        given: dict[str, Any] = {
            "version": _version(),
            "taken_at": datetime.now(UTC),
            "host": socket.gethostname(),
            "masked": is_masked,
            "outcome": _worst([finding.outcome for _, _, finding in found]),
            "findings": [_shape(section, name, finding) for section, name, finding in found],
        }
        library = self._subject.library
        if library is not None:
            given["engine"] = library.kind.value
        if is_masked:
            mask = Mask(_names().union(*(finding.names for _, _, finding in found)))
            given["host"] = mask.text(given["host"])
            for shape in given["findings"]:
                shape |= {name: mask.value(shape[name]) for name in shape.keys() & _TELLING}
        return Report.model_validate(given)

    def _finding(self, check: Check) -> CheckResult:
        """What a check finds, or that it found nothing in time."""
        seconds = CHECK_SECONDS if time.monotonic() < self._late else LITTLE_SECONDS
        if check.listens:
            seconds += self._subject.listen_seconds
        found: SimpleQueue[CheckResult] = SimpleQueue()
        Thread(
            target=lambda: found.put(_examined(check, self._subject)), name=check.name, daemon=True
        ).start()
        try:
            return found.get(timeout=seconds)
        except Empty:
            self.hangs = True
            return CheckResult(
                Outcome.FAILURE,
                f"There was no answer within {seconds:g} s.",
                "Run this again; where it stays so, restart what did not answer.",
            )


_TELLING: Final = frozenset({"sentence", "remedy", "facts"})


def _examined(check: Check, subject: DoctorContext) -> CheckResult:
    try:
        return check.examine(subject)
    except CheckSkipped as reason:
        return CheckResult(Outcome.UNKNOWN, str(reason))
    except Exception as error:  # noqa: BLE001  # one check that fails takes no other with it
        return CheckResult(Outcome.UNKNOWN, f"The check itself failed ({type(error).__name__}).")


def _shape(section: str, name: str, finding: CheckResult) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "section": section,
        "name": name,
        "outcome": finding.outcome,
        "sentence": finding.sentence,
        "facts": dict(finding.facts),
    }
    if finding.remedy is not None:
        shape["remedy"] = finding.remedy
    return shape


def _worst(outcomes: list[Outcome]) -> Outcome:
    return next(
        (each for each in (Outcome.FAILURE, Outcome.WARNING) if each in outcomes), Outcome.OK
    )


def _names() -> frozenset[str]:
    """The names of the host and of whom this runs as, which may stand in any path or message."""
    host, full = socket.gethostname(), socket.getfqdn()
    parts = {part for name in (host, full) for part in (name, *name.partition(".")[::2])}
    account = {user_name() or "", Path.home().name, os.environ.get("USERDOMAIN", "")}
    return frozenset(parts | account)


def _version() -> str:
    try:
        return version("sa-contexts")
    except PackageNotFoundError:
        return "unknown"
