"""Reading files: which are read, and what a file that does not answer costs."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.files import reading
from app.files.reading import FileUnreadable, RegularFile, read_file


SECONDS = 30
MAX_BYTES = 1000
posix_only = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")


@pytest.mark.parametrize("size", [0, 1, MAX_BYTES])
def test_a_file_is_read_with_its_mode(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\r\n\x1a" * size if size < MAX_BYTES else b"a" * size)

    file = read_file(path, MAX_BYTES)

    assert file == RegularFile(path.read_bytes(), path.stat().st_mode)


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(3 << 30)

    with pytest.raises(FileUnreadable, match=r"^it is larger than 1,000 bytes$"):
        read_file(path, MAX_BYTES)


def test_a_missing_file_is_reported_by_the_systems_reason(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"^No such file or directory$"):
        read_file(tmp_path / "file", MAX_BYTES)


@posix_only
@pytest.mark.parametrize("kind", ["fifo", "folder", "zero", "terminal"])
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    path = {"zero": Path("/dev/zero"), "terminal": Path("/dev/ptmx")}.get(kind, tmp_path / kind)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()

    with pytest.raises(FileUnreadable, match=r"^(it is not a regular file|Is a directory)$"):
        read_file(path, MAX_BYTES)


@posix_only
def test_a_socket_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))

        with pytest.raises(FileUnreadable, match="No such device or address"):
            read_file(path, MAX_BYTES)


class DeadShare:
    """A path whose opening does not return, as on a dead network share, until it is released."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = 0
        self.released = threading.Event()
        open_ = reading._open  # noqa: SLF001  # where a share hangs

        def hang(name: str, flags: int) -> int:
            if Path(name) == path:
                self.opened += 1
                self.released.wait(SECONDS)
            return open_(name, flags)

        self._monkeypatch = monkeypatch
        monkeypatch.setattr(reading, "_open", hang)
        self.wait_for(0.05)

    def wait_for(self, seconds: float) -> None:
        """Set how long a read waits."""
        self._monkeypatch.setattr(reading, "READ_SECONDS", seconds)


@pytest.fixture
def dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeadShare]:
    path = tmp_path / "dead"
    path.write_bytes(b"content")
    share = DeadShare(path, monkeypatch)
    yield share
    share.released.set()


def test_a_share_that_does_not_answer_costs_one_thread(tmp_path: Path, dead: DeadShare) -> None:
    (tmp_path / "other").write_bytes(b"other")

    for _ in range(5):
        with pytest.raises(FileUnreadable, match=r"^it does not answer within 0\.05 s$"):
            read_file(tmp_path / "dead", MAX_BYTES)

    assert dead.opened == 1
    assert [each.name for each in threading.enumerate()].count("_read") == 1
    dead.wait_for(SECONDS)
    assert read_file(tmp_path / "other", MAX_BYTES).content == b"other"


def test_a_share_is_read_again_once_it_answers(tmp_path: Path, dead: DeadShare) -> None:
    with pytest.raises(FileUnreadable):
        read_file(tmp_path / "dead", MAX_BYTES)
    (hung,) = {each for each in threading.enumerate() if each.name == "_read"}

    dead.released.set()
    hung.join(SECONDS)
    dead.wait_for(SECONDS)
    (tmp_path / "dead").write_bytes(b"changed")

    assert read_file(tmp_path / "dead", MAX_BYTES).content == b"changed"
    assert dead.opened == 2
    assert hung not in threading.enumerate()


def test_what_hangs_is_in_no_threads_way(tmp_path: Path, dead: DeadShare) -> None:
    with pytest.raises(FileUnreadable):
        read_file(tmp_path / "dead", MAX_BYTES)

    (hung,) = {each for each in threading.enumerate() if each.name == "_read"}

    assert hung.daemon  # Python does not wait for it at its exit
    assert dead.opened == 1


def test_a_system_without_threads_is_a_failure_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(threading.Thread, "start", fail)

    with pytest.raises(FileUnreadable, match=r"^can't start new thread$"):
        read_file(tmp_path / "file", MAX_BYTES)
