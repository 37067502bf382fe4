"""Run a generated client against a server, and compare its output with the server's lists.

    python -m sdk.walks [--members] COMMAND...

The command gets these arguments:

1. the URL of a server;
2. a cursor of a server that has stopped;
3. the URL of a newer server, which adds fields and enumeration values to every response and, if
   `--members` is given, variants to every union.

SA_CONTEXTS_TOKEN is a key for both servers. The command prints a `Seen`, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final, TypedDict

import httpx2

from sdk.walks.newer import NEWER_MEMBER, NEWER_WORD, newer_server
from sdk.walks.server import CONTEXTS, ids, key, server


LIMIT: Final = 100


class Seen(TypedDict):
    """What a client saw.

    Attributes:
        ids: the `saContextId` of every context of a walk with pages of 100.
        mmSaIds: the `mmSaId` of each context that has an outbound SA.
        notFound: the `code` and `status` of the problem for an id that does not exist.
        gone: the `code`, `status` and `restartUrl` of the problem for the old cursor.
        newer: from the newer server: the `ipVersion` of the first outbound bundle, the `code` of
            the problem for an id that does not exist, and with `--members` the `transformType` of
            the bundle's first SA.
    """

    ids: list[str]
    mmSaIds: list[str]
    notFound: dict[str, Any]
    gone: dict[str, Any]
    newer: list[str]


def main(command: list[str], *, has_newer_members: bool) -> None:
    """Run the client, and compare its output.

    Raises:
        AssertionError: the output differs from the server's lists.
        CalledProcessError: the client failed.
    """
    with (
        key() as (text, keys),
        httpx2.Client(headers={"Authorization": f"Bearer {text}"}) as http,
    ):
        with server(keys=keys) as url:
            cursor = http.get(f"{url}/sa-contexts", params={"limit": LIMIT}).json()["nextCursor"]
        with (
            server(keys=keys) as url,
            newer_server(url, has_newer_members=has_newer_members) as newer_url,
        ):
            every = list(_items(http, url))
            run = subprocess.run(
                [*command, url, cursor, newer_url],
                env={**os.environ, "SA_CONTEXTS_TOKEN": text},
                stdout=subprocess.PIPE,
                check=True,
                timeout=120,
            )
    seen: Seen = json.loads(run.stdout)

    assert seen["ids"] == ids()
    assert len(seen["ids"]) == CONTEXTS
    assert any(int(number) > 1 << 53 for number in seen["ids"])
    assert seen["mmSaIds"] == [
        item["outboundSa"]["saBundle"]["mmSaId"] for item in every if item["outboundSa"]
    ]
    assert seen["notFound"] == {"code": "sa_context_not_found", "status": 404}
    assert seen["gone"] == {
        "code": "cursor_expired",
        "status": 410,
        "restartUrl": "sa-contexts?limit=100",
    }
    assert seen["newer"] == [NEWER_WORD, NEWER_WORD] + [NEWER_MEMBER] * has_newer_members
    print(f"{len(seen['ids'])} contexts in {-(-len(seen['ids']) // LIMIT)} pages, as they are")


def _items(http: httpx2.Client, url: str) -> Iterator[dict[str, Any]]:
    """Yield every context, read without a generated client."""
    page = http.get(f"{url}/sa-contexts", params={"limit": 1000})
    while True:
        yield from page.json()["items"]
        if "next" not in page.links:
            return
        page = http.get(page.request.url.join(page.links["next"]["url"]))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        [each for each in arguments if each != "--members"],
        has_newer_members="--members" in arguments,
    )
