"""Credentials struck out of text: the last resort, should one ever get into an entry of the log.

Nothing here is meant to find any. Who adds what tells too much is to be stopped before.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from app.auth.key_file import PREFIX


REDACTED: Final = "[redacted]"

_MARKS: Final = (PREFIX, "eyJ", "earer")
"""One of these is in whatever the pattern finds; looking for them costs next to nothing."""

_SECRETS: Final = re.compile(
    rf"{PREFIX}[0-9a-f]{{12}}_[\w-]+"  # an API key
    r"|eyJ[\w-]{5,}(?:\.[\w-]*)+"  # a JWT (RFC 7519), for `{"` is `eyJ` in base64
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*"  # any other token (RFC 6750, 2.1)
)


_WORDS: Final = re.compile(r"[\w.~+%-]+")
"""What a credential, or a part of a path, may look like where its octets are percent-encoded."""
_PERCENT: Final = re.compile(r"%(?:25)+")
"""A percent sign that is encoded any number of times (RFC 3986, 2.1)."""
DECODINGS: Final = 4
"""How many further times a word is decoded, whose percent signs are encoded in some other way."""


def redacted(text: str) -> str:
    """The text, with a mark in the place of each credential."""
    if "%" in text:
        text = _WORDS.sub(_redacted_word, text)
    if any(mark in text for mark in _MARKS):
        return _SECRETS.sub(REDACTED, text)
    return text


def _redacted_word(match: re.Match[str]) -> str:
    word = decoded = match[0]
    for _ in range(DECODINGS):
        if "%" not in decoded:
            break
        decoded = unquote(_PERCENT.sub("%", decoded))
    return REDACTED if decoded != word and _SECRETS.search(decoded) else word


class RedactedSpans:
    """Strikes out of OpenTelemetry's spans what requests may have told in their URL.

    FastAPI records the query, which holds the addresses that are filtered by, and whatever else
    clients put there. A processor of spans, as the SDK has them, whose types are not needed.
    """

    def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002  # the SDK's
        """Change a span's attributes before anybody sees them."""
        if "url.query" in span.attributes:
            span.set_attribute("url.query", "REDACTED")
        if "url.path" in span.attributes:
            span.set_attribute("url.path", redacted(span.attributes["url.path"]))

    def _on_ending(self, span: Any) -> None:
        """Leave a span as it ends."""

    def on_end(self, span: Any) -> None:
        """Leave a span that ended."""

    def shutdown(self) -> None:
        """Hold nothing."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  # the SDK's
        """Have nothing to hand on."""
        return True
