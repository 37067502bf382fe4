"""Credentials struck out of text: the last resort, should one ever get into an entry of the log.

Nothing here is meant to find any. Who adds what tells too much is to be stopped before.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from app.auth.key_file import PREFIX


REDACTED: Final = "[redacted]"

_MARKS: Final = (PREFIX, "eyj", "bearer")
"""One of these, in lower case, is in whatever the patterns find; a search costs next to nothing."""

_SECRETS: Final = (
    # any token (RFC 6750, 2.1), the scheme in any case (RFC 9110, 11.1); JSON writes a tab as `\t`
    re.compile(r"(?P<kept>(?i:bearer)(?:[ \t]|\\t)++)(?P<secret>[A-Za-z0-9._~+/-]{16,}+=*)"),
    re.compile(r"eyJ[\w-]{5,}+(?P<secret>(?:\.[\w-]*+)++)?"),  # a JWT (RFC 7519): `{"` in base64
    re.compile(rf"(?P<secret>{PREFIX}[0-9a-f]{{12}}_[\w-]+)"),  # an API key
)
"""A match with the group `secret` is a credential, but for its group `kept`.

Linear, whatever the text: each pattern either fails after a few characters or passes over all that
it looked at, so that nothing is looked at twice. A word that begins like a JWT and has no second
part is therefore matched too, without a group.
"""

MAX_CHARACTERS: Final = 200
"""How much is shown of a text that a client may make as long as it likes."""
_MARGIN: Final = 1000
"""How much of the rest is searched, so that a credential that is cut off is still recognized."""

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
    return _without_secrets(text)


def redacted_start(text: str, max_characters: int = MAX_CHARACTERS) -> str:
    """Return the first characters of a text, with a mark in the place of each credential."""
    return redacted(text[: max_characters + _MARGIN])[:max_characters]


def _without_secrets(text: str) -> str:
    lower = text.lower()
    if any(mark in lower for mark in _MARKS):
        for pattern in _SECRETS:
            text = pattern.sub(_mark, text)
    return text


def _mark(match: re.Match[str]) -> str:
    groups = match.groupdict()
    return match[0] if groups["secret"] is None else f"{groups.get('kept', '')}{REDACTED}"


def _redacted_word(match: re.Match[str]) -> str:
    word = decoded = match[0]
    for _ in range(DECODINGS):
        encoded, decoded = decoded, unquote(_PERCENT.sub("%", decoded))
        if decoded == encoded:
            break
    return REDACTED if decoded != word and _without_secrets(decoded) != decoded else word


class RedactedSpans:
    """Strikes out of OpenTelemetry's spans what requests may have told in their head.

    FastAPI records the query, which holds the addresses that are filtered by, and whatever else
    clients put there, in the path, the method or the host. A processor of spans, as the SDK has
    them, whose types are not needed.
    """

    def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002  # the SDK's
        """Change a span's attributes before anybody sees them."""
        for name, value in tuple(span.attributes.items()):
            if name == "url.query":
                span.set_attribute(name, "REDACTED")
            elif isinstance(value, str):  # the path, the method, the host
                span.set_attribute(name, redacted_start(value))

    def _on_ending(self, span: Any) -> None:
        """Leave a span as it ends."""

    def on_end(self, span: Any) -> None:
        """Leave a span that ended."""

    def shutdown(self) -> None:
        """Hold nothing."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  # the SDK's
        """Have nothing to hand on."""
        return True
