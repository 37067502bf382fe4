"""Notes of the reads of the engine under way, in a mapped file that survives the process.

How a fatal record is survived: memory of the engine that lies may end the process, which no
exception reports. Each read, from its first call of the engine to its last access to the
engine's memory, therefore occupies a slot of the file, with its resource and its thread. Writing
to a mapped file is writing to memory, and the operating system keeps what a dead process wrote.
The next process finds the occupied slots, and counts a death for their resources. A resource that
was being read at two deaths is *unreadable*: it is not read for a time, while the others are.
After that time it is read again; a further death doubles the time, up to a day.

If the crash dump names the thread that crashed (`faulthandler`), only that thread's slot counts.
Otherwise all of them do, because any may have been the cause.

The file is 4 KiB: a header, a row of deaths per resource, then the slots. It holds no secrets.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import Final

from bindings.errors import ResourceUnreadable


MAX_DEATHS: Final = 2
"""Deaths after which a resource is unreadable."""
PAUSE_SECONDS: Final = 600
"""How long it is not read, after this many deaths; each further death doubles the time."""
MAX_PAUSE_SECONDS: Final = 24 * 60 * 60
"""The longest such time. A death counts with those before it until that long after their pause."""

FILE_BYTES: Final = 4096
_HEADER: Final = struct.Struct("<16s?")
_MAGIC: Final = b"sa-contexts read"
_ROWS: Final = range(64, 1024, 64)
_ROW: Final = struct.Struct("<32sId")
"""A resource's name, its deaths and the time of the last, in Unix time."""
_SLOTS: Final = range(1024, FILE_BYTES, 64)
_SLOT: Final = struct.Struct("<32sQ")
"""A resource's name, and the thread; 0 if the slot is free."""
_THREAD: Final = struct.Struct("<Q")
_THREAD_OFFSET: Final = 32


@dataclass(frozen=True, slots=True)
class Deaths:
    """The deaths of processes that were reading a resource.

    Attributes:
        count: how many there were.
        last: the time of the last, in Unix time.
    """

    count: int
    last: float

    @property
    def pause(self) -> float:
        """How long the resource is unreadable after the last death, in seconds."""
        if self.count < MAX_DEATHS:
            return 0
        return min(PAUSE_SECONDS * 2.0 ** min(self.count - MAX_DEATHS, 32), MAX_PAUSE_SECONDS)

    def seconds_left(self, now: float) -> float:
        """Return for how long the resource is unreadable from now on; 0 if it is readable.

        A death in the future, which only a wrong clock or a damaged file shows, does not count.
        """
        return max(0.0, self.last + self.pause - now) if self.last <= now else 0.0

    def and_one(self, now: float) -> Deaths:
        """Return the deaths including one more; those long ago no longer count."""
        is_recent = self.last <= now <= self.last + self.pause + MAX_PAUSE_SECONDS
        return Deaths(self.count + 1 if is_recent else 1, now)


class CallNotes:
    """The notes of this process. Without a file, which is opened once, nothing is noted."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._map: mmap.mmap | None = None
        self._free: list[int] = []
        self._slots: dict[int, int] = {}  # by thread

    def open(self, path: Path, crashed_thread: int | None = None) -> list[str]:
        """Open the file, creating it if necessary, and count what the last process left there.

        Args:
            path: the file, which no other running process uses; its folder exists.
            crashed_thread: the thread that the last process' crash dump names, if it left one.

        Returns:
            The resources that the last process was reading when it died.

        Raises:
            OSError: the file cannot be opened or mapped, or is another kind of file.
        """
        with suppress(FileExistsError):
            _create(path)
        mapped = map_file(path)
        _, has_ended = _HEADER.unpack_from(mapped)
        died_reading = [] if has_ended else _resources_at_death(mapped, crashed_thread)
        for resource in died_reading:
            _count_death(mapped, resource, self._now())
        mapped[_SLOTS.start :] = bytes(FILE_BYTES - _SLOTS.start)
        _HEADER.pack_into(mapped, 0, _MAGIC, False)
        self._free = [*_SLOTS]
        self._map = mapped
        return died_reading

    def end(self) -> None:
        """Note that the process ends in an orderly way, even if a call of the engine hangs."""
        if self._map is not None:
            _HEADER.pack_into(self._map, 0, _MAGIC, True)

    def deaths(self) -> dict[str, Deaths]:
        """Return the deaths by resource."""
        return {} if self._map is None else deaths_in(self._map)

    def seconds_unreadable(self, resource: str) -> float:
        """Return for how long a resource is unreadable from now on; 0 if it is readable."""
        deaths = self.deaths().get(resource)
        return 0.0 if deaths is None else deaths.seconds_left(self._now())

    @contextmanager
    def reading(self, resource: str) -> Iterator[None]:
        """Note a read of a resource for the duration of the block.

        Raises:
            ResourceUnreadable: processes died reading the resource, too recently.
        """
        self._check_readable(resource)
        slot = self.enter(resource)
        try:
            yield
        finally:
            self.leave(slot)

    @contextmanager
    def within(self, resource: str) -> Iterator[None]:
        """Note a read of a resource, for the duration of the block, in place of this thread's read.

        A read of one resource may need another. If that ends the process, only the other is
        unreadable.

        Raises:
            ResourceUnreadable: as for `reading`.
        """
        slot = self._slots.get(get_ident(), 0)
        if not slot or self._map is None:
            with self.reading(resource):
                yield
            return
        self._check_readable(resource)
        name, thread = _SLOT.unpack_from(self._map, slot)
        _SLOT.pack_into(self._map, slot, resource.encode(), thread)
        try:
            yield
        finally:
            _SLOT.pack_into(self._map, slot, name, thread)

    def enter(self, resource: str) -> int:
        """Occupy a slot for this thread, and return it for `leave`; 0 if there is none."""
        if self._map is None:
            return 0
        try:
            slot = self._free.pop()  # atomic: callbacks enter on threads of their own
        except IndexError:
            return 0
        thread = get_ident()
        _SLOT.pack_into(self._map, slot, resource.encode(), thread)
        self._slots[thread] = slot
        return slot

    def leave(self, slot: int) -> None:
        """Free a slot."""
        if slot and self._map is not None:
            _THREAD.pack_into(self._map, slot + _THREAD_OFFSET, 0)
            self._slots.pop(get_ident(), None)
            self._free.append(slot)

    def _check_readable(self, resource: str) -> None:
        """Raise an error if processes died reading the resource, too recently.

        Raises:
            ResourceUnreadable: they did.
        """
        if seconds := self.seconds_unreadable(resource):
            raise ResourceUnreadable(resource, self.deaths()[resource].count, seconds)


NOTES: Final = CallNotes()
"""The notes of this process, which reads one engine; the server opens their file."""


def map_file(path: Path) -> mmap.mmap:
    """Map a file of notes that a server may be using: it sees changes at once.

    Raises:
        OSError: the file cannot be opened, or is another kind of file.
    """
    with path.open("r+b", buffering=0) as file:
        if os.fstat(file.fileno()).st_size != FILE_BYTES or file.read(len(_MAGIC)) != _MAGIC:
            raise OSError(errno.EINVAL, "not a file of notes", str(path))
        return mmap.mmap(file.fileno(), FILE_BYTES)


def _create(path: Path) -> None:
    """Create a file without notes, all of whose bytes have their place on the disk.

    Raises:
        FileExistsError: the path exists.
        OSError: the file cannot be written.
    """
    with path.open("xb") as file:
        file.write(_HEADER.pack(_MAGIC, True).ljust(FILE_BYTES, b"\0"))


def deaths_in(mapped: mmap.mmap) -> dict[str, Deaths]:
    """Return the deaths that a file of notes counts, by resource."""
    rows = (_ROW.unpack_from(mapped, row) for row in _ROWS)
    return {_text(name): Deaths(count, last) for name, count, last in rows if count}


def forget_deaths(mapped: mmap.mmap) -> list[str]:
    """Make all resources readable again; return those that had deaths."""
    forgotten = [*deaths_in(mapped)]
    mapped[_ROWS.start : _ROWS.stop] = bytes(len(range(_ROWS.start, _ROWS.stop)))
    return forgotten


def readable_again_at(seconds: float) -> datetime:
    """Return the time in `seconds` from now, in UTC, to the second."""
    return datetime.fromtimestamp(time.time() + seconds, UTC).replace(microsecond=0)


def _resources_at_death(mapped: mmap.mmap, crashed_thread: int | None) -> list[str]:
    slots = [_SLOT.unpack_from(mapped, slot) for slot in _SLOTS]
    return [
        *dict.fromkeys(
            _text(name) for name, thread in slots if thread and crashed_thread in (None, thread)
        )
    ]


def _count_death(mapped: mmap.mmap, resource: str, now: float) -> None:
    """Count a death in the resource's row, or in the first free one."""
    for row in _ROWS:
        name, count, last = _ROW.unpack_from(mapped, row)
        if not count or _text(name) == resource:
            deaths = Deaths(count, last).and_one(now)
            _ROW.pack_into(mapped, row, resource.encode(), deaths.count, deaths.last)
            return


def _text(name: bytes) -> str:
    return name.rstrip(b"\0").decode("ascii", "replace")
