"""Let a generated client walk a running server, and compare its output with the server's lists.

    python -m sdk.walks COMMAND...

The command gets these arguments:

1. the URL of a server;
2. a cursor of a server that has stopped;
3. a context, as JSON, with an enumeration's value that the document does not list;
4. the URL of a server whose contexts change often;
5. the position from which to watch that server.

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

from sdk.walks.server import CONTEXTS, ids, key, server


LIMIT: Final = 100
CHURN: Final = 50
STREAM_SECONDS: Final = 5
NEWER_WORD: Final = "a_newer_word"


class Seen(TypedDict):
    """What a client saw.

    Attributes:
        ids: the `saContextId` of every context of a walk with pages of 100.
        mmSaIds: the `mmSaId` of each context that has an outbound SA.
        notFound: the `code` and `status` of the problem for an id that does not exist.
        gone: the `code`, `status` and `restartUrl` of the problem for the old cursor.
        newer: the first `cipherType` of the outbound SA of the given context.
        changes: for each change until the stream ended: its kind, and the `saContextId`.
    """

    ids: list[str]
    mmSaIds: list[str]
    notFound: dict[str, Any]
    gone: dict[str, Any]
    newer: str
    changes: list[list[str]]


def main(command: list[str]) -> None:
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
            first = _first_page(http, url)
        with (
            server(keys=keys) as url,
            server(churn=CHURN, max_stream_seconds=STREAM_SECONDS, keys=keys) as busy_url,
        ):
            every = list(_items(http, url))
            newer = _with_newer_word(every)
            place = "{epoch}-{revision}".format(**_first_page(http, busy_url)["snapshot"])
            run = subprocess.run(
                [*command, url, first["nextCursor"], json.dumps(newer), busy_url, place],
                env={**os.environ, "SA_CONTEXTS_TOKEN": text},
                stdout=subprocess.PIPE,
                check=True,
                timeout=120,
            )
            changes = list(_changes(http, busy_url, place))
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
    assert seen["newer"] == NEWER_WORD
    assert {kind for kind, _ in seen["changes"]} == {"added", "modified", "deleted"}
    assert seen["changes"] == changes[: len(seen["changes"])]
    print(
        f"{len(seen['ids'])} contexts in {-(-len(seen['ids']) // LIMIT)} pages, and "
        f"{len(seen['changes'])} changes, as they are"
    )


def _first_page(http: httpx2.Client, url: str) -> dict[str, Any]:
    page: dict[str, Any] = http.get(f"{url}/sa-contexts", params={"limit": LIMIT}).json()
    return page


def _changes(http: httpx2.Client, url: str, place: str) -> Iterator[list[str]]:
    """Yield the events after a position, read without a generated client."""
    with http.sse(f"{url}/sa-contexts/events", params={"since": place}) as events:
        for event in events:
            if event.event in {"added", "modified", "deleted"}:
                change = json.loads(event.data)
                context = change.get("saContext", change)
                yield [event.event, context["saContextId"]]


def _items(http: httpx2.Client, url: str) -> Iterator[dict[str, Any]]:
    """Yield every context, read without a generated client."""
    page = http.get(f"{url}/sa-contexts", params={"limit": 1000})
    while True:
        yield from page.json()["items"]
        if "next" not in page.links:
            return
        page = http.get(page.request.url.join(page.links["next"]["url"]))


def _with_newer_word(items: list[dict[str, Any]]) -> dict[str, Any]:
    for item in items:
        for sa in (item["outboundSa"] or {"saBundle": {"saList": []}})["saBundle"]["saList"]:
            if sa["transform"].get("cipherTransform"):
                sa["transform"]["cipherTransform"]["cipherType"] = NEWER_WORD
                return item
    raise AssertionError("no context has an encrypting SA")


if __name__ == "__main__":
    main(sys.argv[1:])
