"""L1: the log of all mutations, written before their replies leave.

It reads the mutation stream. What has come since the last call of `flush` goes to the system in one
write, so that the end of the process loses nothing that was answered. How much the end of the power
may lose is for `appendfsync` to say:

    always     `flush` returns when the disk has it: nothing
    everysec   another thread syncs once a second: what came since the last sync began
    no         the system syncs when it likes

When the disk refuses, nothing more is taken as safe until `retry` has written all that was left. If
it was a sync that failed, the system may have thrown the data away and report success from then on
(fsync(2), https://wiki.postgresql.org/wiki/Fsync_Errors), so what was not yet synced is read back,
checked, and written to a new segment.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from nearkeep.engine.stream import Effect
from nearkeep.tiers.disk import Disk
from nearkeep.tiers.frame import Framer, frame_at
from nearkeep.tiers.segment import HEAD, Segment, create

SEGMENT: Final = 64 << 20
"""Bytes after which a new segment begins."""

SHORT: Final = 1 << 20
"""Bytes up to which a segment is not worth another."""


class Sync:
    """What one sync is about: `run` may be called in another thread.

    Attributes:
        segments: those that are synced, each with its size when the sync began.
        last: number of the last batch in them.
        named: number up to which the names of segments are on disk afterwards.
    """

    def __init__(
        self,
        disk: Disk,
        folder: Path | None,
        named: int,
        segments: list[tuple[Segment, int]],
        last: int,
    ) -> None:
        self.segments = segments
        self.last = last
        self.named = named
        self._disk = disk
        self._folder = folder

    def run(self) -> None:
        """Syncs. Raises OSError."""
        for segment, _ in self.segments:
            self._disk.sync(segment.file)
        if self._folder is not None:
            self._disk.sync_folder(self._folder)


class Pipeline:
    """The log that is being written.

    Attributes:
        always: whether each flush syncs (`appendfsync always`).
        wake: called when something has come that is to be flushed soon.
        on_error: called when the disk begins to refuse.
        on_synced: called when the disk has got more.
        written: number of the last batch that the system has.
        synced: number of the last batch that the disk has.
        error: why the disk refuses, if it does.
        segments: those that hold what has not been released, the last one being written.
        bytes_written: since the start.
    """

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        last: int,
        number: int,
        segments: list[Segment],
        salt: bytes,
        segment_size: int = 0,
    ) -> None:
        """Begins a new segment, after batch `last` and `segments`.

        Raises:
            OSError: the disk refuses.
        """
        self.always = False
        self.wake: Callable[[], None] = _nothing
        self.on_error: Callable[[OSError], None] = _ignore
        self.on_synced: Callable[[], None] = _nothing
        self.written = last
        self.synced = last
        self.error: OSError | None = None
        self.bytes_written = 0
        self.segment_size = segment_size or SEGMENT
        self.segments = segments
        self._disk = disk
        self._folder = folder
        self._salt = salt
        self._framer = Framer(last, salt)
        self._left: list[bytes] = []  # what is not written yet
        self._awake = False
        self._number = number
        self._segment = self._begin()
        self._unsynced = [self._segment]
        self._named = 0  # segments of lower numbers have their names on disk
        self._running: Sync | None = None
        self._distrusted = False

    @property
    def safe(self) -> int:
        """Number of the last batch whose replies may leave."""
        return self.synced if self.always else self.written

    @property
    def size(self) -> int:
        """Bytes in all segments."""
        return sum([segment.size for segment in self.segments])

    @property
    def syncing(self) -> bool:
        """Whether a sync that `begin_sync` began has not ended."""
        return self._running is not None

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the system does not have yet."""
        return self._framer.size + sum(map(len, self._left))

    # ---- writing

    def add(self, sequence: int, now: int, batch: list[Effect]) -> None:
        """Takes in a batch of the stream."""
        self._framer.add(sequence, now, batch)
        if not self._awake:
            self._awake = True
            self.wake()

    def flush(self) -> int:
        """Writes what has come; returns `safe`."""
        self._awake = False
        if self.error is None and (
            self.written != self._framer.last or (self.always and self.synced != self.written)
        ):
            try:
                self._write()
            except OSError as error:
                self._refuse(error)
        return self.synced if self.always else self.written

    def _write(self) -> None:
        last = self._framer.last
        self._left += self._framer.take()
        if self._left:
            if self._segment.size >= self.segment_size:
                self._rotate()
            before = self._segment.size
            self._segment.append(self._disk, self._left)
            self._left = []
            self.bytes_written += self._segment.size - before
            self._segment.last = self.written = last
        if self.always and self.synced != last:
            self._sync_now()

    def rotate(self) -> None:
        """Begins a new segment, unless the present one is a short one."""
        if self.error is None and self._segment.size >= SHORT:
            try:
                self._rotate()
            except OSError as error:
                self._refuse(error)

    def _rotate(self) -> None:
        self._segment = self._begin()
        self._unsynced.append(self._segment)

    def _begin(self) -> Segment:
        segment = create(self._disk, self._folder, self._number, self._salt)
        self._number += 1
        segment.last = self.written
        self.segments.append(segment)
        return segment

    # ---- syncing

    def begin_sync(self) -> Sync | None:
        """What is to be synced now; None if nothing is, or while the last one is not finished."""
        if self._running is not None or self.error is not None or self.synced == self.written:
            return None
        self._running = Sync(
            self._disk,
            self._folder if self._number > self._named else None,
            self._number,
            [(segment, segment.size) for segment in self._unsynced],
            self.written,
        )
        return self._running

    def finish_sync(self, sync: Sync, error: OSError | None) -> None:
        """To be called, in the thread of the others, when a sync has ended."""
        if self._running is sync:
            self._running = None
        if error is not None:
            self._distrusted = True
            self._refuse(error)
            return
        for segment, size in sync.segments:
            segment.synced_size = max(segment.synced_size, size)
            if segment is not self._segment:
                self._unsynced.remove(segment)
                self._close(segment)
        self._named = sync.named
        if sync.last > self.synced:
            self.synced = self._framer.synced = sync.last
            self.on_synced()

    def _sync_now(self) -> None:
        sync = self.begin_sync()
        if sync is None:
            return
        try:
            sync.run()
        except OSError as error:
            self._running = None
            self._distrusted = True
            raise OSError(error.errno, error.strerror) from error
        self.finish_sync(sync, None)

    # ---- when the disk refuses

    def _refuse(self, error: OSError) -> None:
        first = self.error is None
        self.error = error
        if first:
            self.on_error(error)

    def retry(self) -> bool:
        """Tries to write all that was left; whether the disk takes it again."""
        if self.error is None:
            return True
        if self._running is not None:
            return False
        self.error = None
        try:
            if self._distrusted:
                self._write_again()
            self._write()
        except OSError as error:
            self.error = error
            return False
        return True

    def _write_again(self) -> None:
        """Puts what was not synced into a new segment.

        Raises:
            OSError: it could not be read back whole, or not be written.
        """
        pieces: list[bytes] = []
        reached = self.synced
        for segment in self._unsynced:
            data = self._disk.read(segment.path)[: segment.size]
            at = max(segment.synced_size, HEAD)
            while (frame := frame_at(data, at, self._salt)) is not None:
                at = frame.end
                if frame.sequence == reached + 1:
                    pieces.append(data[frame.start : frame.end])
                    reached = frame.last
        if reached != self.written:
            raise OSError(errno.EIO, "the system has lost what it had taken")
        segment = create(self._disk, self._folder, self._number, self._salt)
        self._number += 1
        try:
            segment.append(self._disk, pieces)
            segment.last = reached
            sync = Sync(self._disk, self._folder, self._number, [(segment, segment.size)], reached)
            sync.run()
        except OSError:
            self._disk.close(segment.file)
            self._disk.remove(segment.path)
            raise
        for old in self._unsynced:
            self._close(old)
        self.segments.append(segment)
        self._segment = segment
        self._unsynced = [segment]
        self._distrusted = False
        self.finish_sync(sync, None)

    # ---- the end of segments

    def release(self, last: int) -> None:
        """Deletes the segments that hold nothing after batch `last`, which is safe elsewhere."""
        if self._running is not None:
            return
        for segment in self.segments[:-1]:
            if segment.last > last:
                return
            if segment in self._unsynced:
                self._unsynced.remove(segment)
                self._close(segment)
            try:
                self._disk.remove(segment.path)
            except OSError:
                return  # the next checkpoint tries again
            self.segments.remove(segment)

    def close(self) -> None:
        """Writes and syncs all, if the disk takes it, and lets go of the files."""
        self.flush()
        if self.error is None:
            try:
                self._sync_now()
            except OSError as error:
                self._refuse(error)
        for segment in self.segments:
            self._close(segment)

    def _close(self, segment: Segment) -> None:
        if segment.file >= 0:
            self._disk.close(segment.file)
            segment.file = -1


def reason(error: OSError) -> str:
    """Why the disk refuses, as the system says it."""
    return error.strerror or os.strerror(error.errno or errno.EIO)


def _nothing() -> None:
    pass


def _ignore(_error: OSError) -> None:
    pass
