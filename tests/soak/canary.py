"""Key material: the simulator fills each key with a canary, which must appear nowhere."""

from __future__ import annotations

from tests.api.test_secrets import traces


TRACES = [trace.encode() for trace in traces()]


def shows_key(text: bytes) -> bool:
    """Return whether a text contains key material, in any of its likely encodings."""
    lowered = text.lower()
    return any(trace in lowered for trace in TRACES)
