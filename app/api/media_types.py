"""The media types of JSON. Routes declare them without `charset`; responses add it.

JSON is UTF-8 and needs no `charset` (RFC 8259, 8.1 and 11). But Windows PowerShell 5.1 decodes a
response without `charset` as ISO 8859-1, according to the comments in
https://github.com/PowerShell/PowerShell/issues/20488. Other clients ignore the parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import JSONResponse


JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
PROBLEM: Final = "application/problem+json"


def utf_8(media_type: str) -> str:
    """Return a media type with the parameter `charset=utf-8`."""
    return f"{media_type}; charset=utf-8"


JSON_UTF_8: Final = utf_8(JSON)


class Utf8JsonResponse(JSONResponse):
    """The response of routes that return a shape.

    FastAPI puts `media_type`, which has no `charset`, into the OpenAPI document.
    """

    media_type = JSON

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Set the headers here, because FastAPI relies on the signature of `__init__`."""
        super().init_headers(headers)
        self.headers["Content-Type"] = JSON_UTF_8
