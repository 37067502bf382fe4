"""Options that name a running server, and what to send it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias

import typer


UrlOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="URL of a server to ask instead of reading the engine; by default that of "
        "SA_CONTEXTS_URL.",
    ),
]


class Access(NamedTuple):
    """What to trust a server by, and how to authenticate to it.

    Attributes:
        ca: a file of CAs to trust; None: the system's.
        certificate: a file of the client certificate and its key.
        token_file: a file of the credential; None: the environment's, if any.
        allow_insecure: whether to send the credential in clear text.
    """

    ca: Path | None = None
    certificate: Path | None = None
    token_file: Path | None = None
    allow_insecure: bool = False


def access(
    ca: Annotated[
        Path | None, typer.Option(help="CAs to trust (PEM), instead of the system's.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Client certificate with its key, in one file (PEM).")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the key or token to send.", dir_okay=False)
    ] = None,
    allow_insecure: Annotated[
        bool,
        typer.Option(
            "--allow-insecure", help="Send the key or token even over plain HTTP to another host."
        ),
    ] = False,
) -> Access:
    """Return the access that these options describe; see `borrowing`."""
    return Access(ca, certificate, token_file, allow_insecure)


def url_of_environment() -> str | None:
    """Return the URL of the server that the environment names, if any."""
    return os.environ.get("SA_CONTEXTS_URL") or None
