"""`sa-contexts hub`: serve the hub of a fleet, and say which hosts may join it.

The functions import `app.hub` themselves, so that other commands load neither it nor SQLite.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.cli.columns import Column, table_lines
from app.cli.failures import explained_failures, fail
from app.cli.group import Group
from app.cli.keys import parse_lifetime, require_name
from app.cli.options import (
    HostOption,
    InsecureOption,
    PortOption,
    TlsCertificateOption,
    TlsKeyOption,
    given,
)
from app.cli.printable import print_lines, printable
from app.telemetry.logging.configuration import audit_log_file, configure_logging, log_file


if TYPE_CHECKING:
    from app.hub.sqlite.store import SqliteStore


app = typer.Typer(
    cls=Group, help="Serve a hub, which shows the SA contexts of many hosts.", no_args_is_help=True
)
tokens = typer.Typer(
    cls=Group, help="Create, list and remove enrolment tokens.", no_args_is_help=True
)
app.add_typer(tokens, name="tokens")

COLUMNS: Final = (
    *(Column("ID"), Column("Created"), Column("Expires"), Column("Uses left"), Column("Name")),
)

DatabaseOption = Annotated[
    Path | None,
    typer.Option(help="Database of the hub (SQLite); by default that of the settings."),
]


@app.command()
def serve(
    host: HostOption = None,
    port: PortOption = None,
    database: DatabaseOption = None,
    tls_certificate_file: TlsCertificateOption = None,
    tls_key_file: TlsKeyOption = None,
    allow_insecure: InsecureOption = None,
) -> None:
    """Serve the hub to agents and readers."""
    options = given(
        host=host,
        port=port,
        database=database and database.absolute(),
        tls_certificate_file=tls_certificate_file,
        tls_key_file=tls_key_file,
        allow_insecure=allow_insecure,
    )
    from app.hub.bootstrap import build_hub  # noqa: PLC0415
    from app.hub.settings import HubSettings  # noqa: PLC0415
    from app.hub.sqlite.store import DatabaseUnusable  # noqa: PLC0415

    with explained_failures(DatabaseUnusable):
        settings = HubSettings(**options)
        file = log_file(settings)
        configure_logging(
            settings.log_format,
            settings.log_level,
            file=file,
            audit=audit_log_file(settings, file),
        )
        serving = build_hub(settings)
    serving.run()


@tokens.command()
def add(
    name: Annotated[str, typer.Argument(help="Purpose of the token, shown with its hosts.")],
    expires: Annotated[
        Any, typer.Option(parser=parse_lifetime, metavar="TIME", help="Lifetime, such as 90d.")
    ] = None,
    uses: Annotated[int | None, typer.Option(min=1, help="Maximum number of hosts.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Create a token and show it once: a host that has it may join the fleet."""
    from app.hub.credentials import new_token, secret_hash  # noqa: PLC0415
    from app.hub.store import Token  # noqa: PLC0415

    require_name(name)
    token_id, text = new_token()
    now = time.time()
    expires_at = now + expires.total_seconds() if expires else None
    with _store(database) as store:
        store.add_token(Token(token_id, name, now, expires_at, uses), secret_hash(text))
    typer.echo(f"The token {token_id} is shown now and never again:", err=True)
    typer.echo(text)


@tokens.command("list")
def list_(database: DatabaseOption = None) -> None:
    """List the tokens, without their secrets."""
    with _store(database) as store:
        found = store.tokens()
    rows = [
        (
            *(each.id, _day(each.created_at)),
            "never" if each.expires_at is None else _day(each.expires_at),
            "any number" if each.uses_left is None else str(each.uses_left),
            printable(each.name),
        )
        for each in found
    ]
    print_lines(table_lines(COLUMNS, rows))


@tokens.command()
def remove(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the token.")],
    database: DatabaseOption = None,
) -> None:
    """Remove a token; hosts that it has enrolled stay."""
    with _store(database) as store:
        if not store.remove_token(token_id):
            fail(f"there is no token {printable(token_id)}")


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


@contextmanager
def _store(database: Path | None) -> Iterator[SqliteStore]:
    """Open the hub's database beside a hub that may run."""
    from app.hub.settings import HubSettings  # noqa: PLC0415
    from app.hub.sqlite.store import DatabaseUnusable, SqliteStore  # noqa: PLC0415
    from app.hub.store import StoreFailed  # noqa: PLC0415

    with explained_failures(DatabaseUnusable, StoreFailed):
        settings = HubSettings(**given(database=database and database.absolute()))
        store = SqliteStore(settings.database_file)
        try:
            yield store
        finally:
            store.close()
