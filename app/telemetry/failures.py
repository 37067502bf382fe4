"""Failures of IKE and packets dropped by IPsec, counted as they are told."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter


MOST_SERIES: Final = 500
"""As many as there are known errors of all types, about; what is more has `other` for its error."""

OTHER: Final = "other"


class FailureMetrics:
    """Counts what net events tell of; whoever takes them calls `count`, in the event loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failures = Counter(
            "wfp_failures",
            "Failures of IKE and packets dropped by IPsec, by what failed and the error's name.",
            ["type", "error"],
            registry=registry,
        )
        self._seen: set[tuple[str, str]] = set()

    def count(self, type_: str, error: str) -> None:
        """Count a failure.

        Args:
            type_: what failed, a word of an enumeration.
            error: the name of its code in winerror.h or ntstatus.h.
        """
        if (type_, error) not in self._seen and len(self._seen) == MOST_SERIES:
            error = OTHER
        else:
            self._seen.add((type_, error))
        self._failures.labels(type_, error).inc()
