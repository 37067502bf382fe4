"""The media types of JSON, as routes declare them and as responses name them.

JSON is UTF-8 and needs no `charset` (RFC 8259, 8.1 and 11). But Windows PowerShell 5.1 decodes a
response without one as ISO 8859-1, according to the comments in
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
    """Return the value of `Content-Type` for a media type of JSON."""
    return f"{media_type}; charset=utf-8"


JSON_UTF_8: Final = utf_8(JSON)


class Utf8JsonResponse(JSONResponse):
    """The response of routes that return a shape. OpenAPI shows `media_type`, without charset."""

    media_type = JSON

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Set the headers; FastAPI reads the signature of `__init__`, which must not change."""
        super().init_headers(headers)
        self.headers["Content-Type"] = JSON_UTF_8
