"""Content negotiation (RFC 9110, section 12.5)."""

from __future__ import annotations

from starlette.datastructures import Headers


def quality_of_type(headers: Headers, media_type: str) -> float:
    """Return the quality of a media type: the weight of the most specific range that matches.

    It is 0 if no range matches, and 1 if the header `Accept` is missing or empty.
    """
    accept = _joined(headers, "accept")
    if not accept.strip():
        return 1.0
    type_ = media_type.partition("/")[0]
    ranks = {media_type: 2, f"{type_}/*": 1, "*/*": 0}
    best, quality = -1, 0.0
    for media_range, weight in _weighted(accept):
        rank = ranks.get(media_range, -1)
        if rank > best:
            best, quality = rank, weight
    return quality


def accepts_gzip(headers: Headers) -> bool:
    """Return whether `Accept-Encoding` accepts gzip; false without that header."""
    weights = dict(_weighted(_joined(headers, "accept-encoding")))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _joined(headers: Headers, name: str) -> str:
    """Return the field lines of a header, joined by commas (RFC 9110, 5.3)."""
    return ",".join(headers.getlist(name))


def _weighted(header: str) -> list[tuple[str, float]]:
    """Return the elements of a header in lower case, each with its weight."""
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
