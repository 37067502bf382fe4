"""Options that several commands share, and a decorator that adds groups of options."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer


EngineOption: TypeAlias = Annotated[
    Literal["auto", "windows", "simulator"] | None,
    typer.Option(
        "--engine",
        help="Engine to read; auto: Windows' own if it exists, otherwise the simulator.",
    ),
]
HostOption: TypeAlias = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
PortOption: TypeAlias = Annotated[
    int | None, typer.Option("--port", help="Port to listen on; 0: any free port.")
]
TlsCertificateOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--tls-certificate-file", help="Serve over TLS with this certificate (PEM)."),
]
TlsKeyOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--tls-key-file",
        help="Private key of the certificate (PEM); by default in the certificate's file.",
    ),
]
InsecureOption: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--allow-insecure",
        help="Allow addresses other than loopback without authentication and TLS.",
    ),
]
ContextsOption: TypeAlias = Annotated[
    int | None, typer.Option("--simulated-contexts", help="Number of contexts to simulate.")
]


def given(**options: Any) -> dict[str, Any]:
    """Return the options that are not None, as keyword arguments of `Settings`."""
    return {name: value for name, value in options.items() if value is not None}


def borrowing(
    **lenders: Callable[..., Any],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that replaces parameters of a command by groups of options.

    The command line shows the options of a group instead of the parameter. The command gets the
    value that the group's function returns for these options.

    Args:
        lenders: for each keyword-only parameter to replace, the function of its group; the
            function's parameters are the options.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        groups = {name: signature(each, eval_str=True) for name, each in lenders.items()}

        def run(**options: Any) -> None:
            lent = {
                name: lender(**{option: options.pop(option) for option in groups[name].parameters})
                for name, lender in lenders.items()
            }
            command(**options, **lent)

        parameters: list[Parameter] = []
        for name, parameter in signature(command, eval_str=True).parameters.items():
            parameters += groups[name].parameters.values() if name in groups else [parameter]
        run.__doc__ = command.__doc__
        run.__name__ = command.__name__
        run.__signature__ = Signature(  # type: ignore[attr-defined]  # what `inspect` reads
            [each.replace(kind=Parameter.KEYWORD_ONLY) for each in parameters]
        )
        return run

    return decorate
