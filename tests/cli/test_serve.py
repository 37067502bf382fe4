"""What `serve` says while it starts, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.conftest import SIMULATOR_PATH


def test_log_of_startup_ends_with_the_address_once_requests_are_answered() -> None:
    settings = {"SA_CONTEXTS_LOG_FORMAT": "json", "SA_CONTEXTS_LIBRARY": str(SIMULATOR_PATH)}
    command = [sys.executable, "-m", "app", "serve", "--host", "127.0.0.2", "--port", "0"]
    events: list[str] = []

    with subprocess.Popen(
        command, env=os.environ | settings, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            entry = json.loads(line)
            events.append(entry["event"])
            if entry["event"] == "listening":
                break
        process.terminate()

    assert entry["url"].startswith("http://127.0.0.2:")
    assert events[-2:] == ["Application startup complete.", "listening"]
