"""`sa-contexts certificates`: print the certificates of main mode SAs, and when they expire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import anyio
import orjson
import typer

from app.answers.certificates.inventory import CertificateSelection, end_of
from app.answers.certificates.names import CertificateSide
from app.answers.certificates.part import CertificatesPart
from app.answers.times import parse_period
from app.api.parameters import MAX_LIMIT
from app.bootstrap import create_service
from app.cli.asking import opened_server, pages_at
from app.cli.columns import Column, table_lines
from app.cli.options import ContextsOption, EngineOption, borrowing, given
from app.cli.printable import print_json_items, print_lines, printable, terminal_width
from app.cli.servers import Access, UrlOption, access
from app.cli.sources import engine_settings, url_of
from app.cli.texts import time_of


COLUMNS: Final = (
    Column("Expires", is_essential=True),
    Column("Days", is_essential=True),
    Column("Side", is_essential=True),
    Column("SAs", is_essential=True),
    Column("Subject", min_width=12, usual_width=28, is_essential=True),
    Column("Usages", min_width=12, usual_width=44),
    Column("Thumbprint"),
    Column("Issuer", min_width=12, usual_width=40),
    Column("Peers"),
    Column("Begins"),
    Column("In store"),
)
"""The columns; `Days` are those until expiry, and `SAs` the main mode SAs that use it."""

_IN_STORE: Final = {True: "yes", False: "no", None: ""}


def _validated_period(text: str) -> str:
    try:
        parse_period(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return text


@borrowing(server_access=access)
def certificates(
    *,
    side: Annotated[
        list[CertificateSide] | None,
        typer.Option(help="Who authenticates with the certificate.", metavar="[local|peer]"),
    ] = None,
    expires_within: Annotated[
        str | None,
        typer.Option(
            parser=_validated_period,
            metavar="PERIOD",
            help="A period, as 12h, 30d: only certificates that expire within it or have expired.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the items of the API.")
    ] = False,
    url: UrlOption = None,
    server_access: Access,
    engine: EngineOption = None,
    simulated_contexts: ContextsOption = None,
) -> None:
    """List the certificates that main mode SAs of this host, or of a server, use.

    They are sorted by expiry; those whose expiry is unknown, such as peers', come last. The key or
    token for the server comes from the environment variable SA_CONTEXTS_TOKEN or from --token-file.
    """
    url = url_of(url, server_access, engine, simulated_contexts)
    if url is None:
        items = _of_engine(side, expires_within, engine, simulated_contexts)
        _print(items, as_json=as_json)
        return
    parameters = {"side": [each.value for each in side or ()], "limit": str(MAX_LIMIT)}
    parameters |= given(expiresWithin=expires_within)
    with opened_server(url, server_access) as server:
        pages = [*pages_at(server, "certificates", parameters)]
        _print([item for page in pages for item in page["items"]], as_json=as_json)


def _print(items: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    ordered = sorted(items, key=_end)
    if as_json:
        print_json_items(ordered)
    else:
        print_lines(lines_of(ordered, terminal_width()))


def lines_of(items: Iterable[Mapping[str, Any]], width: int | None) -> Iterator[str]:
    """Yield a table of `UsedCertificate` objects, and its last line.

    Args:
        items: the objects.
        width: the terminal's width in cells; None: as wide as needed.
    """
    now = datetime.now(UTC)
    rows = [tuple(map(printable, _cells(item, now))) for item in items]
    yield from table_lines(COLUMNS, rows, width)
    yield f"{len(rows)} certificate{'' if len(rows) == 1 else 's'}"


def _cells(item: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    ends = item["notAfter"]
    usages = item["enhancedKeyUsages"] or ()
    return (
        time_of(ends) or "unknown",
        "" if ends is None else str((datetime.fromisoformat(ends) - now).days),
        " ".join(item["sides"]),
        str(item["ikeSas"]),
        item["subject"] or "",
        " ".join(each["oid"] if each["usage"] == "unknown" else each["usage"] for each in usages),
        item["thumbprint"],
        item["issuer"] or "",
        str(item["peers"]),
        time_of(item["notBefore"]),
        _IN_STORE[item["isInStore"]],
    )


def _end(item: Mapping[str, Any]) -> tuple[bool, str, bool, str]:
    is_unknown = item["notAfter"] is None
    return is_unknown, item["notAfter"] or "", "local" not in item["sides"], item["thumbprint"]


def _of_engine(
    side: list[CertificateSide] | None,
    expires_within: str | None,
    engine: str | None,
    simulated_contexts: int | None,
) -> list[dict[str, Any]]:
    """Return the certificates of this host, as a server that has just started shows them."""
    within = None if expires_within is None else parse_period(expires_within)
    selection = CertificateSelection(
        frozenset(side or ()), None if within is None else end_of(within, datetime.now(UTC))
    )

    async def read() -> list[dict[str, Any]]:
        service = create_service(settings)
        async with service.running():
            inventory = await service.part(CertificatesPart).inventory(0)
            shown = [inventory.shown(hash_) for hash_ in inventory.select(selection)]
            items: list[dict[str, Any]] = orjson.loads(orjson.dumps(shown, option=orjson.OPT_UTC_Z))
            return items

    with engine_settings(engine, simulated_contexts) as settings:
        return anyio.run(read)
