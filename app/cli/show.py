"""`sa-contexts show`: one SA context, as JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.failures import fail
from app.cli.options import ContextsOption, EngineOption, opened_engine
from app.cli.printable import print_json
from app.resources.sa_contexts.encoding import render_sa_context
from bindings.errors import NotFound
from bindings.interfaces import interface_aliases


def show(
    sa_context_id: Annotated[int, typer.Argument(min=0, max=(1 << 64) - 1, metavar="ID")],
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """Show one SA context, straight from the engine, as JSON."""
    with opened_engine(engine, simulated_contexts) as opened:
        try:
            context = opened.get(sa_context_id)
        except NotFound:
            fail(f"there is no SA context {sa_context_id}")
    print_json(render_sa_context(context, interface_aliases()))
