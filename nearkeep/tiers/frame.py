"""The log's unit: some batches of the mutation stream with their place in it and a checksum.

    "NKLF"  crc  length  sequence  synced  time  count  payload

    crc       CRC-32C of the log's salt and of all that follows, so that a log that someone stores as
              a value is never taken for the log itself
    length    bytes of the payload
    sequence  number of the first batch; those of the others follow it
    synced    number of the last batch that was known to be on disk when the frame was made
    time      of the engine's clock while the batches ran, milliseconds since the epoch
    count     batches
    payload   RESP commands, as in Redis' append-only file: a batch of several stands between MULTI
              and EXEC, and SELECT changes the database, which is 0 where a frame begins

A frame holds what one tick of the loop wrote in one millisecond. A torn write is known by the
checksum, and `synced` tells a hole that a power failure may have left from damage.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import google_crc32c

from nearkeep.engine.stream import Effect
from nearkeep.wire.reply import Writer
from nearkeep.wire.request import ProtocolError, RequestParser

MAGIC: Final = b"NKLF"
SALT: Final = 4
"""Bytes of a log's salt."""

_START: Final = struct.Struct("<4sI")
_CHECKED: Final = struct.Struct("<QQQQI")
_HEADER: Final = _START.size + _CHECKED.size

_FULL: Final = 1 << 20
"""Bytes of payload after which a new frame begins."""

_MULTI: Final = b"*1\r\n$5\r\nMULTI\r\n"
_EXEC: Final = b"*1\r\n$4\r\nEXEC\r\n"


class Framer:
    """Batches in, frames out.

    Attributes:
        synced: to be kept at the number of the last batch that is known to be on disk.
        last: number of the last batch that came in.
    """

    def __init__(self, last: int, salt: bytes) -> None:
        self.synced = last
        self.last = last
        self._crc = google_crc32c.value(salt)
        self._writer = Writer()
        self._frames: list[bytes] = []
        self._first = 0
        self._count = 0
        self._time = 0
        self._db = 0

    @property
    def size(self) -> int:
        """Bytes of effects that wait to be taken."""
        return self._writer.size() + sum(map(len, self._frames))

    def add(self, sequence: int, now: int, batch: list[Effect]) -> None:
        """Takes in the next batch."""
        writer = self._writer
        if self._count and (now != self._time or writer.size() >= _FULL):
            self._seal()
        if not self._count:
            self._first, self._time, self._db = sequence, now, 0
        self._count += 1
        self.last = sequence
        several = len(batch) > 1
        if several:
            writer.raw(_MULTI)
        for db, words in batch:
            if db != self._db:
                self._db = db
                writer.reply([b"SELECT", b"%d" % db])
            writer.reply(words)
        if several:
            writer.raw(_EXEC)

    def take(self) -> list[bytes]:
        """The bytes of all frames since the last call, in pieces."""
        if self._count:
            self._seal()
        frames, self._frames = self._frames, []
        return frames

    def _seal(self) -> None:
        payload = self._writer.take()
        length = sum(map(len, payload))
        head = _CHECKED.pack(length, self._first, self.synced, self._time, self._count)
        crc = google_crc32c.extend(self._crc, head)
        for piece in payload:
            crc = google_crc32c.extend(crc, piece)
        self._frames.append(_START.pack(MAGIC, crc) + head)
        self._frames += payload
        self._count = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it stands in a file, checked.

    Attributes:
        start, end: of its bytes in the file.
    """

    start: int
    end: int
    sequence: int
    synced: int
    time: int
    count: int

    @property
    def last(self) -> int:
        """Number of its last batch."""
        return self.sequence + self.count - 1

    def batches(self, data: bytes) -> Iterator[tuple[int, list[Effect]]]:
        """Its batches with their numbers, from the bytes of the file.

        Raises:
            ValueError: they are not what the checksum vouches for: a fault of the writer.
        """
        parser = RequestParser(1 << 62)
        parser.feed(data[self.start + _HEADER : self.end])
        sequence, db = self.sequence, 0
        batch: list[Effect] = []
        within = False
        try:
            while (words := parser.next()) is not None:
                if words == [b"MULTI"]:
                    within = True
                elif words == [b"EXEC"]:
                    within = False
                elif words[0] == b"SELECT":
                    db = int(words[1])
                    continue
                else:
                    batch.append((db, words))
                if not within:
                    yield sequence, batch
                    sequence += 1
                    batch = []
        except ProtocolError as error:
            raise ValueError(error.message.decode()) from None
        if sequence != self.last + 1 or within or not parser.idle():
            raise ValueError(f"{self.count} batches expected from {self.sequence}, not {sequence}")


def frame_at(data: bytes, start: int, salt: bytes) -> Frame | None:
    """The frame that begins there, or None where there is no whole and sound one."""
    if len(data) - start < _HEADER:
        return None
    magic, crc = _START.unpack_from(data, start)
    length, sequence, synced, time, count = _CHECKED.unpack_from(data, start + _START.size)
    end = start + _HEADER + length
    if magic != MAGIC or not count or end > len(data):
        return None
    checked = data[start + _START.size : end]
    if google_crc32c.extend(google_crc32c.value(salt), checked) != crc:
        return None
    return Frame(start, end, sequence, synced, time, count)


def frames_beyond(data: bytes, start: int, salt: bytes) -> Iterator[Frame]:
    """Sound frames after a place where there is none, wherever they begin."""
    at = data.find(MAGIC, start)
    while at >= 0:
        frame = frame_at(data, at, salt)
        if frame is not None:
            yield frame
        at = data.find(MAGIC, at + 1 if frame is None else frame.end)
