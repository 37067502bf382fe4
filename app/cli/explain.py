"""`sa-contexts explain`: says what a failure code means, and what to check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import typer

from app.answers.failures.catalogue import ACCEPTED, find
from app.answers.failures.encoding import explanation_of
from app.cli.failures import explained_failures, fail
from app.cli.options import borrowing
from app.cli.printable import print_json, print_lines, printable, terminal_width
from app.cli.servers import (
    REQUIRES_URL,
    Access,
    UrlOption,
    access,
    require_no_access,
    url_of_environment,
)


WIDTH: Final = 80
"""The width of the text if output is redirected, and at most on a terminal."""

INDENT: Final = "  "

SIDES: Final = {
    "me": "If this host failed",
    "peer": "If the peer failed",
    "unknown": "If the side is unknown",
}
CHECKS: Final = {
    "rules": "Check, for connection security rules",
    "vpn": "Check, for VPNs (RRAS, Always On VPN)",
    "directAccess": "Check, for DirectAccess",
}
FAMILIES: Final = {"event": "event", "ras": "RAS error"}
"""The word before a number; errors need none."""


@borrowing(server_access=access)
def explain(
    *,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code, in any form.")],
    side: Annotated[
        Literal["me", "peer", "unknown"] | None,
        typer.Option(help="The side that failed; by default, all are explained."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the explanation as JSON, as the API does.")
    ] = False,
    url: UrlOption = None,
    server_access: Access,
) -> None:
    """Explain a failure code of IKE or IPsec, a Security log event, or a VPN client's error.

    Without a server, it needs neither rights nor the engine. A server also says how often the
    failure occurred there, if the key or token has the scope diagnostics:read. The key or token
    comes from the environment variable SA_CONTEXTS_TOKEN or from --token-file.
    """
    url = url or url_of_environment()
    if url is None:
        require_no_access(server_access, REQUIRES_URL)
    explanation = _local(code) if url is None else _remote(code, url, server_access)
    if explanation is None:
        fail(f"{printable(code)} is not explained. {ACCEPTED}")
    if as_json:
        print_json(explanation)
        return
    sides = (*SIDES,) if side is None else (side,)
    print_lines(text_of(explanation, min(terminal_width() or WIDTH, WIDTH), sides))


def _local(code: str) -> dict[str, Any] | None:
    entry = find(code)
    return None if entry is None else explanation_of(entry)


def _remote(code: str, url: str, server_access: Access) -> dict[str, Any] | None:
    if "/" in code:  # no code has one, and it would lead to another path
        return None
    from app.cli import client, remote  # noqa: PLC0415  # not loaded for `serve`

    with explained_failures(client.RequestRejected), client.malformed_rejected("the answer"):
        source = remote.ServerSource(client.server_at(url, server_access))
        explanation = source.failure(quote(code, safe=""))
        if explanation is not None:
            [*text_of(explanation, WIDTH)]  # fails if the answer is malformed
        return explanation


def text_of(
    explanation: Mapping[str, Any], width: int, sides: Sequence[str] = (*SIDES,)
) -> Iterator[str]:
    """Yield a `FailureExplanation` as printable lines of at most `width` cells, except URLs.

    Args:
        explanation: the explanation.
        width: the maximum width.
        sides: the sides to explain. The advice on what to check is that for the last of them; for
            an unknown side, it is for both.
    """
    yield from _wrapped(_heading(explanation), "", width)
    occurrences = explanation.get("occurrences")
    if occurrences is not None:
        yield from _wrapped(_occurred(occurrences), "", width)
    advice = {side: explanation["sides"][side] for side in sides}
    yield from _section("Meaning", {s: each["explanation"] for s, each in advice.items()}, width)
    for kind, title in CHECKS.items():
        check = advice[sides[-1]]["checks"][kind]
        if check:
            yield from _section(title, {sides[-1]: check}, width)
    if explanation["related"]:
        yield ""
        yield "Related"
        yield from _wrapped("  ".join(explanation["related"]), INDENT, width)
    yield ""
    yield "Sources"
    for source in explanation["sources"]:
        yield INDENT + printable(source)


def _heading(explanation: Mapping[str, Any]) -> str:
    word = FAMILIES.get(explanation["family"])
    if word is not None:
        parts = [f"{word} {explanation['code']}"]
    else:
        parts = [f"{explanation['code']}", explanation["codeHex"]]
    return INDENT.join([*parts, explanation["name"] or ""]).rstrip()


def _occurred(occurrences: Mapping[str, Any]) -> str:
    total, peers = occurrences["total"], occurrences["peers"]
    if not total:
        return "It did not occur here in the net events that the server keeps."
    times = "once" if total == 1 else f"{total} times"
    addresses = "1 peer" if peers == 1 else f"{peers} peers"
    return f"It occurred here {times}, with {addresses}, last at {occurrences['newest']}."


def _section(title: str, texts: Mapping[str, str], width: int) -> Iterator[str]:
    """Yield a section with the text for each side, or one text if it is the same for all."""
    yield ""
    yield title
    if len({*texts.values()}) == 1:
        yield from _wrapped(next(iter(texts.values())), INDENT, width)
        return
    for side, text in texts.items():
        yield f"{INDENT}{SIDES[side]}:"
        yield from _wrapped(text, 2 * INDENT, width)


def _wrapped(text: str, indent: str, width: int) -> Sequence[str]:
    return wrap(
        printable(text),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
