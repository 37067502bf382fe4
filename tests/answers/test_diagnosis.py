"""What a diagnosis concludes from how SA contexts ended."""

from __future__ import annotations

from typing import Any

import pytest

from app.answers.peers.diagnosis import ENDS, SHORT_LIVED_SECONDS, STORM, diagnosis_of
from app.schemas.names import EndReason, PeerState


def peer(state: PeerState, complete: int = 0) -> dict[str, Any]:
    return {
        "address": "203.0.113.7",
        "state": state,
        "saContexts": complete,
        "completeSaContexts": complete,
        "ikeSas": 1,
        "natClients": 0,
        "protections": [],
        "weaknesses": [],
        "recentFailures": [],
    }


def ended(reason: EndReason, **rest: Any) -> dict[str, Any]:
    return {"time": "2026-11-29T19:44:36.904096Z", "endReason": reason.value, **rest}


def findings(*arguments: Any) -> list[str]:
    return [each["finding"] for each in diagnosis_of(*arguments)]


@pytest.mark.parametrize("state", [PeerState.DOWN, PeerState.NEGOTIATING, PeerState.FAILING])
@pytest.mark.parametrize("reason", EndReason)
def test_a_missing_sa_is_explained_by_how_the_newest_ended(
    state: PeerState, reason: EndReason
) -> None:
    older = ended(EndReason.MAIN_MODE_GONE) | {"time": "2026-11-29T18:00:00Z"}
    _, *found = findings(peer(state), [ended(reason), older])

    assert len(found) == (reason in ENDS)
    assert all("2026-11-29T19:44:36Z" in each for each in found)


@pytest.mark.parametrize("state", [PeerState.DOWN, PeerState.PROTECTED])
def test_hidden_failures_are_a_finding(state: PeerState) -> None:
    seen = peer(state)
    hidden = {name: value for name, value in seen.items() if name != "recentFailures"}

    assert not any("diagnostics:read" in each for each in findings(seen, []))
    assert "diagnostics:read" in findings(hidden, [])[1]


@pytest.mark.parametrize(
    ("count", "times"), [(1, "once"), (4, "4 times since 2026-11-30T06:46:32Z")]
)
def test_a_failure_is_counted_with_whole_seconds(count: int, times: str) -> None:
    failure = {
        "code": 13801,
        "codeHex": "0x35e9",
        "name": "ERROR_IPSEC_IKE_AUTH_FAIL",
        "count": count,
        "oldest": "2026-11-30T06:46:32.214821Z",
    }
    found = findings(peer(PeerState.FAILING) | {"recentFailures": [failure]}, [])

    assert found[1].startswith(f"ERROR_IPSEC_IKE_AUTH_FAIL occurred {times}")


@pytest.mark.parametrize("reason", ENDS)
def test_ends_explain_nothing_while_there_is_an_sa(reason: EndReason) -> None:
    assert len(findings(peer(PeerState.PROTECTED, complete=1), [ended(reason)])) == 1


@pytest.mark.parametrize(
    ("reason", "count", "seconds", "is_found"),
    [
        (EndReason.REKEYED, STORM, SHORT_LIVED_SECONDS - 1, True),
        (EndReason.REKEYED, STORM - 1, SHORT_LIVED_SECONDS - 1, False),
        (EndReason.REKEYED, STORM, SHORT_LIVED_SECONDS + 1, False),
        (EndReason.REKEYED, STORM, None, False),
        (EndReason.UNKNOWN, STORM, 1, False),
    ],
)
def test_contexts_that_are_replaced_all_the_time_are_found(
    reason: EndReason, count: int, seconds: float | None, is_found: bool
) -> None:
    lived = {} if seconds is None else {"duration": seconds}
    found = findings(peer(PeerState.PROTECTED, complete=1), [ended(reason, **lived)] * count)

    assert any(each.startswith(f"{count} SA contexts that ended") for each in found) is is_found
