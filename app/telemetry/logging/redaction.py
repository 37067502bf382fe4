"""Redaction of credentials in text: the last resort if a credential reaches a log entry.

In normal operation, there is nothing to redact: code that logs a credential is a bug.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from app.auth.key_file import PREFIX


REDACTED: Final = "[redacted]"

_MARKS: Final = (PREFIX, "eyj", "bearer")
"""Each match, in lower case, contains one of these; searching for them first is cheap."""

_SECRETS: Final = (
    # any bearer token (RFC 6750, 2.1), its scheme in any case (RFC 9110, 11.1); `\t` is JSON's tab
    re.compile(r"(?P<kept>(?i:bearer)(?:[ \t]|\\t)++)(?P<secret>[A-Za-z0-9._~+/-]{16,}+=*)"),
    re.compile(r"eyJ[\w-]{5,}+(?P<secret>(?:\.[\w-]*+)++)?"),  # a JWT (RFC 7519): `{"` in base64
    re.compile(rf"(?P<secret>{PREFIX}[0-9a-f]{{12}}_[\w-]+)"),  # an API key
)
"""If a match has the group `secret`, it is a credential; its group `kept`, if any, is not redacted.

The patterns take linear time: each either fails after a few characters or consumes all that it has
examined, so nothing is examined twice. Therefore, a word that starts like a JWT but has no second
part also matches, but without the group `secret`.
"""

MAX_CHARACTERS: Final = 200
"""Maximum number of characters to log of a text whose length a client controls."""
_MARGIN: Final = 1000
"""Number of characters to search beyond the maximum, to recognize a credential truncated there."""

_WORDS: Final = re.compile(r"[\w.~+%-]+")
"""A word that may be a percent-encoded credential."""
_PERCENT: Final = re.compile(r"%(?:25)+")
"""A percent sign that is encoded any number of times (RFC 3986, 2.1)."""
MAX_DECODINGS: Final = 4
"""Maximum number of times to decode a word: the result may still be encoded (`%2%35`)."""


def redacted(text: str) -> str:
    """Return the text with each credential replaced by `REDACTED`."""
    if "%" in text:
        text = _WORDS.sub(_redacted_word, text)
    return _without_secrets(text)


def redacted_start(text: str, max_characters: int = MAX_CHARACTERS) -> str:
    """Return the start of a text, with each credential replaced by `REDACTED`."""
    return redacted(text[: max_characters + _MARGIN])[:max_characters]


def _without_secrets(text: str) -> str:
    lower = text.lower()
    if any(mark in lower for mark in _MARKS):
        for pattern in _SECRETS:
            text = pattern.sub(_replacement, text)
    return text


def _replacement(match: re.Match[str]) -> str:
    groups = match.groupdict()
    return match[0] if groups["secret"] is None else f"{groups.get('kept', '')}{REDACTED}"


def _redacted_word(match: re.Match[str]) -> str:
    word = decoded = match[0]
    for _ in range(MAX_DECODINGS):
        encoded, decoded = decoded, unquote(_PERCENT.sub("%", decoded))
        if decoded == encoded:
            break
    return REDACTED if decoded != word and _without_secrets(decoded) != decoded else word


class RedactedSpans:
    """An OpenTelemetry span processor that redacts what requests contain.

    FastAPI records the query, which contains the addresses to filter by. It also records the path,
    method and host, which clients can choose freely. The class implements the SDK's interface
    without importing the SDK.
    """

    def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002  # the SDK's
        """Redact a span's attributes before they are exported."""
        for name, value in tuple(span.attributes.items()):
            if name == "url.query":
                span.set_attribute(name, "REDACTED")
            elif isinstance(value, str):  # the path, the method, the host
                span.set_attribute(name, redacted_start(value))

    def _on_ending(self, span: Any) -> None:
        """Do nothing."""

    def on_end(self, span: Any) -> None:
        """Do nothing."""

    def shutdown(self) -> None:
        """Do nothing: there are no resources."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  # the SDK's
        """Return True: nothing is buffered."""
        return True
