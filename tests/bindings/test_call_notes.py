"""Notes of reads: they outlive a process that dies, and keep what killed it from the next."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread, get_ident

import pytest

from bindings.call_notes import (
    FILE_BYTES,
    MAX_PAUSE_SECONDS,
    PAUSE_SECONDS,
    CallNotes,
    Deaths,
    deaths_in,
    forget_deaths,
    map_file,
)
from bindings.errors import ResourceUnreadable


NOON = 1_800_000_000.0


def dead(file: Path, *resources: str, at: float = NOON, thread: int | None = None) -> list[str]:
    """Let a process die while it reads resources; return what the next process finds."""
    last = CallNotes(lambda: at)
    last.open(file)
    for resource in resources:
        last.enter(resource)
    return CallNotes(lambda: at).open(file, thread)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.calls"


def test_resource_is_unreadable_after_the_second_death(file: Path) -> None:
    dead(file, "ike-sas")
    notes = CallNotes(lambda: NOON)
    notes.open(file)
    with notes.reading("ike-sas"):
        pass

    assert dead(file, "ike-sas") == ["ike-sas"]

    notes.open(file)
    with pytest.raises(ResourceUnreadable, match="died 2 times while it read ike-sas") as caught:
        notes.reading("ike-sas").__enter__()
    assert caught.value.seconds == PAUSE_SECONDS
    with notes.reading("connections"):
        pass


@pytest.mark.parametrize(
    ("count", "pause"),
    [
        (1, 0),
        (2, PAUSE_SECONDS),
        (3, 2 * PAUSE_SECONDS),
        (9, 128 * PAUSE_SECONDS),
        (10, MAX_PAUSE_SECONDS),
        (2**32 - 1, MAX_PAUSE_SECONDS),
    ],
)
def test_pause_doubles_with_each_death_up_to_a_day(count: int, pause: float) -> None:
    deaths = Deaths(count, NOON)

    assert deaths.seconds_left(NOON) == pause
    assert deaths.seconds_left(NOON + pause) == 0


@pytest.mark.parametrize(
    ("later", "count"),
    [
        (1, 4),
        (2 * PAUSE_SECONDS + MAX_PAUSE_SECONDS, 4),
        (2 * PAUSE_SECONDS + MAX_PAUSE_SECONDS + 1, 1),
        (-1, 1),
    ],
)
def test_death_long_after_the_others_counts_alone(later: float, count: int) -> None:
    assert Deaths(3, NOON).and_one(NOON + later) == Deaths(count, NOON + later)


@pytest.mark.parametrize("last", [NOON + 1, float("inf"), float("nan")])
def test_death_at_an_impossible_time_keeps_nothing_unreadable(last: float) -> None:
    assert Deaths(9, last).seconds_left(NOON) == 0


def test_reads_that_ended_are_no_cause(file: Path) -> None:
    last = CallNotes()
    last.open(file)
    with last.reading("ike-sas"):
        pass
    with suppress(OSError), last.reading("connections"):
        raise OSError("a read that failed")

    assert CallNotes().open(file) == []


def test_process_that_ends_in_an_orderly_way_was_not_killed_by_a_hung_read(file: Path) -> None:
    last = CallNotes()
    last.open(file)
    last.enter("ike-sas")
    last.end()

    assert CallNotes().open(file) == []


def test_only_the_resource_of_the_thread_that_crashed_counts(file: Path) -> None:
    last = CallNotes()
    last.open(file)
    last.enter("sa-contexts")
    other = Thread(target=last.enter, args=("net-events",))
    other.start()
    other.join()
    with map_file(file) as mapped:
        left = mapped[:]

    def noted(copy: str, crashed_thread: int | None = None) -> list[str]:
        (file.parent / copy).write_bytes(left)  # Windows truncates no mapped file
        return sorted(CallNotes().open(file.parent / copy, crashed_thread))

    assert noted("this", get_ident()) == ["sa-contexts"]
    assert noted("another", 1) == []
    assert noted("unknown") == ["net-events", "sa-contexts"]


def test_callback_within_a_read_of_the_same_resource_counts_once(file: Path) -> None:
    assert dead(file, "sa-contexts", "sa-contexts") == ["sa-contexts"]
    with map_file(file) as mapped:
        assert deaths_in(mapped) == {"sa-contexts": Deaths(1, NOON)}


def test_more_reads_than_there_are_slots_go_unnoted(file: Path) -> None:
    notes = CallNotes()
    notes.open(file)
    with ExitStack() as stack:
        for number in range(100):
            stack.enter_context(notes.reading(f"resource {number}"))

    with notes.reading("ike-sas"):
        assert notes.enter("connections")


def test_operator_makes_resources_readable_while_the_server_runs(file: Path) -> None:
    dead(file, "ike-sas")
    dead(file, "ike-sas", "connections")
    notes = CallNotes(lambda: NOON)
    notes.open(file)
    assert notes.seconds_unreadable("ike-sas") == PAUSE_SECONDS

    with map_file(file) as mapped:
        assert forget_deaths(mapped) == ["ike-sas", "connections"]

    with notes.reading("ike-sas"):
        pass
    assert notes.deaths() == {}


@pytest.mark.parametrize("content", [b"", b"port = 8080\n", b"x" * FILE_BYTES])
def test_another_kind_of_file_is_left_alone(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(OSError, match="not a file of notes"):
        CallNotes().open(file)

    assert file.read_bytes() == content


def test_damaged_notes_are_read_as_such(file: Path) -> None:
    dead(file, "ike-sas")
    with map_file(file) as mapped:
        mapped[32:] = b"\xff" * (FILE_BYTES - 32)

    notes = CallNotes(lambda: NOON)
    notes.open(file)

    with notes.reading("ike-sas"):
        pass


def test_notes_survive_a_killed_process(file: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from bindings.call_notes import NOTES;"
        "NOTES.open(Path(sys.argv[1])); NOTES.enter('ike-sas');"
        "os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))"
    )
    killed = subprocess.run([sys.executable, "-c", program, file], timeout=60, check=False)

    assert killed.returncode != 0
    assert CallNotes().open(file) == ["ike-sas"]


def test_nothing_is_noted_without_a_file() -> None:
    notes = CallNotes()

    with notes.reading("ike-sas"):
        notes.leave(notes.enter("connections"))
    notes.end()

    assert notes.deaths() == {}


def test_read_within_another_takes_the_blame_alone(file: Path) -> None:
    last = CallNotes(lambda: NOON)
    last.open(file)
    with last.reading("sa-contexts"), last.within("filters"):
        assert CallNotes(lambda: NOON).open(file) == ["filters"]

    last.open(file)
    with last.reading("sa-contexts"):
        with last.within("filters"):
            pass
        assert CallNotes(lambda: NOON).open(file) == ["sa-contexts"]


def test_read_within_another_is_refused_if_it_ended_processes(file: Path) -> None:
    for _ in range(2):
        dead(file, "filters")
    notes = CallNotes(lambda: NOON)
    notes.open(file)

    with notes.reading("sa-contexts"), pytest.raises(ResourceUnreadable, match="read filters"):
        notes.within("filters").__enter__()
    with pytest.raises(ResourceUnreadable, match="read filters"):
        notes.within("filters").__enter__()
