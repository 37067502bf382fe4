"""`sa-contexts list`: the SA contexts of this host, as a table or JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console

from app.cli.columns import fitted_table
from app.cli.options import LOCAL_SUBNET, REMOTE_SUBNET, ContextsOption, EngineOption, opened_engine
from app.cli.printable import print_json
from app.cli.rows import COLUMNS, row_of
from app.resources.sa_contexts.encoding import render_sa_context
from bindings.interfaces import interface_aliases
from bindings.template import SubnetTemplate


def list_contexts(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as the API does.")] = False,
    local_subnet: Annotated[Any, LOCAL_SUBNET] = None,
    remote_subnet: Annotated[Any, REMOTE_SUBNET] = None,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """List the SA contexts of this host, straight from the engine."""
    template = SubnetTemplate(local_subnet, remote_subnet)
    with opened_engine(engine, simulated_contexts) as opened:
        contexts = sorted(
            (context for page in opened.pages(template) for context in page),
            key=lambda context: context.sa_context_id,
        )
    alias = interface_aliases()
    items = [render_sa_context(context, alias) for context in contexts]
    if as_json or not sys.stdout.isatty():
        print_json({"items": items})
    else:
        print_table(items)


def print_table(contexts: Iterable[dict[str, Any]], console: Console | None = None) -> None:
    """Print a line for each context, wider than the console if necessary.

    Args:
        contexts: contexts in the API's form (`app.resources.sa_contexts.schema`).
        console: the console to print to; None: standard output.
    """
    console = console or Console()
    rows = [row_of(context) for context in contexts]
    console.print(fitted_table(COLUMNS, rows, console.width), crop=False)
    console.print(f"{len(rows)} SA contexts", highlight=False)
