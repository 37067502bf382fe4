"""Credentials are redacted in any text, in linear time."""

from __future__ import annotations

from time import process_time
from typing import Any
from urllib.parse import quote

import pytest

from app.auth.credentials import Credential, parse_credential
from app.telemetry.logging.redaction import MAX_CHARACTERS, RedactedSpans, redacted, redacted_start


KEY = "sak_0123456789ab_" + "Zz9_-" * 8 + "abc"
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWEtdG9rZW4"  # RFC 7515's form
BEARER = "Bearer 2YotnFZFEjr1zCsicMWpAA"  # RFC 6749, 4.1.4
MAX_SECONDS = 1.0
"""CPU time; each takes some milliseconds."""


@pytest.mark.parametrize(
    "text",
    [
        "/%2525" + "eyJ" * 10_000,
        "/" + "eyJ" * 20_000,
        "/" + "eyJaaaaa." * 7_000 + "\x00",
        "/%2525" + "eyJaaaaa%2e" * 6_000,
        "Bearer " * 10_000,
        "bearer eyJ" * 7_000,
        "sak_0123456789ab_" * 4_000,
        "%25" * 20_000 + "eyJ",
        "%" * 60_000 + "eyJ",
        "bearer" + " " * 60_000,
        "bearer \t" * 8_000,
        "BEARER" + "\\t" * 30_000,
    ],
)
def test_time_is_bounded(text: str) -> None:
    began = process_time()
    redacted(text)
    redacted_start(text)

    assert process_time() - began < MAX_SECONDS


@pytest.mark.parametrize("secret", [KEY, JWT, BEARER])
@pytest.mark.parametrize("encode", [str, quote, lambda text: quote(quote(text, safe=""))])
def test_secret_across_the_cut_is_redacted(secret: str, encode: Any) -> None:
    encoded = encode(secret)
    for before in range(MAX_CHARACTERS - len(encoded), MAX_CHARACTERS):
        shown = redacted_start("/" * before + encoded + "/" * 5000)

        assert len(shown) <= MAX_CHARACTERS
        for part in secret.split(".") if secret is JWT else [secret[-16:]]:
            assert part[:4] not in shown[before:]


def test_text_without_a_secret_is_only_cut() -> None:
    assert redacted_start("/a%2fb" * 1000) == ("/a%2fb" * 1000)[:MAX_CHARACTERS]
    assert redacted_start("/engine") == "/engine"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"eyJaaaaaaaa{KEY}", "eyJaaaaaaaa[redacted]"),  # no JWT, but a key in the same word
        (f"Bearer eyJaaaaaaaaaaaaa {JWT}", "Bearer [redacted] [redacted]"),
        (f"Bearer a+{JWT}/b", "Bearer [redacted]"),
        (f"{KEY}eyJaaaaaaa.b", "[redacted][redacted]"),
        ("eyJaaaaaaaa and eyJa.b", "eyJaaaaaaaa and eyJa.b"),
    ],
)
def test_secrets_in_one_word(text: str, shown: str) -> None:
    assert redacted(text) == shown


OPAQUE = "2YotnFZFEjr1zCsicMWpAA"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
@pytest.mark.parametrize("space", [" ", "   ", "\t", "\\t", " \t "])
def test_bearer_tokens_are_redacted_in_every_form_that_is_accepted(scheme: str, space: str) -> None:
    assert redacted(f"{scheme}{space}{OPAQUE}=") == f"{scheme}{space}[redacted]"
    assert redacted(quote(f"{scheme}{space}{OPAQUE}")) == "[redacted]" or "\\" in space


@pytest.mark.parametrize("space", [" ", "     "])
@pytest.mark.parametrize("scheme", [b"Bearer", b"BEARER"])
def test_what_the_gate_accepts_is_redacted(scheme: bytes, space: str) -> None:
    header = scheme + space.encode() + OPAQUE.encode()

    assert parse_credential([(b"authorization", header)]) == Credential(OPAQUE.encode())
    assert OPAQUE not in redacted(header.decode())


class Span:
    """The part of the SDK's spans that a span processor uses."""

    def __init__(self, **attributes: object) -> None:
        self.attributes = {name.replace("_", "."): value for name, value in attributes.items()}

    def set_attribute(self, name: str, value: object) -> None:
        self.attributes[name] = value


def test_no_attribute_of_a_span_has_a_secret_or_is_long() -> None:
    span = Span(
        url_path=f"/{KEY}/{JWT}" + "x" * 5000,
        url_query="localSubnet=10.0.0.0/8",
        http_request_method_original=KEY,
        server_address=f"{KEY}.invalid".lower() + "x" * 5000,
        server_port=8080,
    )
    RedactedSpans().on_start(span)

    assert KEY not in str(span.attributes)
    assert "10.0.0.0" not in str(span.attributes)
    assert span.attributes["server.port"] == 8080
    assert all(len(str(value)) <= MAX_CHARACTERS for value in span.attributes.values())
