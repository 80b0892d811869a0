"""A disk in memory that fails on demand, and that forgets what was not synced when the power fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from nearkeep.tiers.disk import Disk
from nearkeep.tiers.schedule import Schedule


class File:
    """A file: what the system has of it, and what would outlast a power failure."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.durable = bytearray()
        self.linked = False  # whether its name would outlast a power failure


class FakeDisk(Disk):
    """Files by path. `fails` is asked before each deed that changes something.

    Attributes:
        fails: gets the deed's name ("create", "write", "sync", "sync_folder", "truncate", "remove")
            and its number; returns an error number, 0 for none, or -1 for a short write.
        deeds: how many were asked for.
    """

    def __init__(self, rng: Random) -> None:
        self.files: dict[Path, File] = {}
        self.fails: Callable[[str, int], int] = lambda _deed, _number: 0
        self.deeds = 0
        self._rng = rng
        self._open: dict[int, Path] = {}
        self._boots = 0

    def _ask(self, deed: str) -> bool:
        """Whether a write is to be a short one. Raises OSError."""
        self.deeds += 1
        number = self.fails(deed, self.deeds)
        if number > 0:
            raise OSError(number, os.strerror(number))
        return number < 0

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)  # for SQLite's file, which is a real one

    def lock(self, path: Path) -> int:
        if path in self._open.values():  # by this process, in these tests
            raise BlockingIOError
        self.files[path] = File()
        return self.open(path)

    def names(self, folder: Path) -> list[str]:
        return [path.name for path in self.files if path.parent == folder]

    def create(self, path: Path) -> int:
        self._ask("create")
        self.files[path] = File()
        return self.open(path)

    def open(self, path: Path) -> int:
        file = max(self._open, default=100) + 1
        self._open[file] = path
        return file

    def read(self, path: Path) -> bytes:
        return bytes(self.files[path].data)

    def write(self, file: int, pieces: list[bytes], at: int) -> int:
        whole = b"".join(pieces)
        entry = self.files[self._open[file]]
        try:
            short = self._ask("write")
        except OSError:  # some of it may have been written all the same
            self._put(entry, whole[: self._rng.randrange(len(whole))], at)
            raise
        if short:
            whole = whole[: self._rng.randrange(1, len(whole) + 1)]
        self._put(entry, whole, at)
        return len(whole)

    def _put(self, entry: File, data: bytes, at: int) -> None:
        entry.data[at : at + len(data)] = data

    def sync(self, file: int) -> None:
        entry = self.files[self._open[file]]
        try:
            self._ask("sync")
        except OSError:
            # As on Linux: what could not be written counts as clean, and may be dropped.
            if self._rng.random() < 0.3:
                entry.data[len(entry.durable) :] = b"\0" * (len(entry.data) - len(entry.durable))
            raise
        entry.durable = bytearray(entry.data)

    def sync_folder(self, folder: Path) -> None:
        self._ask("sync_folder")
        for path, entry in self.files.items():
            if path.parent == folder:
                entry.linked = True

    def truncate(self, file: int, size: int) -> None:
        self._ask("truncate")
        del self.files[self._open[file]].data[size:]

    def close(self, file: int) -> None:
        del self._open[file]

    def remove(self, path: Path) -> None:
        self._ask("remove")
        del self.files[path]

    def boot(self) -> bytes:
        return b"%036d" % self._boots

    def kill(self) -> None:
        """The process ends: what the system has stays."""
        self._open.clear()

    def fail_power(self) -> None:
        """Of what was not synced, each page is there or is not, or the file ends before it."""
        self._open.clear()
        self._boots += 1
        for path, entry in list(self.files.items()):
            if not entry.linked and self._rng.random() < 0.5:
                del self.files[path]
                continue
            page = self._rng.choice((16, 64, 512))
            length = self._rng.randint(len(entry.durable), max(len(entry.data), len(entry.durable)))
            data = entry.data[:length]
            for start in range(len(entry.durable), length, page):
                if self._rng.random() < 0.3:
                    end = min(start + page, length)
                    data[start:end] = b"\0" * (end - start)
            entry.data = data
            entry.durable = bytearray(data)
            entry.linked = True


class StepSchedule(Schedule):
    """Does what was put off when it is told to, and not before."""

    def __init__(self) -> None:
        self.now: list[Callable[[], object]] = []
        self.timers: list[Callable[[], object]] = []
        self.works: list[tuple[Callable[[], object], Callable[[Exception | None], object]]] = []

    def soon(self, callback: Callable[[], object]) -> None:
        self.now.append(callback)

    def later(self, seconds: float, callback: Callable[[], object]) -> None:
        self.timers.append(callback)

    def aside(self, work: Callable[[], object], done: Callable[[Exception | None], object]) -> None:
        self.works.append((work, done))

    def settle(self) -> None:
        while self.works:
            self.finish_one()

    def finish_one(self) -> None:
        """Ends the piece of work that was begun first."""
        work, done = self.works.pop(0)
        try:
            work()
        except OSError as error:
            done(error)
        else:
            done(None)

    def turn(self) -> None:
        """All that is to be done soon, and what the timers are for."""
        now, self.now = self.now, []
        timers, self.timers = self.timers, []
        for callback in (*now, *timers):
            callback()


NO_SPACE = errno.ENOSPC
BROKEN = errno.EIO
