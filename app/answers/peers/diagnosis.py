"""The diagnosis of a peer: sentences that follow from its state by fixed rules.

Each finding has a sentence and what to check. The rules look only at what the peer itself shows, so
the diagnosis of equal peers is equal, and each sentence can be verified in the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

from app.resources.wfp.failures import failure_of
from app.schemas.names import EndReason, PeerState


Peer = Mapping[str, Any]
"""A `PeerSummary` object."""
Ended = Sequence[Mapping[str, Any]]
"""`EndedSaContext` objects, newest first."""


class Finding(NamedTuple):
    """One finding, or the template of one, whose placeholders are members of the peer."""

    finding: str
    check: str


STORM: Final = 20
"""Number of SA contexts per main mode SA or client from which they seem to be needless; also, the
number of ended ones from which their durations say something."""

SHORT_LIVED_SECONDS: Final = 120
"""Median duration of contexts below which they seem to be replaced too often."""

STATES: Final = {
    PeerState.PROTECTED: Finding(
        "{completeSaContexts} of {saContexts} SA contexts with {address} have both SAs.",
        "If traffic is missing, compare it with the filters of the SA contexts.",
    ),
    PeerState.PARTIAL: Finding(
        "No SA context with {address} has both SAs.",
        "Look again after a minute, because half-built and expired SA contexts do not last. If "
        "they do, compare the quick mode settings of both sides: transforms, PFS, lifetimes.",
    ),
    PeerState.NEGOTIATING: Finding(
        "Main mode with {address} is complete, but there is no SA context.",
        "Compare the quick mode settings of both sides: transforms, PFS, traffic selectors. "
        "Without traffic that matches a rule, no SA context is negotiated.",
    ),
    PeerState.FAILING: Finding(
        "There is no SA with {address}, and a negotiation with it failed in the last hour.",
        "Check what the failures below name, first on the side that failed, then on the other.",
    ),
    PeerState.DOWN: Finding(
        "{address} is expected to have SAs, but has none.",
        "Check whether traffic to it matches a rule of this host, because nothing else starts a "
        "negotiation here; whether the peer is up; and whether UDP ports 500 and 4500 reach it.",
    ),
}
HALF_BUILT: Final = Finding(
    "Some SA contexts lack an SA: {completeSaContexts} of {saContexts} are complete.",
    "Look again after a minute: the others are being built or are expiring. If their number grows, "
    "the peer does not complete quick mode.",
)
TOO_MANY: Final = Finding(
    "There are {saContexts} SA contexts for {ikeSas} main mode SAs.",
    "The peer may negotiate the same SAs again and again: compare the traffic selectors and "
    "lifetimes of both sides, and read the peer's log.",
)
WEAK: Final = Finding(
    "The protection has weaknesses: {weakness}.",
    "Compare what both sides propose, and remove the weak proposals.",
)
MIXED: Final = Finding(
    "The SA contexts have different protections: {protection}.",
    "Check whether different rules apply on purpose. If not, the settings have changed since the "
    "older SAs were negotiated.",
)
NAT: Final = Finding(
    "ESP is encapsulated in UDP: a NAT is between this host and the peer.",
    "Check that UDP port 4500 passes both ways, and that the NAT keeps idle mappings long enough.",
)
MANY_CLIENTS: Final = Finding(
    "{natClients} clients share this address behind a NAT.",
    "`natClientItems` lists them. A rule for this address applies to all of them.",
)
ENDS: Final = {
    EndReason.IDLE_TIMEOUT: Finding(
        "An SA context ended at {time} because nothing was sent or received for its idle timeout.",
        "No action is needed: the next packet that matches a rule starts a negotiation. If the "
        "SAs should stay, the application has to send something within the idle timeout.",
    ),
    EndReason.LIFETIME_EXPIRED: Finding(
        "An SA context ended at {time} because its lifetime expired, and no other replaced it.",
        "Check whether there was still traffic. If there was, rekeying failed: read what failed "
        "at that time in `/net-events?remoteSubnet={address}`.",
    ),
    EndReason.MAIN_MODE_GONE: Finding(
        "An SA context ended at {time} with its main mode SA.",
        "With IKEv2, this is how a side closes a connection, for instance a VPN client that "
        "disconnects. If nobody disconnected, read the peer's log of that time.",
    ),
    EndReason.ENGINE_RESTARTED: Finding(
        "An SA context ended at {time} because the Base Filtering Engine of this host restarted.",
        "Find in the System log why the service BFE restarted. The peer may use its old SAs until "
        "it finds out: reconnect there, or wait for its dead peer detection.",
    ),
}
"""By the reason of the newest end: the finding if no SA context has both SAs."""
SHORT_LIVED: Final = Finding(
    "{rekeyed} SA contexts that ended were replaced by rekeying, half of them after less than "
    "{seconds} s.",
    "Much traffic with a small `lifetimeKilobytes` explains this; otherwise, compare the lifetimes "
    "and traffic selectors of both sides.",
)
HIDDEN_FAILURES: Final = Finding(
    "Failed negotiations are hidden, because the credential lacks the scope `diagnostics:read`.",
    "To see what failed with the peer, use a credential with this scope.",
)
UNEXPLAINED: Final = "Read the details: `/net-events?remoteSubnet={address}`."


def diagnosis_of(peer: Peer, ended: Ended) -> list[dict[str, str]]:
    """Return the findings about a peer as `PeerFinding` objects, the most important first.

    Args:
        peer: the peer.
        ended: the contexts with it that ended recently.
    """
    values = dict(peer)
    values["weakness"] = ", ".join(peer["weaknesses"])
    values["protection"] = "; ".join(each["protection"] for each in peer["protections"])
    values["time"] = _to_seconds(ended[0]["time"]) if ended else ""
    lifespans = [
        each["duration"]
        for each in ended
        if each["endReason"] == EndReason.REKEYED and "duration" in each
    ]
    values["rekeyed"] = len(lifespans)
    values["seconds"] = SHORT_LIVED_SECONDS
    is_short_lived = len(lifespans) >= STORM and median(lifespans) < SHORT_LIVED_SECONDS
    return [
        {"finding": finding.format_map(values), "check": check.format_map(values)}
        for finding, check in _templates(peer, ended, is_short_lived=is_short_lived)
    ]


def _templates(peer: Peer, ended: Ended, *, is_short_lived: bool) -> Iterator[Finding]:
    yield STATES[peer["state"]]
    if ended and not peer["completeSaContexts"] and ended[0]["endReason"] in ENDS:
        yield ENDS[ended[0]["endReason"]]
    if "recentFailures" not in peer:
        yield HIDDEN_FAILURES
    for failure in peer.get("recentFailures", ()):
        yield _failed(failure)
    contexts, complete = peer["saContexts"], peer["completeSaContexts"]
    if 0 < complete < contexts:
        yield HALF_BUILT
    if contexts >= STORM * max(1, peer["ikeSas"], peer["natClients"]):
        yield TOO_MANY
    if is_short_lived:
        yield SHORT_LIVED
    if peer["weaknesses"]:
        yield WEAK
    if len(peer["protections"]) > 1:
        yield MIXED
    if peer["natClients"]:
        yield MANY_CLIENTS if peer["natClients"] > 1 else NAT


def _failed(failure: Mapping[str, Any]) -> Finding:
    """Return the finding for a `RecentFailure` object."""
    count, oldest = failure["count"], failure["oldest"]  # may be more than an hour ago
    times = "once in the last hour" if count == 1 else f"{count} times since {_to_seconds(oldest)}"
    sentence = f"{failure['name'] or failure['codeHex']} occurred {times}."
    explained = failure_of(failure["code"])
    if explained is None:
        return Finding(sentence, UNEXPLAINED)
    advice = explained.unknown
    return Finding(_escaped(f"{sentence} {advice.explanation}"), _escaped(advice.check))


def _to_seconds(time: str) -> str:
    """Return a time of the API without its fraction of a second: it is read by people."""
    return f"{time[:19]}Z"


def _escaped(text: str) -> str:
    """Return a template that gives a text."""
    return text.replace("{", "{{").replace("}", "}}")
