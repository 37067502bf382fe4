"""Lets a generated client walk a running server, and compares what it saw with what is.

    python -m sdk.walks COMMAND...

The command gets the server's URL, a cursor of a server that ended, and a context
with a word that is newer than the document. It prints what it saw, as `Seen` has it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypedDict

import httpx2
from sa_contexts_simulator import Simulator


CONTEXTS: Final = 1500
SEED: Final = 7
LIMIT: Final = 100
NEWER_WORD: Final = "a_newer_word"


class Seen(TypedDict):
    """What a client saw.

    Attributes:
        ids: the `saContextId` of every context of a walk with pages of 100.
        mmSaIds: the `mmSaId` of each that has an outbound SA.
        notFound: the `code` and `status` of the problem for an id that does not exist.
        gone: the `code`, `status` and `restartUrl` of the problem for the old cursor.
        newer: the first `cipherType` of the outbound SA of the context given.
    """

    ids: list[str]
    mmSaIds: list[str]
    notFound: dict[str, Any]
    gone: dict[str, Any]
    newer: str


def main(command: list[str]) -> None:
    """Run the client, and compare.

    Raises:
        AssertionError: it saw something else.
        CalledProcessError: it failed.
    """
    with _server() as url:
        first = httpx2.get(f"{url}/sa-contexts", params={"limit": LIMIT}).json()
    with _server() as url:
        every = list(_items(url))
        newer = _with_newer_word(every)
        run = subprocess.run(
            [*command, url, first["nextCursor"], json.dumps(newer)],
            stdout=subprocess.PIPE,
            check=True,
            timeout=120,
        )
    seen: Seen = json.loads(run.stdout)

    # What the server has is told by the simulator, from the same seed, without the server.
    simulator = Simulator()
    simulator.reset()
    simulator.populate(CONTEXTS, SEED)
    assert seen["ids"] == [str(number) for number in simulator.ids()]
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
    print(f"{len(seen['ids'])} contexts in {-(-len(seen['ids']) // LIMIT)} pages, as they are")


@contextmanager
def _server() -> Iterator[str]:
    """A server of its own process; gives its URL."""
    command = [sys.executable, "-m", "app.cli", "serve", "--port", "0", "--engine", "simulator"]
    settings = {
        "SA_CONTEXTS_LOG_FORMAT": "json",
        "SA_CONTEXTS_SIMULATED_CHURN": "0",
        "SA_CONTEXTS_SIMULATED_CONTEXTS": str(CONTEXTS),
        "SA_CONTEXTS_SIMULATED_SEED": str(SEED),
    }
    with subprocess.Popen(
        command, env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr
            entries = (json.loads(line) for line in server.stderr)
            yield next(entry["url"] for entry in entries if entry["event"] == "listening")
        finally:
            server.terminate()


def _items(url: str) -> Iterator[dict[str, Any]]:
    """Every context, without a generated client."""
    page = httpx2.get(f"{url}/sa-contexts", params={"limit": 1000})
    while True:
        yield from page.json()["items"]
        if "next" not in page.links:
            return
        page = httpx2.get(page.request.url.join(page.links["next"]["url"]))


def _with_newer_word(items: list[dict[str, Any]]) -> dict[str, Any]:
    for item in items:
        for sa in (item["outboundSa"] or {"saBundle": {"saList": []}})["saBundle"]["saList"]:
            if sa["transform"].get("cipherTransform"):
                sa["transform"]["cipherTransform"]["cipherType"] = NEWER_WORD
                return item
    raise AssertionError("no context has an encrypting SA")


if __name__ == "__main__":
    main(sys.argv[1:])
