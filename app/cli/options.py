"""Options that several commands share, and what they select."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, TypeAlias

import typer

from app.api.parameters import parse_subnet
from app.cli.failures import explained_failures
from app.service import open_engine, open_library
from app.settings.model import Settings
from app.telemetry.logging.configuration import configure_logging
from bindings.engine import Engine


EngineOption: TypeAlias = Annotated[
    Literal["auto", "windows", "simulator"] | None,
    typer.Option(
        "--engine",
        help="Engine to read; auto: Windows' own if it exists, otherwise the simulator.",
    ),
]
ContextsOption: TypeAlias = Annotated[
    int | None, typer.Option("--simulated-contexts", help="Number of contexts to simulate.")
]


def _subnet(text: str) -> Any:
    try:
        return parse_subnet(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


LOCAL_SUBNET: Any = typer.Option(
    parser=_subnet, metavar="SUBNET", help="Only contexts with a local address on this subnet."
)
REMOTE_SUBNET: Any = typer.Option(
    parser=_subnet, metavar="SUBNET", help="Only contexts with a remote address on this subnet."
)


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given, as settings."""
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def opened_engine(engine: str | None, simulated_contexts: int | None) -> Iterator[Engine]:
    """Open the engine for the block; exit with one sentence if it fails."""
    with explained_failures():
        settings = Settings(
            **given(engine=engine, simulated_contexts=simulated_contexts, simulated_churn=0)
        )
        configure_logging(settings.log_format, settings.log_level)
        with open_engine(open_library(settings), settings) as opened:
            yield opened
