"""Files that never answer or never end, under the names of a server's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.auth.made import id_of, run_keys
from tests.hostile.page_reader import PageReader
from tests.hostile.process import ROOT
from tests.soak.credentials import Credentials, issue
from tests.soak.process import Target, running_target


START_SECONDS = 60
"""Five seconds for a file that does not answer; the rest is for seven interpreters at a time, on
processors that others may use, too."""
STOP_SECONDS = 2.0
REPORT_SECONDS = 15
"""Within which a file that hangs is reported: at its second poll."""
REVOKED_SECONDS = 4.0
"""Two seconds, as docs/access.md promises, and the same for the processor's other users."""
AFTER_BYTES = 24 << 20
SPARSE_BYTES = 3 << 30
NAMES = (
    *("tls_certificate_file", "tls_key_file", "tls_client_ca_file", "api_keys_file"),
    *("settings", "log_file", "simulated_capture"),
)
"""The files that a server reads or opens when it starts."""


def fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(SPARSE_BYTES)


def test_a_start_with_a_file_that_never_answers_fails_with_one_sentence(tmp_path: Path) -> None:
    """All at once, each with a FIFO under another file's name."""
    settings = issue(tmp_path).settings
    paths = {name: tmp_path / f"{name}.fifo" for name in NAMES}
    for path in paths.values():
        os.mkfifo(path)
    cases = [{**settings, name: path} for name, path in paths.items()]
    with ExitStack() as stack:
        starts = [started(case, stack) for case in cases]
        ends = [process.communicate(timeout=START_SECONDS)[1] for process in starts]

    for case, process, said in zip(cases, starts, ends, strict=True):
        assert process.returncode == 1, (case, said)
        (sentence,) = (line for line in said.splitlines() if line.startswith("sa-contexts: "))
        assert sentence.endswith(("is not a regular file", "does not answer within 5 s"))
        assert "Traceback" not in said


def started(settings: Mapping[str, object], stack: ExitStack) -> subprocess.Popen[str]:
    """Start a server that ends with the stack."""
    chosen = {"port": 0, "engine": "simulator", **settings}
    environment = {n: v for n, v in os.environ.items() if not n.startswith("SA_CONTEXTS_")}
    environment |= {f"SA_CONTEXTS_{name.upper()}": str(value) for name, value in chosen.items()}
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    )
    stack.callback(process.kill)
    return process


@pytest.fixture(scope="module")
def dead_share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes a file one of a dead share."""
    library = tmp_path_factory.mktemp("dead_share") / "dead_share.so"
    source = Path(__file__).with_name("dead_share.c")
    subprocess.run(["/usr/bin/cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


class Server:
    """A server with TLS and keys, whose files are about to go bad.

    Attributes:
        target: its process.
        certificate: its certificate's file.
        credentials: its clients' credentials.
    """

    def __init__(self, target: Target, folder: Path, credentials: Credentials) -> None:
        self.target = target
        self.certificate = folder / "server.pem"
        self.credentials = credentials
        self.reader = PageReader(target.url, credentials.keys["sa:read"], credentials.tls)
        self._keys = folder / "keys.json"

    def get(self, path: str, scope: str) -> httpx2.Response:
        """Request a path with the key of a scope."""
        key = self.credentials.keys[scope]
        return self.reader.get(path, headers={"Authorization": f"Bearer {key}"})

    def revoke(self, scope: str) -> float:
        """Revoke the key of a scope; return how long the server accepts it."""
        run_keys("revoke", id_of(self.credentials.keys[scope]), path=self._keys)
        return until(lambda: self.get("/engine", scope).status_code == 401)

    def until_reported(self) -> None:
        """Wait until the log and the metrics say that the old certificate is kept."""
        until(lambda: "certificate_not_reloaded" in self.target.log())
        assert "sa_contexts_tls_files_in_use 0.0" in self.get("/metrics", "metrics:read").text

    def threads(self) -> int:
        """Return the number of its threads."""
        return len(list(Path(f"/proc/{self.target.pid}/task").iterdir()))


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run a server whose keys and certificate are in a folder."""
    credentials = issue(folder)
    with running_target(
        simulated_contexts=250, simulated_churn=0, **credentials.settings
    ) as target:
        server = Server(target, folder, credentials)
        with server.reader:
            yield server


def until(condition: Callable[[], bool]) -> float:
    """Wait until a condition holds; return for how long."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < REPORT_SECONDS, "it did not happen"
        time.sleep(0.05)  # another process can only be polled
    return time.monotonic() - began


def assert_served_and_stopped(server: Server) -> None:
    """Others are served in time, other files are polled, and the process ends in time."""
    assert server.revoke("diagnostics:read") < REVOKED_SECONDS
    server.reader.assert_undisturbed()
    end = server.target.stop()
    assert (end.code, end.seconds < STOP_SECONDS) == (0, True), end


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(fifo, "it is not a regular file", id="fifo"),
        pytest.param(huge, "it is larger than 4,194,304 bytes", id="huge"),
    ],
)
def test_a_certificate_that_never_ends_delays_nothing(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    with serving(tmp_path) as server:
        server.target.trim()
        before, threads = server.target.resident_bytes(), server.threads()

        spoil(server.certificate)
        server.until_reported()

        assert reason in server.target.log()
        assert server.threads() <= threads + 1
        server.target.trim()
        assert server.target.resident_bytes() - before < AFTER_BYTES
        assert_served_and_stopped(server)


def test_a_share_that_dies_costs_one_thread_and_delays_nothing(
    tmp_path: Path, dead_share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "server.pem"
    monkeypatch.setenv("LD_PRELOAD", str(dead_share))
    monkeypatch.setenv("DEAD_FILE", str(certificate))
    with serving(tmp_path) as server:
        threads = server.threads()
        Path(f"{certificate}.dead").touch()

        server.until_reported()

        assert "it does not answer within 5 s" in server.target.log()
        assert server.threads() <= threads + 1
        assert_served_and_stopped(server)
