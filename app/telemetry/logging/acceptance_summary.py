"""Periodic log summaries of the callers whose credentials were accepted.

A caller may send thousands of requests a minute: a stolen key must not erase its own traces. So a
caller has one entry per period, whatever it requests and from wherever.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import time
from typing import Final

import structlog

from app.auth.callers import Caller
from app.telemetry.logging.summaries import AddressCounts, flush_periodically


log = structlog.get_logger(__name__)

PERIOD_SECONDS: Final = 600.0
"""Time between summaries."""
MAX_CALLERS: Final = 200
"""Callers with an entry of their own per period; the subjects of tokens can be any number."""
_OTHERS: Final = ("", "")
"""The key of all further callers together."""


class _Requests:
    """The requests of one caller in a period; times are Unix times."""

    def __init__(self) -> None:
        self.first = time()
        self.last = self.first
        self.count = self.denied = 0
        self.addresses = AddressCounts()
        self.caller: Caller | None = None


class AcceptanceSummary:
    """Counts requests and logs one entry per caller and period. Belongs to one event loop."""

    def __init__(self) -> None:
        self._by_caller: dict[tuple[str, str], _Requests] = {}

    def record(self, caller: Caller, address: str, *, is_denied: bool) -> None:
        """Count a request.

        Args:
            caller: the verified caller.
            address: the client's address.
            is_denied: whether the caller lacks the scope.
        """
        key = caller.rate_limit_key
        requests = self._by_caller.get(key)
        if requests is None:
            is_other = len(self._by_caller) >= MAX_CALLERS
            requests = self._by_caller.setdefault(_OTHERS if is_other else key, _Requests())
            requests.caller = None if is_other else caller
        requests.last = time()
        requests.count += 1
        requests.denied += is_denied
        requests.addresses.add(address)

    async def run(self) -> None:
        """Flush once per period until cancelled, and once more when cancelled."""
        await flush_periodically(self.flush, PERIOD_SECONDS)

    def flush(self) -> None:
        """Log the requests since the last flush, one entry per caller."""
        by_caller, self._by_caller = self._by_caller, {}
        for requests in by_caller.values():
            log.info(
                "credentials_accepted",
                **_identity(requests.caller),
                count=requests.count,
                denied=requests.denied,
                first=_text(requests.first),
                last=_text(requests.last),
                **requests.addresses.fields(),
            )


def _identity(caller: Caller | None) -> dict[str, str]:
    if caller is None:
        return {"caller": "others"}
    return {"caller": caller.name, "kind": caller.kind, "credential": caller.credential}


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
