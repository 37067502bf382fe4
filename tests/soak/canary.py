"""Key material: the simulator fills each key with a canary, which must show nowhere."""

from __future__ import annotations

from tests.api.test_secrets import traces


TRACES = [trace.encode() for trace in traces()]


def shows_key(text: bytes) -> bool:
    """Whether key material is in a text, in one of the forms that it might have."""
    lowered = text.lower()
    return any(trace in lowered for trace in TRACES)
