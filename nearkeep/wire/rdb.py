"""The encodings that Redis' RDB files are made of: bytes ⇄ numbers, strings and packed lists.

A reader trusts nothing: whatever is malformed is a `Malformed`, and nothing is allocated that the
bytes at hand do not fill. What is newer than the format's version 12 is not read; all older is.

Sources: https://rdb.fnordig.de/file_format.html,
https://github.com/antirez/listpack/blob/master/listpack.md
"""

import struct
from typing import Final

from mypy_extensions import i64

from nearkeep.wire.request import parse_integer

VERSION: Final = 12
"""Of the format, as Redis 8.2 writes it."""

_POLYNOMIAL: Final = 0x95AC9329AC4BC9B5  # Jones', 0xad93d23594c935a9, with the bits reversed
_FOOTER: Final = 10
_LARGEST_RATIO: Final = 132  # LZF makes at most 264 bytes of 2

_LISTPACK_HEADER: Final = 6
_ZIPLIST_HEADER: Final = 10
_END: Final = 0xFF
_UNCOUNTED: Final = 0xFFFF


class Malformed(Exception):
    """The bytes are not what they should be."""


# ---- the footer of DUMP


def _table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ _POLYNOMIAL if crc & 1 else crc >> 1
        table.append(crc - (1 << 64) if crc >> 63 else crc)
    return table


_CRC: Final = _table()
_SHIFTED: Final = (1 << 56) - 1


def crc64(data: bytes) -> int:
    """The CRC-64 of Redis, unsigned."""
    crc: i64 = 0
    for byte in data:
        place: i64 = (crc ^ byte) & 255
        entry: i64 = _CRC[place]
        crc = entry ^ (crc >> 8 & _SHIFTED)
    return int(crc) % (1 << 64)


def sealed(body: bytes) -> bytes:
    """A body with the version and the checksum behind it."""
    body += struct.pack("<H", VERSION)
    return body + struct.pack("<Q", crc64(body))


def opened(payload: bytes) -> bytes:
    """The body of a payload.

    Raises:
        Malformed: the checksum is wrong, or the version is one of the future.
    """
    if len(payload) < _FOOTER:
        raise Malformed
    version, checksum = struct.unpack("<HQ", payload[-_FOOTER:])
    # A checksum of 0 says that there is none.
    if version > VERSION or (checksum and checksum != crc64(payload[:-8])):
        raise Malformed
    return payload[:-_FOOTER]


# ---- writing


def length(number: int) -> bytes:
    """A number from 0 to 2^64 - 1."""
    if number < 1 << 6:
        return bytes((number,))
    if number < 1 << 14:
        return struct.pack(">H", 0x4000 | number)
    if number < 1 << 32:
        return b"\x80" + struct.pack(">I", number)
    return b"\x81" + struct.pack(">Q", number)


def string(data: bytes) -> bytes:
    """A string, as an integer where it is a short one."""
    if len(data) <= 11:
        number = parse_integer(data)
        if number is not None:
            for code, form, bits in ((0xC0, "<b", 7), (0xC1, "<h", 15), (0xC2, "<i", 31)):
                if -(1 << bits) <= number < 1 << bits:
                    return bytes((code,)) + struct.pack(form, number)
    return length(len(data)) + data


def listpack(elements: list[bytes]) -> bytes:
    """Strings as one listpack, those that are integers as integers."""
    packed = bytearray(_LISTPACK_HEADER)
    for element in elements:
        entry = _listpack_entry(element)
        packed += entry
        packed += _back_length(len(entry))
    packed.append(_END)
    struct.pack_into("<IH", packed, 0, len(packed), min(len(elements), _UNCOUNTED))
    return bytes(packed)


def _listpack_entry(element: bytes) -> bytes:
    number = parse_integer(element) if len(element) <= 20 else None
    if number is not None:
        if 0 <= number <= 127:
            return bytes((number,))
        if -4096 <= number <= 4095:
            return struct.pack(">H", 0xC000 | number & 0x1FFF)
        for code, size in ((0xF1, 2), (0xF2, 3), (0xF3, 4), (0xF4, 8)):
            if -(1 << size * 8 - 1) <= number < 1 << size * 8 - 1:
                return bytes((code,)) + number.to_bytes(size, "little", signed=True)
    size = len(element)
    if size < 64:
        return bytes((0x80 | size,)) + element
    if size < 4096:
        return struct.pack(">H", 0xE000 | size) + element
    return b"\xf0" + struct.pack("<I", size) + element


def _back_length(size: int) -> bytes:
    """The size of an entry, to be read from its end."""
    groups = [size >> 7 * place & 127 for place in range(_back_size(size))]
    return bytes([groups[-1], *[group | 128 for group in groups[-2::-1]]])


def _back_size(size: int) -> int:
    """In how many bytes it stands; Redis goes on to the next number one too early."""
    if size <= 127:
        return 1
    for count in (2, 3, 4):
        if size < (1 << 7 * count) - 1:
            return count
    return 5


def intset(numbers: list[int]) -> bytes:
    """Numbers in ascending order as an intset; there is at least one."""
    low, high = numbers[0], numbers[-1]
    for width, form in ((2, "h"), (4, "i")):
        if -(1 << width * 8 - 1) <= low and high < 1 << width * 8 - 1:
            return struct.pack(f"<II{len(numbers)}{form}", width, len(numbers), *numbers)
    return struct.pack(f"<II{len(numbers)}q", 8, len(numbers), *numbers)


# ---- reading


class Reader:
    """Takes one thing after the other from a piece of bytes.

    All of its methods raise `Malformed` where that is not what comes next.
    """

    def __init__(self, data: bytes, at: int = 0, end: int = -1) -> None:
        self._data = data
        self._at: i64 = at
        self._end: i64 = len(data) if end < 0 else end

    def left(self) -> int:
        """How many bytes are left."""
        return self._end - self._at

    def byte(self) -> int:
        """One byte."""
        if self._at >= self._end:
            raise Malformed
        self._at += 1
        return self._data[self._at - 1]

    def take(self, count: int) -> bytes:
        """So many bytes."""
        if not 0 <= count <= self.left():  # it need not fit 64 bits
            raise Malformed
        self._at += count
        return self._data[self._at - count : self._at]

    def unsigned(self, size: int, big: bool = False) -> int:
        """An integer of so many bytes."""
        return int.from_bytes(self.take(size), "big" if big else "little")

    def signed(self, size: int) -> int:
        """A signed integer of so many bytes, the lowest first."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def double(self) -> float:
        """A double of eight bytes."""
        (number,) = struct.unpack("<d", self.take(8))
        return float(number)

    def length(self) -> int:
        """A number from 0 to 2^64 - 1."""
        first = self.byte()
        if first >= 0xC0:
            raise Malformed
        return self._length(first)

    def _length(self, first: int) -> int:
        if first < 0x40:
            return first
        if first < 0x80:
            return (first & 0x3F) << 8 | self.byte()
        if first == 0x80:
            return self.unsigned(4, big=True)
        if first == 0x81:
            return self.unsigned(8, big=True)
        raise Malformed

    def string(self) -> bytes:
        """A string."""
        first = self.byte()
        if first < 0xC0:
            return self.take(self._length(first))
        if first == 0xC3:
            packed = self.length()
            size = self.length()
            return decompressed(self.take(packed), size)
        if first > 0xC3:
            raise Malformed
        return b"%d" % self.signed(1 << first - 0xC0)

    def text_double(self) -> float:
        """A double in digits, as versions before 8 have them."""
        size = self.byte()
        if size >= 253:
            return (float("nan"), float("inf"), float("-inf"))[size - 253]
        return parsed_double(self.take(size))


def parsed_double(text: bytes) -> float:
    """A double in digits.

    Raises:
        Malformed: it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise Malformed from None


def decompressed(data: bytes, size: int) -> bytes:
    """What LZF has made of `size` bytes.

    Raises:
        Malformed: it has not.
    """
    if size > len(data) * _LARGEST_RATIO:
        raise Malformed
    source = Reader(data)
    found = bytearray()
    while source.left():
        control = source.byte()
        if control < 32:
            found += source.take(control + 1)
        else:
            count = control >> 5
            if count == 7:
                count += source.byte()
            count += 2
            distance = ((control & 31) << 8) + source.byte() + 1
            start = len(found) - distance
            if start < 0:
                raise Malformed
            piece = bytes(found[start : start + count])  # what it overlaps with is itself repeated
            found += (piece * (count // len(piece) + 1))[:count]
        if len(found) > size:
            raise Malformed
    if len(found) != size:
        raise Malformed
    return bytes(found)


def listpack_elements(data: bytes) -> list[bytes]:
    """The strings in a listpack.

    Raises:
        Malformed: it is none.
    """
    source = Reader(data)
    if source.unsigned(4) != len(data):
        raise Malformed
    count = source.unsigned(2)
    found: list[bytes] = []
    while True:
        before = source.left()
        first = source.byte()
        if first == _END:
            break
        found.append(_listpack_element(source, first))
        size = before - source.left()
        if source.take(_back_size(size)) != _back_length(size):
            raise Malformed
    if source.left() or count not in (len(found), _UNCOUNTED):
        raise Malformed
    return found


def _listpack_element(source: Reader, first: int) -> bytes:
    if first < 0x80:
        return b"%d" % first
    if first < 0xC0:
        return source.take(first & 0x3F)
    if first < 0xE0:
        number = (first & 0x1F) << 8 | source.byte()
        return b"%d" % (number - 0x2000 if number >= 0x1000 else number)
    if first < 0xF0:
        return source.take((first & 0x0F) << 8 | source.byte())
    if first == 0xF0:
        return source.take(source.unsigned(4))
    size = _LISTPACK_SIZES.get(first)
    if size is None:
        raise Malformed
    return b"%d" % source.signed(size)


_LISTPACK_SIZES: Final = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}


def ziplist_elements(data: bytes) -> list[bytes]:
    """The strings in a ziplist.

    Raises:
        Malformed: it is none.
    """
    source = Reader(data)
    if source.unsigned(4) != len(data):
        raise Malformed
    tail = source.unsigned(4)
    count = source.unsigned(2)
    found: list[bytes] = []
    size = 0
    last = _ZIPLIST_HEADER
    while True:
        before = source.left()
        first = source.byte()
        if first == _END:
            break
        last = len(data) - before
        if (source.unsigned(4) if first == 254 else first) != size:
            raise Malformed
        found.append(_ziplist_element(source, source.byte()))
        size = before - source.left()
    if source.left() or count not in (len(found), _UNCOUNTED) or tail != last:
        raise Malformed
    return found


def _ziplist_element(source: Reader, first: int) -> bytes:
    if first < 0x40:
        return source.take(first)
    if first < 0x80:
        return source.take((first & 0x3F) << 8 | source.byte())
    if first == 0x80:
        return source.take(source.unsigned(4, big=True))
    if 0xF1 <= first <= 0xFD:
        return b"%d" % (first - 0xF1)
    size = _ZIPLIST_SIZES.get(first)
    if size is None:
        raise Malformed
    return b"%d" % source.signed(size)


_ZIPLIST_SIZES: Final = {0xC0: 2, 0xD0: 4, 0xE0: 8, 0xF0: 3, 0xFE: 1}


def zipmap_elements(data: bytes) -> list[bytes]:
    """The fields and values in turn of a zipmap.

    Raises:
        Malformed: it is none.
    """
    source = Reader(data)
    source.byte()
    found: list[bytes] = []
    while True:
        first = source.byte()
        if first == _END:
            break
        size = source.unsigned(4) if first == 254 else first
        found.append(source.take(size))
        first = source.byte()
        if first == _END:
            raise Malformed
        size = source.unsigned(4) if first == 254 else first
        unused = source.byte()
        found.append(source.take(size))
        source.take(unused)
    if source.left():
        raise Malformed
    return found


def intset_numbers(data: bytes) -> list[int]:
    """The numbers in an intset.

    Raises:
        Malformed: it is none.
    """
    source = Reader(data)
    width = source.unsigned(4)
    count = source.unsigned(4)
    if width not in (2, 4, 8) or source.left() != width * count:
        raise Malformed
    form = {2: "h", 4: "i", 8: "q"}[width]
    numbers = [
        int(number) for number in struct.unpack(f"<{count}{form}", source.take(width * count))
    ]
    for place in range(1, count):
        if numbers[place] <= numbers[place - 1]:
            raise Malformed
    return numbers
