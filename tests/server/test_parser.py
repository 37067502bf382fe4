"""The parser's cost, beside what tests/server/test_connection_limits.py says of its answers."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import suppress

import h11
import pytest

from app.server.parser import MAX_HEADER_FIELDS, LimitedH11Parser
from app.settings.limits import ConnectionLimits


START = b"GET / HTTP/1.1\r\n"


def steps(fields: int, rest: bytes) -> int:
    """Return how many calls it takes to parse or reject a head of so many fields."""
    parser = LimitedH11Parser(ConnectionLimits())
    parser.receive_data(START + b"Host: a\r\n" + b"a:\r\n" * (fields - 1) + rest)
    events: Counter[str] = Counter()
    sys.setprofile(lambda _frame, event, _argument: events.update([event]))
    try:
        with suppress(h11.RemoteProtocolError):
            parser.next_event()
    finally:
        sys.setprofile(None)
    return events["call"] + events["c_call"]


@pytest.mark.parametrize("rest", [b"\r\n", b"", b"\r\n" + START], ids=["whole", "begun", "more"])
def test_a_head_of_many_fields_costs_less_than_a_permitted_one(rest: bytes) -> None:
    assert steps(4000, rest) < steps(MAX_HEADER_FIELDS, b"\r\n")
