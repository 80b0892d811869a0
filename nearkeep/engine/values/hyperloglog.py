"""HyperLogLog in Redis' own encoding, so that GET and DUMP of one give the same bytes.

A string: 16 bytes of header ("HYLL", encoding, three unused, the cached cardinality in 8 bytes,
little-endian, whose top bit says that it is stale), then 16384 registers of six bits, either

    dense   packed from the lowest bit of each byte on, 12288 bytes
    sparse  runs: 00llllll              l + 1 registers of 0
                  01llllll llllllll     l + 1 registers of 0
                  1vvvvvll              l + 1 registers of v + 1

The estimate is Ertl's (https://arxiv.org/abs/1702.01284), the hash MurmurHash64A, as in Redis.
"""

import math
from binascii import a2b_base64, b2a_base64
from typing import Final

from mypy_extensions import i64

REGISTERS: Final = 16384
_HEADER: Final = 16
_BITS: Final = 6
_HIGHEST: Final = 50
_DENSE_SIZE: Final = _HEADER + REGISTERS * _BITS // 8
_DENSE: Final = 0
_SPARSE: Final = 1
_SPARSE_HIGHEST: Final = 32
_ALPHA: Final = 0.721347520444481703680
_MASK: Final = 0xFFFFFFFFFFFFFFFF
_MULTIPLIER: Final = 0xC6A4A7935BD1E995
_SEED: Final = 0xADC83B19
# Base64 too cuts bytes into groups of six bits, but from the highest on: read backwards, it unpacks
# and packs registers, up to its alphabet.
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_COUNTS: Final = bytes.maketrans(_ALPHABET, bytes(range(64)))
_LETTERS: Final = bytes.maketrans(bytes(range(64)), _ALPHABET)
_TOP_BITS: Final = int.from_bytes(b"\x80" * REGISTERS, "little")


class CorruptError(Exception):
    """The runs of a sparse HyperLogLog don't cover its registers."""


def empty() -> bytearray:
    """A HyperLogLog that has seen nothing: sparse, one run of zeros."""
    return bytearray(b"HYLL\x01\0\0\0" + bytes(8) + b"\x7f\xff")


def is_hyperloglog(data: bytes | bytearray) -> bool:
    """Whether a string can be one, by its header and size."""
    return (
        len(data) >= _HEADER
        and data[:4] == b"HYLL"
        and data[4] <= _SPARSE
        and (data[4] != _DENSE or len(data) == _DENSE_SIZE)
    )


def is_dense(data: bytearray) -> bool:
    """Whether its registers are packed."""
    return data[4] == _DENSE


def murmur(data: bytes) -> int:
    """MurmurHash64A with Redis' seed."""
    size = len(data)
    hashed = (_SEED ^ (size * _MULTIPLIER)) & _MASK
    whole = size - size % 8
    for start in range(0, whole, 8):
        block = int.from_bytes(data[start : start + 8], "little")
        block = (block * _MULTIPLIER) & _MASK
        block ^= block >> 47
        block = (block * _MULTIPLIER) & _MASK
        hashed = ((hashed ^ block) * _MULTIPLIER) & _MASK
    if size % 8:
        hashed ^= int.from_bytes(data[whole:], "little")
        hashed = (hashed * _MULTIPLIER) & _MASK
    hashed ^= hashed >> 47
    hashed = (hashed * _MULTIPLIER) & _MASK
    return hashed ^ (hashed >> 47)


def place(element: bytes) -> tuple[int, int]:
    """The register of an element, and the length of its run of zeros."""
    hashed = murmur(element)
    rest = (hashed >> 14) | (1 << _HIGHEST)
    return hashed & (REGISTERS - 1), (rest & -rest).bit_length()


def add(data: bytearray, element: bytes, sparse_limit: int) -> bool:
    """Counts an element, in place; whether a register has changed."""
    register, count = place(element)
    return raise_register(data, register, count, sparse_limit)


def raise_register(data: bytearray, register: int, count: int, sparse_limit: int) -> bool:
    """Raises a register to a count, in place; whether it was lower.

    A sparse one becomes dense when it would exceed `sparse_limit` bytes without its header.

    Raises:
        CorruptError: the runs end before the register.
    """
    if is_dense(data):
        return _raise_dense(data, register, count)
    if count > _SPARSE_HIGHEST:
        to_dense(data)
        return _raise_dense(data, register, count)
    return _raise_sparse(data, register, count, sparse_limit)


def _raise_dense(data: bytearray, register: i64, count: i64) -> bool:
    at: i64 = _HEADER + register * _BITS // 8
    shift: i64 = register * _BITS & 7
    word: i64 = data[at]
    if at + 1 < _DENSE_SIZE:
        high: i64 = data[at + 1]
        word |= high << 8
    if (word >> shift) & 63 >= count:
        return False
    word = (word & ~(63 << shift)) | (count << shift)
    data[at] = int(word & 255)
    if at + 1 < _DENSE_SIZE:
        data[at + 1] = int((word >> 8) & 255)
    return True


def _raise_sparse(data: bytearray, register: i64, count: i64, limit: i64) -> bool:
    at: i64 = _HEADER
    end: i64 = len(data)
    first: i64 = 0
    span: i64 = 0
    before: i64 = -1
    while at < end:
        size, span, _ = _run(data, at)
        if register < first + span:
            break
        before = at
        at += size
        first += span
    if at >= end or span == 0:
        raise CorruptError
    size, span, value = _run(data, at)
    if value >= count:
        return False
    if span == 1 and size == 1:
        data[at] = _value_byte(count, 1)
    else:
        last = first + span - 1
        runs = bytearray()
        if register > first:
            runs += _run_bytes(value, register - first)
        runs.append(_value_byte(count, 1))
        if register < last:
            runs += _run_bytes(value, last - register)
        grown = len(runs) - size
        if grown > 0 and end + grown > limit + _HEADER:
            to_dense(data)
            return _raise_dense(data, register, count)
        data[at : at + size] = runs
    _merge(data, before if before >= 0 else _HEADER)
    return True


def _run(data: bytearray, at: i64) -> tuple[i64, i64, i64]:
    """Bytes of a run's code, how many registers it covers, and their value."""
    code: i64 = data[at]
    if code & 128:
        return 1, (code & 3) + 1, ((code >> 2) & 31) + 1
    if code & 64:
        low: i64 = data[at + 1] if at + 1 < len(data) else 0
        return 2, ((code & 63) << 8 | low) + 1, 0
    return 1, (code & 63) + 1, 0


def _value_byte(value: i64, span: i64) -> int:
    return int(128 | (value - 1) << 2 | (span - 1))


def _run_bytes(value: i64, span: i64) -> bytes:
    if value:
        return bytes((_value_byte(value, span),))
    if span > 64:
        return bytes((int(64 | (span - 1) >> 8), int((span - 1) & 255)))
    return bytes((int(span - 1),))


def _merge(data: bytearray, at: i64) -> None:
    """Joins neighbours of equal value, among the five runs from here on."""
    for _ in range(5):
        if at >= len(data):
            return
        size, span, value = _run(data, at)
        if value and at + 1 < len(data):
            _, next_span, next_value = _run(data, at + 1)
            if next_value == value and span + next_span <= 4:
                data[at + 1] = _value_byte(value, span + next_span)
                del data[at]
                continue
        at += size


def to_dense(data: bytearray) -> None:
    """Packs the registers of a sparse one, in place.

    Raises:
        CorruptError: the runs don't cover the registers exactly.
    """
    if is_dense(data):
        return
    values = registers(data)
    data[4] = _DENSE
    del data[_HEADER:]
    data += a2b_base64(bytes(values[::-1]).translate(_LETTERS))[::-1]


def registers(data: bytearray) -> bytearray:
    """All registers, one byte each.

    Raises:
        CorruptError: the runs don't cover the registers exactly.
    """
    if is_dense(data):
        return _unpacked(data)
    values = bytearray()
    at: i64 = _HEADER
    while at < len(data):
        size, span, value = _run(data, at)
        values += bytes((int(value),)) * int(span)
        at += size
    if len(values) != REGISTERS:
        raise CorruptError
    return values


def _unpacked(data: bytearray) -> bytearray:
    packed = bytes(data[: _HEADER - 1 : -1])
    return bytearray(b2a_base64(packed, newline=False).translate(_COUNTS)[::-1])


def estimate(values: bytearray) -> int:
    """The cardinality that registers tell."""
    histogram = [values.count(value) for value in range(64)]
    count = float(REGISTERS)
    z = count * _tau((count - histogram[_HIGHEST + 1]) / count)
    for value in range(_HIGHEST, 0, -1):
        z = (z + histogram[value]) * 0.5
    z += count * _sigma(histogram[0] / count)
    return math.floor(_ALPHA * count * count / z + 0.5)


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y = 1.0
    z = x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if before == z:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y = 1.0
    z = 1 - x
    while True:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1 - x) ** 2 * y
        if before == z:
            return z / 3


def cached(data: bytearray) -> int | None:
    """The cardinality as it was last computed, None if it is stale."""
    if data[15] & 128:
        return None
    return int.from_bytes(data[8:16], "little")


def cache(data: bytearray, cardinality: int) -> None:
    """Keeps the cardinality."""
    data[8:16] = cardinality.to_bytes(8, "little")


def invalidate(data: bytearray) -> None:
    """Marks the cardinality stale."""
    data[15] |= 128


def merge(into: bytearray, values: bytearray) -> None:
    """Raises each register of `into` to that of `values`.

    All at once, as digits of one long number: a count has seven bits at most, so that in
    `one + 128 - other` the top bit of a digit says which is the larger.
    """
    one = int.from_bytes(into, "little")
    other = int.from_bytes(values, "little")
    tops = ((one | _TOP_BITS) - other) & _TOP_BITS
    larger = tops | (tops - (tops >> 7))
    into[:] = (other ^ ((one ^ other) & larger)).to_bytes(REGISTERS, "little")


def describe(data: bytearray) -> bytes:
    """The runs of a sparse one, for people: z zeros, Z long zeros, v a value; with their lengths."""
    parts: list[bytes] = []
    at: i64 = _HEADER
    while at < len(data):
        size, span, value = _run(data, at)
        if value:
            parts.append(b"v:%d,%d" % (value, span))
        else:
            parts.append(b"%s:%d" % (b"z" if size == 1 else b"Z", span))
        at += size
    return b" ".join(parts)
