"""A target in a process of its own, and its cost."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import trustme

from tests.authorities import Files, client_context
from tests.hostile.bystander import Bystander
from tests.hostile.crowd import Client, crowd
from tests.hostile.distance import LOOPBACK, Reach


ROOT = Path(__file__).parents[2]
DISTANT_BYSTANDERS = 4
DISTANT_LIMIT = 2
"""The size of distant pages: such a response fits TCP's initial window (RFC 6928), so that it takes
one round trip."""
STOP_SECONDS = 15
"""The server gives requests ten seconds to end; the rest is for the interpreter."""


class Target:
    """A running target.

    Attributes:
        reach: the way to it.
        url: the server's URL.
        context: the TLS settings of a client that verifies it; None: plain HTTP.
        headers: the headers of a request, with a credential if required.
        hostile_key: the credential of attackers that need one.
        resident_before: its memory in bytes, before the attack.
        counts: the simulator's counters, once it has ended.
    """

    def __init__(
        self,
        process: subprocess.Popen[str],
        log: Path,
        reach: Reach,
        context: ssl.SSLContext | None,
    ) -> None:
        self._process = process
        self._log = log
        self.reach = reach
        self.context = context
        self.port: int = self._read_line()["port"]
        self.url = f"{'http' if context is None else 'https'}://{reach.address}:{self.port}"
        self.headers: dict[str, str] = {}
        self.hostile_key = ""
        self.counts: dict[str, int] = {}
        self.resident_before = 0

    def storm(self, seed: int) -> None:
        """Inject engine failures at random."""
        self._order(f"storm {seed}")

    def calm(self) -> None:
        """End the engine failures."""
        self._order("calm")

    def delay(self, function: str, milliseconds: int) -> None:
        """Delay each call of a function of the engine."""
        self._order(f"delay {function} {milliseconds}")

    def calls(self, function: str) -> int:
        """Return how often a function of the engine was called."""
        self._send(f"calls {function}")
        count: int = self._read_line()["calls"]
        assert self._read_line() == {"obeyed": f"calls {function}"}
        return count

    def trim(self) -> None:
        """Have the C library return unused memory, of which it keeps much."""
        self._order("trim")

    def resident_bytes(self) -> int:
        """Return its current memory."""
        return self._memory("VmRSS")

    def peak_bytes(self) -> int:
        """Return its peak memory since `forget_peak`."""
        return self._memory("VmHWM")

    def processor_seconds(self) -> float:
        """Return its processor time."""
        return processor_seconds(self._process.pid)

    def forget_peak(self) -> None:
        """Reset the peak."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", encoding="ascii")

    def client(self, timeout: float = 60) -> httpx2.Client:
        """Return a client with the credential, if one is required."""
        return httpx2.Client(
            base_url=self.url,
            headers=self.headers,
            verify=self.context or True,
            timeout=timeout,
            trust_env=False,
        )

    def crowd(
        self, client: Client, count: int, seconds: float, receive_bytes: int | None = None
    ) -> Counter[str]:
        """Run a crowd of hostile clients, and return how each ended."""
        return crowd(
            client,
            self.port,
            count=count,
            seconds=seconds,
            receive_bytes=receive_bytes,
            reach=self.reach,
            key=self.hostile_key,
        )

    def bystander(self, headers: Mapping[str, str]) -> Bystander:
        """Return well-behaved clients; there are more at a distance, where each requests less."""
        distant = {"count": DISTANT_BYSTANDERS, "limit": DISTANT_LIMIT}
        return Bystander(
            self.url,
            {**self.headers, **headers},
            self.context,
            **(distant if self.reach.is_distant else {}),
        )

    def engine(self) -> Any:
        """Return what it reports about itself."""
        with self.client() as client:
            return client.get("/engine").json()

    def log(self) -> list[dict[str, Any]]:
        """Return the entries of its log."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def stop(self) -> None:
        """Stop it with SIGINT; it must end in time."""
        self._process.send_signal(signal.SIGINT)
        output, _ = self._process.communicate(timeout=STOP_SECONDS)
        self.counts = json.loads(output.splitlines()[-1])
        assert self._process.returncode == 0

    def _order(self, order: str) -> None:
        self._send(order)
        assert self._read_line() == {"obeyed": order}

    def _send(self, order: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()

    def _read_line(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._log.read_text(encoding="utf-8")
        return json.loads(line)

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) << 10


def processor_seconds(process: int) -> float:
    """Return the processor time of a process so far."""
    stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_target(reach: Reach = LOOPBACK, /, **settings: object) -> Iterator[Target]:
    """Run a target with these settings; stop it at the end if it still runs.

    A distant one has TLS, unless the settings allow it to have none. At its end no handle is open,
    no engine memory is unfreed, nothing was misused, and no unexpected failure occurred.
    """
    environment = {n: v for n, v in os.environ.items() if not n.startswith("SA_CONTEXTS_")}
    chosen = {
        "host": reach.address,
        "port": 0,
        "engine": "simulator",
        "log_level": "warning",
        **settings,
    }
    context = None
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        if reach.is_distant and not settings.get("allow_insecure"):
            ca, files = trustme.CA(), Files(Path(folder))
            files.show(ca, reach.address)
            context = client_context(ca)
            chosen |= {"tls_certificate_file": files.certificate, "tls_key_file": files.key}
        environment |= {f"SA_CONTEXTS_{name.upper()}": str(value) for name, value in chosen.items()}
        with log.open("w", encoding="utf-8") as stderr:
            process = subprocess.Popen(
                [*reach.launcher, sys.executable, "-m", "tests.hostile.target"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        with process:
            try:
                target = Target(process, log, reach, context)
                yield target
                if not target.counts:
                    target.stop()
                bad = [entry for entry in target.log() if "exception" in entry]
                assert bad == []
            finally:
                process.kill()
        assert target.counts == {"open_handles": 0, "unfreed_blocks": 0, "misuses": 0}
