"""A stand-in for a newer server: it forwards requests, and extends the responses as the API allows.

docs/openapi.json determines the extensions: every object gets an additional field, every
enumeration that may grow gets an unknown value and, on request, every union gets an unknown
variant. All responses must be JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import httpx2

from sdk.document import DOCUMENT


NEWER_WORD: Final = "a_newer_word"
"""The unknown value in each enumeration that may grow."""
NEWER_MEMBER: Final = "a_newer_member"
"""The discriminator of the unknown variant in each union."""

_DOCUMENT: Final[dict[str, Any]] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
_ADDED: Final = {"addedLater": {"deep": [1, None]}}
_PREFIX: Final = "#/components/schemas/"


@contextmanager
def newer_server(url: str, *, has_newer_members: bool) -> Iterator[str]:
    """Run a newer server in front of the server at `url`; yield the newer server's URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Newer, url, has_newer_members)) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class _Newer(BaseHTTPRequestHandler):
    """Forwards a request, and extends the response."""

    protocol_version = "HTTP/1.1"

    def __init__(self, url: str, has_newer_members: bool, *args: Any) -> None:
        self._url, self._has_newer_members = url, has_newer_members
        super().__init__(*args)

    def do_GET(self) -> None:  # the name that the base class looks up
        """Answer with an extended response."""
        kept = {"Authorization", "Accept"} & set(self.headers)
        headers = {name: self.headers[name] for name in kept}
        response = httpx2.get(self._url + self.path, headers=headers)
        content = json.dumps(self._extended(response)).encode()
        self.send_response(response.status_code)
        self.send_header("Content-Type", response.headers["Content-Type"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def _extended(self, response: httpx2.Response) -> Any:
        operation = next(
            path["get"]
            for template, path in _DOCUMENT["paths"].items()
            if _matches(template, response.url.path)
        )
        content = operation["responses"][str(response.status_code)]["content"]
        media_type = response.headers["Content-Type"].partition(";")[0]
        schema = content[media_type]["schema"]
        return extended(response.json(), schema, has_newer_members=self._has_newer_members)


def _matches(template: str, path: str) -> bool:
    parts, actual = template.split("/"), path.split("/")
    return len(parts) == len(actual) and all(
        part.startswith("{") or part == each for part, each in zip(parts, actual, strict=True)
    )


def extended(value: Any, schema: dict[str, Any], *, has_newer_members: bool) -> Any:
    """Return what a newer server would send for a value that fits a schema of the document."""
    extend = partial(extended, has_newer_members=has_newer_members)
    name = schema.get("$ref", "").removeprefix(_PREFIX)
    if value is None:
        return None
    if name.endswith("OrNewer"):
        return NEWER_WORD
    if name:
        return extend(value, _DOCUMENT["components"]["schemas"][name])
    if "anyOf" in schema:
        choice = next(each for each in schema["anyOf"] if each != {"type": "null"})
        return extend(value, choice)
    if "discriminator" in schema:
        tag = schema["discriminator"]["propertyName"]
        if has_newer_members:
            return {tag: NEWER_MEMBER, **_ADDED}
        return extend(value, {"$ref": schema["discriminator"]["mapping"][value[tag]]})
    if isinstance(value, list):
        return [extend(each, schema["items"]) for each in value]
    if "properties" in schema:
        fields = schema["properties"]
        return {**{field: extend(each, fields[field]) for field, each in value.items()}, **_ADDED}
    return value
