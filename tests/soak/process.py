"""A target in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sa_contexts_simulator import LIBRARY


ROOT = Path(__file__).parents[2]
ALLOCATOR = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(64 << 10),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 20),
}
"""Make glibc return freed memory (mallopt(3)), so that only retained memory is measured.

By default, it keeps more for its threads than the server uses, which would hide a leak.
"""
START_SECONDS = 60
STOP_SECONDS = 60
"""Timeout of the wait for the end; `End` judges its duration."""


@dataclass(frozen=True, slots=True)
class End:
    """How a target ended.

    Attributes:
        seconds: the duration.
        code: the exit code.
        counts: the simulator's counters.
    """

    seconds: float
    code: int
    counts: dict[str, int]


class Target:
    """A running target.

    Attributes:
        url: the server's URL.
        pid: its process.
    """

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self.pid = process.pid
        self._log = log
        self.url = self._wait_for_url()

    def storm(self, seed: int) -> None:
        """Inject engine failures now and then."""
        self._order(f"storm {seed}")

    def trim(self) -> None:
        """Have the C library return unused memory."""
        self._order("trim")

    def delay(self, function: str, milliseconds: int) -> None:
        """Delay every call of a function."""
        self._order(f"delay {function} {milliseconds}")

    def calls(self, function: str) -> int:
        """Return the number of calls of a function."""
        count: int = self._order(f"calls {function}")["calls"]
        return count

    def engine(self, order: Literal["stop", "deny", "start"]) -> None:
        """Stop the engine, have it deny access, or end both."""
        self._order(order)

    def settle(self) -> list[int]:
        """End all failures and changes; return the ids that remain."""
        ids: list[int] = self._order("settle")["ids"]
        return ids

    def resident_bytes(self) -> int:
        """Return its current memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        assert found, status
        return int(found[1]) << 10

    def processor_seconds(self) -> float:
        """Return its processor time."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").split(") ")
        user, system = fields[-1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def log(self) -> str:
        """Return the log so far."""
        return self._log.read_text(encoding="utf-8")

    def stop(self, sent: int = signal.SIGINT) -> End:
        """Stop it with SIGINT, or with `sent`."""
        began = time.monotonic()
        self._process.send_signal(sent)
        output, _ = self._process.communicate(timeout=STOP_SECONDS)
        seconds = time.monotonic() - began
        last = output.splitlines()[-1] if output else "{}"
        return End(seconds, self._process.returncode, json.loads(last))

    def wait(self) -> int:
        """Wait until it ends by itself; return the exit code."""
        return self._process.wait(timeout=STOP_SECONDS)

    def _order(self, order: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()
        confirmation = json.loads(self._process.stdout.readline())
        assert confirmation["obeyed"] == order
        return confirmation

    def _wait_for_url(self) -> str:
        """Return the URL that its log names."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r'"url": "(https?://[^"]+)"', self.log())
            if found:
                return found[1]
            time.sleep(0.1)
        raise RuntimeError(f"the server does not listen: {self.log()}")


@contextmanager
def running_target(**settings: object) -> Iterator[Target]:
    """Run a target with these settings; it always ends with the block."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith("SA_CONTEXTS_")}
    chosen = {"port": 0, "library": LIBRARY, "log_format": "json", **settings}
    environment |= {f"SA_CONTEXTS_{name.upper()}": str(value) for name, value in chosen.items()}
    environment |= ALLOCATOR
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w", encoding="utf-8") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.target"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        with process:
            try:
                yield Target(process, log)
            finally:
                process.kill()
