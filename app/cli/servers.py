"""Options that name a running server and say how to authenticate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, NamedTuple, TypeAlias

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


REQUIRES_URL: Final = "requires --url or SA_CONTEXTS_URL"


class Access(NamedTuple):
    """How the command authenticates the server, and itself to the server.

    Attributes:
        ca: a file with the CAs to trust; None: the default ones.
        certificate: a file with the client certificate and its key; None: no certificate.
        token_file: a file with the credential; None: the credential in SA_CONTEXTS_TOKEN, if any.
        allow_insecure: whether the credential may cross the network in clear text.
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
    """Return an `Access` with these options, for use with `borrowing`."""
    return Access(ca, certificate, token_file, allow_insecure)


def require_no_access(access: Access, reason: str) -> None:
    """Check that there are no options of `access`, because no server is asked.

    Args:
        access: the options.
        reason: what is wrong with them, as a clause.

    Raises:
        typer.BadParameter: there are.
    """
    names = [name for name, value in access._asdict().items() if value]
    if names:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in names)
        raise typer.BadParameter(reason, param_hint=options)


def url_of_environment() -> str | None:
    """Return the URL in SA_CONTEXTS_URL; None if the variable is unset or empty."""
    return os.environ.get("SA_CONTEXTS_URL") or None
