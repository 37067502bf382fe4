"""Explained failures as JSON objects (`app.answers.failures.schema`)."""

from __future__ import annotations

from typing import Any

from app.answers.failures.catalogue import Entry
from app.resources.wfp.failures import Advice
from app.schemas.hexadecimal import hex32


def explanation_of(entry: Entry) -> dict[str, Any]:
    """Return a `FailureExplanation` without occurrences."""
    failure = entry.failure
    return {
        **_common(entry),
        "sides": {
            "me": _advice(failure.me),
            "peer": _advice(failure.peer),
            "unknown": _advice(failure.unknown),
        },
        "related": list(entry.related),
        "sources": list(failure.sources),
    }


def summary_of(entry: Entry) -> dict[str, Any]:
    """Return a `FailureSummary` without occurrences."""
    return {**_common(entry), "explanation": entry.failure.unknown.explanation}


def _common(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "family": entry.family.value,
        "code": entry.code,
        "codeHex": hex32(entry.code),
        "name": entry.failure.name or None,
    }


def _advice(advice: Advice) -> dict[str, Any]:
    return {
        "explanation": advice.explanation,
        "checks": {
            "rules": advice.rules,
            "vpn": advice.vpn,
            "directAccess": advice.direct_access,
        },
    }
