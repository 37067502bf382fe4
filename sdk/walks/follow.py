"""Run a program of docs/sdk.md as printed, and compare its output with the server's own events.

    python -m sdk.walks.follow COMMAND...

The command gets the URL of a server as its last argument, and a key in SA_CONTEXTS_TOKEN. It prints
`N SA contexts at POSITION` for each list, and the kind and id of each change. Each stream ends
after three seconds, and the server restarts after several streams, so the program must list,
follow, resume, reconnect and list again. With a wrong key, the program must fail. Without a key, it
must list the contexts of a server that requires none.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from threading import Timer
from time import monotonic
from typing import IO, Final, NamedTuple

import httpx2

from sdk.walks.server import CONTEXTS, key, server


CHURN: Final = 50
STREAM_SECONDS: Final = 3
FOLLOW_SECONDS: Final = 12
"""Long enough for three streams and the pauses between them."""
TIMEOUT_SECONDS: Final = 120

_LIST: Final = re.compile(r"(\d+) SA contexts at (\w+)-(\d+)\n")


class Change(NamedTuple):
    """An event of the server.

    Attributes:
        line: what the program should print for it.
        id: the `saContextId`.
        is_deleted: whether the context is gone.
        revision: the revision of the change.
    """

    line: str
    id: str
    is_deleted: bool
    revision: int


def main(command: list[str]) -> None:
    """Run the program, and compare its output.

    Raises:
        AssertionError: the output differs from the server's events.
        StopIteration: the program ended early, or was killed after `TIMEOUT_SECONDS`.
    """
    port = _free_port()
    with key() as (text, keys):
        environment = {**os.environ, "SA_CONTEXTS_TOKEN": text}
        with server(port=port, churn=CHURN, max_stream_seconds=STREAM_SECONDS, keys=keys) as url:
            _check_failure(command, url)
            http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {text}"})
            known, start = _listed(http)
            program = subprocess.Popen(
                [*command, url], env=environment, stdout=subprocess.PIPE, text=True
            )
            guard = Timer(TIMEOUT_SECONDS, program.kill)
            guard.start()
            assert program.stdout
            count, epoch, revision = _next_list(program.stdout)
            until = monotonic() + FOLLOW_SECONDS
            seen = []
            while monotonic() < until:
                seen.append(next(program.stdout).strip())
            expected = []
            for change in _changes(http, start):
                if change.revision > revision:
                    expected.append(change.line)
                else:
                    (known.discard if change.is_deleted else known.add)(change.id)
                if len(expected) == len(seen):
                    break
        assert count == len(known)
        assert seen == expected
        with server(port=port):  # this one requires no key
            again, other_epoch, _ = _next_list(program.stdout)
            assert again == CONTEXTS
            assert other_epoch != epoch
            assert _first_list(command, url) == (again, other_epoch)
        guard.cancel()
        program.kill()
        program.wait()
    print(f"{count} contexts, {len(seen)} changes, {again} contexts after a restart, as they are")


def _check_failure(command: list[str], url: str) -> None:
    """Check that the program fails with a wrong key instead of trying again."""
    environment = {**os.environ, "SA_CONTEXTS_TOKEN": "wrong"}
    run = subprocess.run(
        [*command, url], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode
    assert "unauthenticated" in run.stderr, run.stderr


def _first_list(command: list[str], url: str) -> tuple[int, str]:
    """Return the size and the epoch of the first list that the program prints without a key."""
    environment = {name: each for name, each in os.environ.items() if name != "SA_CONTEXTS_TOKEN"}
    with subprocess.Popen(
        [*command, url], env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout
        count, epoch, _ = _next_list(program.stdout)
        program.kill()
    return count, epoch


def _next_list(lines: IO[str]) -> tuple[int, str, int]:
    """Skip changes up to the next list; return its size, epoch and revision."""
    while not (listed := _LIST.fullmatch(next(lines))):
        pass
    return int(listed[1]), listed[2], int(listed[3])


def _listed(http: httpx2.Client) -> tuple[set[str], str]:
    """Return the ids of the contexts of a list, and the list's position."""
    *lines, end = http.get(
        "/sa-contexts", headers={"Accept": "application/x-ndjson"}
    ).text.splitlines()
    position = "{epoch}-{revision}".format(**json.loads(end)["snapshot"])
    return {json.loads(line)["saContextId"] for line in lines}, position


def _changes(http: httpx2.Client, position: str) -> Iterator[Change]:
    """Yield every change after a position, across streams."""
    while True:
        with http.sse("/sa-contexts/events", params={"since": position}) as events:
            for event in events:
                position = event.id or position
                if event.event in {"added", "modified", "deleted"}:
                    data = json.loads(event.data)
                    id_ = data.get("saContext", data)["saContextId"]
                    line = f"{event.event} {id_}"
                    yield Change(line, id_, event.event == "deleted", data["revision"])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    main(sys.argv[1:])
