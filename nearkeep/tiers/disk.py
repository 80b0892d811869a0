"""The few deeds of a file system that the log needs; tests put one in place that fails on demand."""

import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final


def _full_sync(file: int) -> None:
    fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # type: ignore[attr-defined, unused-ignore]


# macOS' fsync leaves the data in the drive's own memory.
_SYNC: Final[Callable[[int], None]] = (
    _full_sync if sys.platform == "darwin" else getattr(os, "fdatasync", os.fsync)
)

_MOST_PIECES: Final = 1024  # IOV_MAX


class Disk:
    """The system's disk. Files are descriptors; all methods may raise OSError."""

    def make_folder(self, folder: Path) -> None:
        """A folder for nobody else's eyes, if it is not there yet."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def lock(self, path: Path) -> int:
        """Keeps out other processes that ask, until the file is closed.

        Raises:
            BlockingIOError: another process has it; its number stands in the file.
        """
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise
        os.ftruncate(file, 0)
        os.write(file, b"%d\n" % os.getpid())
        return file

    def names(self, folder: Path) -> list[str]:
        """What is in a folder."""
        return [entry.name for entry in os.scandir(folder)]

    def create(self, path: Path) -> int:
        """A new file, for reading and writing; an old one of that name is emptied."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def open(self, path: Path) -> int:
        """A file that is there, for reading and writing."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def read(self, path: Path) -> bytes:
        """All of a file."""
        return path.read_bytes()

    def write(self, file: int, pieces: list[bytes], at: int) -> int:
        """Writes pieces one after the other from a place on; how many bytes of them it wrote.

        That may be fewer than there are.
        """
        return os.pwritev(file, pieces[:_MOST_PIECES], at)

    def sync(self, file: int) -> None:
        """Returns when what was written to a file will outlast a power failure."""
        _SYNC(file)

    def sync_folder(self, folder: Path) -> None:
        """Returns when the names in a folder will outlast a power failure."""
        opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)

    def truncate(self, file: int, size: int) -> None:
        """Cuts a file off."""
        os.ftruncate(file, size)

    def close(self, file: int) -> None:
        """Lets go of a file."""
        os.close(file)

    def remove(self, path: Path) -> None:
        """Deletes a file."""
        path.unlink()

    def boot(self) -> bytes:
        """Which run of the machine this is, 36 letters; all the same where it does not tell."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip().ljust(36)[:36]
        except OSError:
            return b"-" * 36
