"""A page for browsers, with the files that it loads."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from app.api.conditional import REVALIDATE
from app.api.constant import Constant, constant


HTML: Final = "text/html; charset=utf-8"
MEDIA_TYPES: Final = {"css": "text/css", "js": "text/javascript"}


class Page(NamedTuple):
    """A page and its assets.

    Attributes:
        html: the page itself.
        assets: the scripts and styles by name. Each name contains a digest of the content, so
            browsers may cache an asset forever.
    """

    html: Constant
    assets: Mapping[str, Constant]


def build(html: str, folder: str, files: Mapping[str, bytes], headers: Mapping[str, str]) -> Page:
    """Hash and compress a page and its assets.

    Args:
        html: the page, which refers to each asset as `folder/name`, relative to its own URL.
        folder: the path of the assets.
        files: the contents of the assets by name.
        headers: the headers of the page and of each asset, besides those of every response
            (`app.server.security_headers`). Assets do not have its `Vary`.
    """
    of_all = {name: text for name, text in headers.items() if name != "Vary"}
    immutable = {**of_all, "Cache-Control": "public, max-age=31536000, immutable"}
    assets = {}
    for file_name, content in files.items():
        name = f"{sha256(content).hexdigest()[:16]}-{file_name}"
        assets[name] = constant(content, MEDIA_TYPES[file_name.rpartition(".")[2]], immutable)
        html = html.replace(f'"{folder}/{file_name}"', f'"{folder}/{name}"')
    return Page(constant(html.encode(), HTML, {**headers, "Cache-Control": REVALIDATE}), assets)
