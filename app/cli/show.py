"""`sa-contexts show`: prints one SA context as an outline or as JSON."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from app.api.parameters import Uint64Parameter
from app.cli.details import details_of, main_mode_id_of, outline
from app.cli.failures import fail
from app.cli.options import ContextsOption, EngineOption, borrowing
from app.cli.printable import print_json, print_lines
from app.cli.servers import Access, UrlOption, access
from app.cli.sources import opened_source


def _id(text: str) -> int:
    """Parse an id in any form that the API accepts."""
    try:
        return TypeAdapter[int](Uint64Parameter).validate_python(text)
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"]) from None


@borrowing(server_access=access)
def show(
    *,
    sa_context_id: Annotated[int, typer.Argument(parser=_id, metavar="ID")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the context as JSON, as the API does.")
    ] = False,
    url: UrlOption = None,
    server_access: Access,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """Show one SA context of this host, or of a server, in words.

    The key or token for the server comes from the environment variable SA_CONTEXTS_TOKEN or from
    --token-file.
    """
    with opened_source(url, server_access, engine, simulated_contexts) as source:
        context = source.context(sa_context_id)
        if context is None:
            fail(f"there is no SA context {sa_context_id}")
        if as_json:
            print_json(context)
            return
        main_mode_id = main_mode_id_of(context)
        main_mode_sa = None if main_mode_id is None else source.main_mode_sa(main_mode_id)
        print_lines(outline(details_of(context, main_mode_sa)))
