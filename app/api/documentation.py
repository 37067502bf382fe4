"""`/openapi.json` and `/docs`: the contract, for programs and for people.

The page needs nothing but this server: Swagger UI comes from a package that is
installed with it, and the policy of the page forbids the browser all else.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Final, NamedTuple, cast

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from app.api.conditional import REVALIDATE
from app.api.constant import Constant, Once, constant
from app.api.problems import NOT_FOUND, ProblemError


router = APIRouter(include_in_schema=False)

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
"""Beside those of every answer (`app.server.security_headers`)."""

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sa-contexts</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{swagger-ui.css}">
</head>
<body>
<noscript>This page needs scripts; <a href="openapi.json">openapi.json</a> has the same.</noscript>
<div id="api"></div>
<script src="{swagger-ui-bundle.js}"></script>
<script src="{start.js}"></script>
</body>
</html>
"""

_START: Final = b"""\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: ["get"],
  validatorUrl: null,
});
"""


class Page(NamedTuple):
    """The page and its parts.

    Attributes:
        itself: the HTML.
        parts: scripts and styles by their names, which change with the content: a browser may keep
            them for ever.
    """

    itself: Constant
    parts: dict[str, Constant]


class Documentation:
    """What one application publishes of itself, made when it is first asked for.

    Attributes:
        document: the OpenAPI document, which takes half a second.
        page: the page that shows it.
    """

    def __init__(self, app: FastAPI) -> None:
        self.document = Once(
            lambda: constant(
                orjson.dumps(app.openapi()), "application/json", {"Cache-Control": REVALIDATE}
            )
        )
        self.page = Once(_page)


def install(app: FastAPI) -> None:
    """Let `app` publish its documentation."""
    app.state.documentation = Documentation(app)


@cache
def _page() -> Page:
    """Make the page, the same for all applications."""
    swagger = resources.files("fastapi_standalone_docs") / "static" / "swagger"
    contents = {
        "swagger-ui.css": (swagger / "swagger-ui.css").read_bytes(),
        "swagger-ui-bundle.js": (swagger / "swagger-ui-bundle.js").read_bytes(),
        "start.js": _START,
    }
    media_types = {"css": "text/css", "js": "text/javascript"}
    headers = {**_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    text, parts = _PAGE, {}
    for plain, content in contents.items():
        name = f"{_digest(content)}-{plain}"
        parts[name] = constant(content, media_types[plain.rpartition(".")[2]], headers)
        text = text.replace(f"{{{plain}}}", f"docs/{name}")
    revalidated = {**_HEADERS, "Cache-Control": REVALIDATE}
    return Page(constant(text.encode(), "text/html; charset=utf-8", revalidated), parts)


@router.get("/openapi.json")
async def get_document(request: Request) -> Response:
    """The OpenAPI document."""
    return (await _of(request).document.get()).response(request)


@router.get("/")
async def get_root() -> Response:
    """For who opens the server in a browser: the way to the page."""
    return RedirectResponse("docs", headers={"Cache-Control": "no-store"})


@router.get("/docs")
async def get_page(request: Request) -> Response:
    """The OpenAPI document as a page."""
    return (await _of(request).page.get()).itself.response(request)


@router.get("/docs/{name}")
async def get_asset(request: Request, name: str) -> Response:
    """A part of the page."""
    part = (await _of(request).page.get()).parts.get(name)
    if part is None:
        raise ProblemError(NOT_FOUND, "The page has no such part.")
    return part.response(request)


def _of(request: Request) -> Documentation:
    return cast(Documentation, request.app.state.documentation)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]
