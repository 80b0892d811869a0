"""The files of the log: what is in them, and where they end.

A segment begins with a line that names the format, the run of the machine that wrote it, and the
salt of the checksums; frames follow. Segments are numbered in the order of their making. A segment may begin with batches that
stand in the one before, too: what could not be synced there was written again.

A log that a process left behind may end in a torn write, and one that survived a power failure may
have holes in what was not synced. Neither was promised to anyone, so the log ends there. Any other
hole is `Damage`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nearkeep.tiers.disk import Disk
from nearkeep.tiers.frame import SALT, Frame, frame_at, frames_beyond

ENDING: Final = ".log"
_VERSION: Final = b"nearkeep log 1 "
_NAMED: Final = len(b"nearkeep log ")
_BOOT: Final = 36
HEAD: Final = len(_VERSION) + _BOOT + 2 + SALT * 2
"""Bytes of the first line."""


class Damage(Exception):
    """The log is broken where it was whole once.

    Attributes:
        path, offset: the first byte that can't be read.
        missing: number of the first batch that can't be read.
        beyond: number of the first batch after it that can, 0 if none.
    """

    def __init__(self, path: Path, offset: int, missing: int, beyond: int) -> None:
        super().__init__(path, offset, missing, beyond)
        self.path = path
        self.offset = offset
        self.missing = missing
        self.beyond = beyond

    def __str__(self) -> str:
        return (
            f"{self.path} is damaged at byte {self.offset}: batch {self.missing} can't be read,"
            f" but batch {self.beyond} and later ones are there"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a segment."""

    path: Path
    offset: int


@dataclass(slots=True, eq=False)
class Segment:
    """A file of the log that is being, or was, written.

    Attributes:
        file: its descriptor, -1 when it is closed.
        size: bytes that were written.
        synced_size: bytes that are known to be on disk.
        last: number of its last batch.
    """

    path: Path
    file: int = -1
    size: int = 0
    synced_size: int = 0
    last: int = 0

    def append(self, disk: Disk, pieces: list[bytes]) -> None:
        """Writes at the end. Raises OSError, and counts nothing as written then."""
        at = self.size
        while pieces:
            count = disk.write(self.file, pieces, at)
            at += count
            pieces = _after(pieces, count)
        self.size = at


def create(disk: Disk, folder: Path, number: int, salt: bytes) -> Segment:
    """A new segment. Raises OSError."""
    path = folder / f"{number:010d}{ENDING}"
    segment = Segment(path, disk.create(path))
    try:
        segment.append(disk, [b"%s%s %s\n" % (_VERSION, disk.boot(), salt.hex().encode())])
    except OSError:
        disk.close(segment.file)
        raise
    return segment


def _after(pieces: list[bytes], count: int) -> list[bytes]:
    """What is left of pieces whose first bytes were written."""
    for index, piece in enumerate(pieces):
        if count < len(piece):
            return [piece[count:], *pieces[index + 1 :]]
        count -= len(piece)
    return []


class Reading:
    """The walk through a log that was left behind. Nothing is changed by it until `secure`.

    Attributes:
        last: number of the last batch that was read.
        segments: those that were read, closed.
        torn: where the log ends although bytes follow, if so.
        torn_bytes: how many bytes follow there.
    """

    def __init__(self, disk: Disk, folder: Path, after: int) -> None:
        """`after` is the number of the last batch that the caller has already."""
        self.disk = disk
        self.last = after
        self._folder = folder
        self.segments: list[Segment] = []
        self.torn: Place | None = None
        self.torn_bytes = 0
        names = [name for name in disk.names(folder) if name.endswith(ENDING)]
        self._paths = [folder / name for name in sorted(names)]
        self._orphan: Frame | None = None
        self._is_damage = False

    @property
    def next_number(self) -> int:
        """The number that a new segment may have."""
        return int(self._paths[-1].name.removesuffix(ENDING)) + 1 if self._paths else 1

    def frames(self) -> Iterator[tuple[bytes, Frame]]:
        """All frames that are still to be run, each with the bytes of its file.

        Raises:
            Damage: there is a hole.
            ValueError: a file is of another format.
            OSError: a file can't be read.
        """
        for path in self._paths:
            data = self.disk.read(path)
            segment = Segment(path, size=len(data), synced_size=len(data))
            self.segments.append(segment)
            for frame in self._sound(path, data):
                segment.last = max(segment.last, frame.last)
                if frame.last <= self.last:
                    continue
                if frame.sequence > self.last + 1:
                    self._jump(path, data, frame)
                    continue
                self.torn = self._orphan = None
                self.torn_bytes = 0
                self._is_damage = False
                self.last = frame.last
                yield data, frame
        if self._orphan is not None and self._is_damage and self.torn is not None:
            raise Damage(self.torn.path, self.torn.offset, self.last + 1, self._orphan.sequence)

    def secure(self) -> None:
        """Cuts the log off where it ends, and forces to disk what was read.

        What follows must not be taken for a part of what is written from now on, and the process that
        wrote what was read may not have synced it.

        Raises:
            OSError: the disk refuses.
        """
        cut = None
        if self.torn is not None:
            paths = [segment.path for segment in self.segments]
            at = paths.index(self.torn.path)
            for path in paths[at + 1 :]:
                self.disk.remove(path)
            del self.segments[at + 1 :]
            cut = self.segments[at]
            cut.size = cut.synced_size = self.torn.offset
            cut.last = min(cut.last, self.last)
        for segment in self.segments:
            file = self.disk.open(segment.path)
            try:
                if segment is cut:
                    self.disk.truncate(file, segment.size)
                self.disk.sync(file)
            finally:
                self.disk.close(file)
        self.disk.sync_folder(self._folder)

    def _sound(self, path: Path, data: bytes) -> Iterator[Frame]:
        """The sound frames of a file; notes where it is broken."""
        if data.startswith(_VERSION[:_NAMED]) and not data.startswith(_VERSION[: len(data)]):
            raise ValueError(f"{path} was written by another version of Nearkeep")
        try:
            salt = bytes.fromhex(data[HEAD - SALT * 2 - 1 : HEAD - 1].decode())
        except ValueError:
            salt = b""
        if not data:  # cut off at its beginning
            return
        if len(data) < HEAD or not salt:
            self._tear(path, 0, len(data))
            return
        at = HEAD
        while at < len(data):
            frame = frame_at(data, at, salt)
            if frame is None:
                self._tear(path, at, len(data) - at)
                yield from frames_beyond(data, at, salt)
                return
            at = frame.end
            yield frame

    def _tear(self, path: Path, offset: int, size: int) -> None:
        if self.torn is None:
            self.torn = Place(path, offset)
        self.torn_bytes += size

    def _jump(self, path: Path, data: bytes, frame: Frame) -> None:
        """Batches are missing before this frame, unless they come later.

        After a power failure, what had not been synced may have holes. Without one there are none.
        """
        boot = data[len(_VERSION) : len(_VERSION) + _BOOT]
        if boot == self.disk.boot() or frame.synced > self.last:
            self._is_damage = True
        if self.torn is None:
            self._tear(path, frame.start, len(data) - frame.start)
        if self._orphan is None:
            self._orphan = frame
