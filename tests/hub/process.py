"""A hub in a process of its own, which can be killed at any time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from app.hub.credentials import new_token, secret_hash
from app.hub.sqlite.store import SqliteStore
from app.hub.store import Token


ROOT = Path(__file__).parents[2]
PACE = {
    "SA_CONTEXTS_DEBOUNCE_SECONDS": "0.05",
    "SA_CONTEXTS_HEARTBEAT_SECONDS": "1",
    "SA_CONTEXTS_LOG_REQUESTS": "off",
}


class HubProcess:
    """A hub that listens on one port each time it is started.

    Attributes:
        url: its URL.
        database: the file of its database.
        token: the file of an enrolment token.
    """

    def __init__(self, folder: Path) -> None:
        self.database = folder / "hub.db"
        self.token = folder / "token"
        token_id, text = new_token()
        store = SqliteStore(self.database)
        store.add_token(Token(token_id, "test", 0, None, None), secret_hash(text))
        store.close()
        self.token.write_text(text, encoding="ascii")
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "app", "hub", "serve", "--port", str(self._port)),
                *("--database", str(self.database)),
            ],
            cwd=ROOT,
            env={**os.environ, **PACE, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if found := re.search(r"url=http://127\.0\.0\.1:(\d+)", line):
                self._port = int(found[1])
                break
        self.url = f"http://127.0.0.1:{self._port}"

    def end(self, signal_number: int = signal.SIGKILL) -> None:
        """End it: by default at once, wherever it is."""
        if self._process is not None:
            self._process.send_signal(signal_number)
            self._process.communicate()
            self._process = None
