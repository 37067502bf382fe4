"""The crash dump is written beside the log, kept, and names the thread that crashed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.telemetry.logging.crash_dump import crashed_thread


PROGRAM = """
import ctypes, sys
from pathlib import Path
from threading import Thread, get_ident
from app.telemetry.logging.configuration import LogFile, configure_logging
from app.telemetry.logging.crash_dump import write_crash_dumps

path = Path(sys.argv[1])
configure_logging("json", "info", file=LogFile(path, 1 << 20, 1))
print(write_crash_dumps(path), flush=True)

def crash(secret):
    print(get_ident(), flush=True)
    ctypes.string_at(0xBAD0)

if sys.argv[2] == "crash":
    thread = Thread(target=crash, args=("CANARY",))
    thread.start()
    thread.join()
"""


def run(log: Path, what: str) -> list[str]:
    """Run a process that crashes in a thread, or not; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, log, what],
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
        text=True,
    )
    assert (done.returncode != 0) == (what == "crash")
    return done.stdout.split()


def test_next_process_knows_the_thread_that_crashed_and_keeps_the_dump(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    dump, kept = tmp_path / "server.log.crash", tmp_path / "server.log.crash.1"

    before, thread = run(log, "crash")
    text = dump.read_bytes()
    found = run(log, "end")

    assert before == "None"
    assert found == [thread]
    assert b"in crash" in text
    assert b"CANARY" not in text
    assert kept.read_bytes() == text
    assert dump.read_bytes() == b""
    entries = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [(each["event"], each["dump"]) for each in entries] == [
        ("server_crashed_before", str(kept))
    ]
    assert run(log, "end") == ["None"]


@pytest.mark.parametrize(
    ("dump", "thread"),
    [
        (b"", None),
        (b"Thread 0x00007f01 (most recent call first):\n", None),
        (b"  File Current thread 0x00007f01\n", None),
        (
            b"Fatal\n\nThread 0x01 (most\nCurrent thread 0x00007f02 (most recent call first):\n",
            0x7F02,
        ),
        (b"Current thread 0x0000012c [python] (most recent call first):\n", 0x12C),
        (b"Current thread 0x01 (most\nWindows fatal exception\n\nCurrent thread 0x02 (most", 2),
    ],
)
def test_last_dump_names_the_thread(dump: bytes, thread: int | None) -> None:
    assert crashed_thread(dump) == thread
