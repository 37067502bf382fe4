"""Runs all checks one after another, each with a timeout, and builds the report."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

from app.doctor.checks import (
    certificate,
    engine,
    host,
    ike_certificates,
    issuer,
    program,
    rights,
    server,
    state,
)
from app.doctor.checks.host import user_name
from app.doctor.context import DoctorContext
from app.doctor.masking import Mask
from app.doctor.probes import platform as platform_probes
from app.doctor.probes.notifications import added_announced
from app.doctor.probes.stale_handle import stale_handle
from app.doctor.results import Check, CheckResult, failure, unknown
from app.resources import RESOURCES
from app.schemas.doctor import Outcome, Report
from bindings.library import Library


CHECK_SECONDS: Final = 10.0
"""Timeout of a check."""
TOTAL_SECONDS: Final = 40.0
"""Time, without the listening time, after which the timeout is only `LATE_CHECK_SECONDS`."""
LATE_CHECK_SECONDS: Final = 0.5

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
        Check("unreadable", engine.unreadable),
        Check("net_event_collection", engine.net_event_collection),
        Check("connection_monitoring", engine.connection_monitoring),
        Check("ike_certificates", ike_certificates.ike_certificates),
    ),
    "rights": tuple(
        rights.right_check(action) for resource in RESOURCES for action in resource.actions
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
        Check("ipv6_byte_order", platform_probes.ipv6_byte_order),
        Check("empty_enumeration", platform_probes.empty_enumeration),
        Check("key_sizes", platform_probes.key_sizes),
        Check("stale_handle", stale_handle),
        Check("ikeext_stopped", platform_probes.ikeext_stopped),
        Check("operators_read", platform_probes.operators_read),
        Check("connection_template_zero", platform_probes.connection_template_zero),
        Check("connections_join", platform_probes.connections_join),
        Check("added_announced", added_announced, listens=True),
    ),
}


READING: Final = frozenset({"rights", "questions"})
"""Sections whose checks read the engine's objects."""


class DoctorRun:
    """One run of all checks.

    Attributes:
        hangs: whether a check timed out; its thread may still be in a call.
        mask: masks addresses, the names of the host and the account and, after `report`, the names
            in the results.
    """

    def __init__(self, context: DoctorContext) -> None:
        self._context = context
        self._deadline = time.monotonic() + TOTAL_SECONDS + context.listen_seconds
        self.hangs = False
        self.mask = Mask(host_names())

    def report(self, *, is_masked: bool = False) -> Report:
        """Run all checks and return the report, masked on request."""
        found = [
            (section, check.name, self._finding(section, check))
            for section, checks in SECTIONS.items()
            for check in checks
        ]
        results = [result for _, _, result in found]
        self.mask = Mask(host_names().union(*(result.names for result in results)))
        masked: Callable[[Any], Any] = self.mask.value if is_masked else lambda value: value
        fields: dict[str, Any] = {
            "version": program_version(),
            "taken_at": datetime.now(UTC),
            "host": masked(socket.gethostname()),
            "masked": is_masked,
            "outcome": _worst([result.outcome for result in results]),
            "findings": [
                {"section": section, "name": name, "outcome": result.outcome}
                | masked(_content(result))
                for section, name, result in found
            ],
        }
        if isinstance(library := self._context.library, Library):
            fields["engine"] = library.kind.value
        return Report.model_validate(fields)

    def _finding(self, section: str, check: Check) -> CheckResult:
        """Run a check; return its result, or a failure if it times out."""
        if section in READING and self._context.unreadable:
            return unknown("Not checked, because reading the engine ends the process.")
        seconds = CHECK_SECONDS if time.monotonic() < self._deadline else LATE_CHECK_SECONDS
        if check.listens:
            seconds += self._context.listen_seconds
        found: SimpleQueue[CheckResult] = SimpleQueue()
        Thread(
            target=lambda: found.put(check.result(self._context)), name=check.name, daemon=True
        ).start()
        try:
            return found.get(timeout=seconds)
        except Empty:
            self.hangs = True
            return failure(
                f"There was no answer within {seconds:g} s.",
                "Run this again; if it happens again, restart the component that did not answer.",
            )


def _content(result: CheckResult) -> dict[str, Any]:
    content = {"sentence": result.sentence, "facts": result.facts}
    return content if result.remedy is None else content | {"remedy": result.remedy}


def _worst(outcomes: list[Outcome]) -> Outcome:
    return next(
        (each for each in (Outcome.FAILURE, Outcome.WARNING) if each in outcomes), Outcome.OK
    )


def host_names() -> frozenset[str]:
    """Return the names of the host and the account, which any path or message may contain."""
    host, full = socket.gethostname(), socket.getfqdn()
    parts = {part for name in (host, full) for part in (name, *name.partition(".")[::2])}
    account = {user_name() or "", Path.home().name, os.environ.get("USERDOMAIN", "")}
    return frozenset(parts | account)


def program_version() -> str:
    """Return this program's version, or `unknown` if the package is not installed."""
    try:
        return version("sa-contexts")
    except PackageNotFoundError:
        return "unknown"
