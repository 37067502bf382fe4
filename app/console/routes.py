"""`/` for browsers, and the files that the page loads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import resources
from typing import Final, cast

from fastapi import APIRouter, FastAPI, Request, Response

from app.api import page
from app.api.conditional import REVALIDATE
from app.api.constant import Constant, Once, constant
from app.api.documentation import redirect_to_page
from app.api.media_types import JSON_UTF_8
from app.api.negotiation import prefers_html
from app.api.page import Page
from app.api.problems import NOT_FOUND, ProblemError
from app.console.configuration import Configuration, configuration_of
from app.console.policy import content_security_policy
from app.settings.model import Settings


router = APIRouter(include_in_schema=False)

STATIC: Final = resources.files("app.console") / "static"
ASSETS: Final = ("console.css", "console.js")
FOLDER: Final = "console"


def install(app: FastAPI, settings: Settings) -> None:
    """Store the console of `app` in its state, where the routes find it; None: it is off.

    The page is built on first request.
    """
    build = partial(_build, configuration_of(settings))
    app.state.console = Once(build) if settings.console else None


def _build(configuration: Configuration) -> Page:
    """Build the page, with the files that keep their names among its assets."""
    headers = {"Content-Security-Policy": content_security_policy(configuration)}
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    files = {name: (STATIC / name).read_bytes() for name in ASSETS}
    made = page.build(html, FOLDER, files, {**headers, "Vary": "Accept"})
    return Page(made.html, {**made.assets, **_named(configuration, headers)})


def _named(configuration: Configuration, headers: Mapping[str, str]) -> dict[str, Constant]:
    revalidated = {**headers, "Cache-Control": REVALIDATE}
    document = configuration.model_dump_json(by_alias=True, exclude_none=True).encode()
    licences = (STATIC / "licences.txt").read_bytes()
    return {
        "configuration.json": constant(document, JSON_UTF_8, revalidated),
        "licences.txt": constant(licences, "text/plain; charset=utf-8", revalidated),
    }


@router.get("/")
async def get_root(request: Request) -> Response:
    """Get the console, or a redirect to the documentation if the client does not prefer HTML."""
    console = _of(request)
    if console is None:
        return redirect_to_page()
    if prefers_html(request.headers):
        return (await console.get()).html.response(request)
    response = redirect_to_page()
    response.headers["Vary"] = "Accept"
    return response


@router.get(f"/{FOLDER}/{{name}}")
async def get_console_file(request: Request, name: str) -> Response:
    """Get a file that the console loads."""
    console = _of(request)
    file = None if console is None else (await console.get()).assets.get(name)
    if file is None:
        raise ProblemError(NOT_FOUND, "The console has no such file.")
    return file.response(request)


def _of(request: Request) -> Once[Page] | None:
    return cast(Once[Page] | None, request.app.state.console)
