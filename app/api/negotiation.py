"""Content negotiation (RFC 9110, section 12.5)."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers


MAX_PARTS: Final = 100
"""Maximum number of elements and parameters of a header; browsers send some ten.

A longer header counts as absent, which RFC 9110, 12.5.1, allows: `Accept` is a preference. 5.6.1.2
names lists of many empty elements as a denial of service.
"""


def quality_of_type(headers: Headers, media_type: str) -> float:
    """Return the quality of a media type: the weight of the most specific range that matches.

    It is 0 if no range matches, and 1 if the header `Accept` is missing or empty.
    """
    ranges = _weighted(headers, "accept")
    if not ranges:
        return 1.0
    type_ = media_type.partition("/")[0]
    ranks = {media_type: 2, f"{type_}/*": 1, "*/*": 0}
    best, quality = -1, 0.0
    for media_range, weight in ranges:
        rank = ranks.get(media_range, -1)
        if rank > best:
            best, quality = rank, weight
    return quality


def prefers_html(headers: Headers) -> bool:
    """Return whether the client prefers `text/html` to `application/json`, as browsers do.

    It does not if it accepts both equally, for instance as `*/*`, or has no header `Accept`.
    """
    html, json = (quality_of_type(headers, each) for each in ("text/html", "application/json"))
    return html > json


def accepts_gzip(headers: Headers) -> bool:
    """Return whether `Accept-Encoding` accepts gzip; false without that header."""
    weights = dict(_weighted(headers, "accept-encoding"))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _weighted(headers: Headers, field_name: str) -> list[tuple[str, float]]:
    """Return the elements of a header in lower case, each with its weight.

    Empty if the header is absent, or has more than `MAX_PARTS` parts.
    """
    header = ",".join(headers.getlist(field_name))  # RFC 9110, 5.3
    if not header.strip() or header.count(",") + header.count(";") >= MAX_PARTS:
        return []
    weighted = []
    for element in header.lower().split(","):
        name, *parameters = (part.strip() for part in element.split(";"))
        weights = [parameter[2:] for parameter in parameters if parameter.startswith("q=")]
        weighted.append((name, _weight(weights[0]) if weights else 1.0))
    return weighted


def _weight(text: str) -> float:
    """Return the weight, or 1, the default, if the text is not a valid weight."""
    try:
        weight = float(text)
    except ValueError:
        return 1.0
    return weight if 0 <= weight <= 1 else 1.0
