"""What a client accepts, however much it lists."""

from __future__ import annotations

from time import process_time

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request

from app.api.conditional import has_etag
from app.api.negotiation import MAX_PARTS, accepts_gzip, quality_of_type


JSON = "application/json"
ETAG = 'W/"0123456789abcdef0123456789abcdef"'


def headers(**fields: str) -> Headers:
    return Headers({name.replace("_", "-"): text for name, text in fields.items()})


@pytest.mark.parametrize("part", [",", ";", "a,", "a;", "a;q=1,", ",;"])
def test_a_list_of_15_kilobytes_counts_as_absent_and_costs_nothing(part: str) -> None:
    """Parsed, it took 19 ms."""
    long = headers(accept=part * (15_000 // len(part)), accept_encoding="gzip," + part * 5000)
    began = process_time()
    for _ in range(100):
        assert quality_of_type(long, JSON) == 1
        assert not accepts_gzip(long)

    assert process_time() - began < 0.1


def test_several_fields_make_one_list() -> None:
    raw = [(b"accept", b"text/html;q=0.5")] * (MAX_PARTS // 2 + 1)

    assert quality_of_type(Headers(raw=raw), JSON) == 1
    assert quality_of_type(Headers(raw=raw[:10]), JSON) == 0
    assert quality_of_type(Headers(raw=raw[:10]), "text/html") == 0.5


def test_a_list_as_long_as_allowed_is_obeyed() -> None:
    many = headers(accept=",".join([f"{JSON};q=0.5"] + ["text/plain"] * (MAX_PARTS - 2)))
    more = headers(accept=",".join([f"{JSON};q=0.5"] + ["text/plain"] * (MAX_PARTS - 1)))

    assert quality_of_type(many, JSON) == 0.5
    assert quality_of_type(more, JSON) == 1


@pytest.mark.parametrize(
    ("field", "is_named"),
    [
        (ETAG, True),
        (ETAG.removeprefix("W/"), True),
        (f'"x", {ETAG}', True),
        (" * ", True),
        (ETAG.replace('"', ""), False),
        ('"*"', False),
        ('"a",' * 3700, False),
        ('"a",' * 3700 + ETAG, True),
    ],
)
def test_an_etag_is_found_in_any_list_at_no_cost(field: str, is_named: bool) -> None:
    raw = [(b"if-none-match", field.encode())]
    request = Request({"type": "http", "headers": raw})
    began = process_time()
    for _ in range(100):
        assert has_etag(request, ETAG) is is_named

    assert process_time() - began < 0.1
