"""The outcomes of all requests, and those that must occur for a soak to prove much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


SA_CONTEXTS = "/sa-contexts"
LIST, SUMMARY, ONE, EVENTS = (
    "GET /sa-contexts",
    "GET /sa-contexts/summary",
    "GET /sa-contexts/{saContextId}",
    "GET /sa-contexts/events",
)

_ENGINE_PROBLEMS = (
    "500 engine_error",
    "501 not_supported_by_engine",
    "503 engine_access_denied",
    "503 engine_busy",
    "503 engine_timeout",
    "503 engine_unavailable",
)
_ANY_PROBLEMS = ("406 not_acceptable", "422 invalid_parameters")
_CREDENTIAL_PROBLEMS = ("401 unauthenticated", "403 insufficient_scope")


def _of_list(path: str, item: str, not_found: str) -> dict[str, tuple[str, ...]]:
    """Return the outcomes of a list that is read on request, and of its items."""
    return {
        f"GET {path}": (
            "200 application/json",
            "200 application/json, gzip",
            "200 application/x-ndjson",
            "503 engine_unavailable",
        ),
        f"GET {path}/{item}": (
            "200 application/json",
            "304",
            f"404 {not_found}",
            "503 engine_unavailable",
        ),
        f"walks of {path}": ("complete", "resumed"),
        f"exports of {path}": ("complete",),
        f"polls of {path}": ("fresh",),
    }


EXPECTED: dict[str, tuple[str, ...]] = {
    LIST: (
        "200 application/json",
        "200 application/json, gzip",
        "200 application/x-ndjson",
        "200 application/x-ndjson, gzip",
        "400 cursor_invalid",
        "400 cursor_mismatch",
        "410 cursor_expired",
        *_CREDENTIAL_PROBLEMS,
        *_ANY_PROBLEMS,
        *_ENGINE_PROBLEMS,
    ),
    SUMMARY: ("200 application/json", *_ANY_PROBLEMS, *_ENGINE_PROBLEMS),
    ONE: (
        "200 application/json",
        "304",
        "404 sa_context_not_found",
        *_ANY_PROBLEMS,
        *_ENGINE_PROBLEMS,
    ),
    EVENTS: (
        "200 text/event-stream",
        "429 too_many_streams",
        *_CREDENTIAL_PROBLEMS,
        *_ANY_PROBLEMS,
    ),
    **_of_list("/ike-sas", "{saId}", "ike_sa_not_found"),
    **_of_list("/connections", "{connectionId}", "connection_not_found"),
    "GET /filters/{filterId}": (
        "200 application/json",
        "304",
        "404 filter_not_found",
        *_ANY_PROBLEMS,
        *_ENGINE_PROBLEMS,
    ),
    "GET /statistics/ipsec": ("200 application/json", "503 engine_unavailable"),
    "GET /statistics/ike": ("200 application/json", "503 ikeext_not_running"),
    "GET /net-events": ("200 application/json", *_CREDENTIAL_PROBLEMS),
    "GET /failures": ("200 application/json",),
    "GET /failures/{code}": ("200 application/json", "404 failure_not_found"),
    "GET /net-events/events": ("200 text/event-stream", *_CREDENTIAL_PROBLEMS),
    "GET /peers": (
        "200 application/json",
        "403 insufficient_scope",
        "422 invalid_parameters",
        "503 engine_unavailable",
    ),
    "GET /peers/{address}": ("200 application/json", "404 peer_not_found"),
    "GET /peers/events": ("200 text/event-stream",),
    "GET /tunnels": (
        "200 application/json",
        "403 insufficient_scope",
        "422 invalid_parameters",
        "503 engine_unavailable",
    ),
    "GET /tunnels/{providerContextKey}": ("200 application/json", "404 tunnel_not_found"),
    "GET /tunnels/events": ("200 text/event-stream",),
    "GET /sa-contexts/ended": ("200 application/json", "422 invalid_parameters"),
    "GET /history": ("200 application/json", "422 invalid_parameters"),
    "GET /certificates": ("200 application/json", "422 invalid_parameters"),
    "GET /certificates/{thumbprint}": ("200 application/json", "404 certificate_not_found"),
    "HEAD /sa-contexts": ("200 application/json", "200 application/x-ndjson"),
    "HEAD /sa-contexts/{saContextId}": ("200 application/json",),
    "GET /engine": ("200 application/json", "406 not_acceptable"),
    "GET /health/live": ("200 application/json",),
    "GET /health/ready": ("200 application/json", "503 application/json"),
    "GET /metrics": ("200 text/plain", "200 application/openmetrics-text", "406 not_acceptable"),
    "GET /problems/{code}": ("200 application/json", "404 not_found"),
    "elsewhere": (
        "200 application/json",
        "200 text/html",
        "304",
        "404 not_found",
        "405 method_not_allowed",
    ),
    f"walks of {SA_CONTEXTS}": (
        "complete",
        "without any",
        "left",
        "resumed",
        "restarted",
        "page asked for again",
        "waited after 503",
        "given up",
        "page not read",
    ),
    f"exports of {SA_CONTEXTS}": ("complete", "left", "cut off after the longest time", "rejected"),
    "watches": (
        "compared",
        "resumed",
        "resumed amid a revision",
        "reset",
        "left",
        "rejected",
        "asked to reconnect",
    ),
    f"polls of {SA_CONTEXTS}": ("fresh", "not running"),
    "failures": ("list read to its end", "page after page", "resumed", "reset", "left"),
    "peers": ("list read to its end", "page after page", "one", "one with what ended"),
    "peer watches": ("all from the first on", "resumed", "left"),
    "tunnels": ("list read to its end", "page after page", "one"),
    "tunnel watches": ("all from the first on", "resumed", "left"),
    "ended": ("list read to its end", "page after page", "some"),
    "history": ("some",),
    "certificates": ("list read to its end", "page after page", "one"),
}
"""Each of these must occur before the end."""
AT_THE_END = {"watches": ("stop announced",)}
"""Each of these must occur when the server stops."""


class Outcomes:
    """Counts outcomes by the kind of request."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.contexts = 0
        self.bytes = 0

    def count(self, kind: str, outcome: str) -> None:
        """Count one."""
        self.counts[kind, outcome] += 1

    def requests(self) -> int:
        """Return the number of answers."""
        return sum(count for (_, outcome), count in self.counts.items() if outcome[0].isdigit())

    def missing(self, expected: Mapping[str, tuple[str, ...]] = EXPECTED) -> list[str]:
        """Return the required outcomes that did not occur."""
        return [
            f"never seen: {kind}: {outcome}"
            for kind, outcomes in expected.items()
            for outcome in outcomes
            if not self.counts[kind, outcome]
        ]

    def table(self) -> str:
        """Return all counts as text."""
        width = max((len(kind) for kind, _ in self.counts), default=0)
        lines = [
            f"{kind:{width}}  {count:8}  {outcome}"
            for (kind, outcome), count in sorted(self.counts.items())
        ]
        return "\n".join(lines)
