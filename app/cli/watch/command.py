"""`sa-contexts watch`: the SA contexts of a running server, as they change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.failures import explained_failures, fail
from app.cli.options import LOCAL_SUBNET, REMOTE_SUBNET, given
from app.schemas.names import Cipher, Integrity, PfsGroup, TrafficType, Weakness
from app.settings.model import Settings


def local_url() -> str:
    """Return the URL of a server on this host with these settings."""
    with explained_failures():
        return f"http://127.0.0.1:{Settings(**given()).port}"


def watch(
    url: Annotated[
        str,
        typer.Option(
            help="URL of the server.",
            default_factory=local_url,
            show_default="http://127.0.0.1 with the port of the settings",
        ),
    ],
    ca: Annotated[
        Path | None, typer.Option(help="CAs to trust (PEM), instead of the system's.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Client certificate with its key, in one file (PEM).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as JSON.")] = False,
    local_subnet: Annotated[list[Any] | None, LOCAL_SUBNET] = None,
    remote_subnet: Annotated[list[Any] | None, REMOTE_SUBNET] = None,
    traffic_type: Annotated[
        list[TrafficType] | None, typer.Option(help="Only contexts of this mode.")
    ] = None,
    cipher: Annotated[
        list[Cipher] | None, typer.Option(help="Only contexts with this cipher.")
    ] = None,
    integrity: Annotated[
        list[Integrity] | None, typer.Option(help="Only contexts with this integrity algorithm.")
    ] = None,
    pfs_group: Annotated[
        list[PfsGroup] | None, typer.Option(help="Only contexts with this PFS group.")
    ] = None,
    weakness: Annotated[
        list[Weakness] | None, typer.Option(help="Only contexts with this weakness.")
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
) -> None:
    """Watch the SA contexts of a running server until Ctrl+C.

    Shows a live table on a terminal, and otherwise prints a line for each event. A repeated filter
    matches any of its values. The key or token comes from the environment variable
    SA_CONTEXTS_TOKEN or from --token-file.
    """
    from app.cli.watch import client, run  # noqa: PLC0415  # serving needs no client

    filters: dict[str, Sequence[str] | None] = {
        "localSubnet": [str(subnet) for subnet in local_subnet or ()],
        "remoteSubnet": [str(subnet) for subnet in remote_subnet or ()],
        "trafficType": traffic_type,
        "cipher": cipher,
        "integrity": integrity,
        "pfsGroup": pfs_group,
        "weakness": weakness,
    }
    is_secured = url.lower().startswith("https:")
    if (ca or certificate) and not is_secured:
        fail("--ca and --certificate require an https URL")
    with explained_failures(client.RequestRejected):
        trust = client.trusted(ca, certificate) if is_secured else None
        token = client.read_token(token_file)
        if token is not None and not allow_insecure:
            client.require_secrecy(url)
        run.run(url, filters, token, trust, as_json=as_json)
