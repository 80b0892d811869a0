"""IDs of stream entries as text: `1526919030474-55`.

Source: https://redis.io/docs/latest/develop/data-types/streams/#entry-ids
"""

import re
from typing import Final

from nearkeep.engine.values.stream import HIGHEST, SEQUENCE
from nearkeep.wire.reply import Failure
from nearkeep.wire.request import parse_integer

ANY: Final = -1
"""A sequence number that is the stream's to choose."""

_INVALID: Final = b"ERR Invalid stream ID specified as stream command argument"
_UNSIGNED: Final = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(\d+)")


def id_text(entry: int) -> bytes:
    """An ID as text."""
    return b"%d-%d" % (entry >> 64, entry & SEQUENCE)


def parse_id(text: bytes, sequence: int) -> int:
    """An ID from text; `sequence` is for one that is only milliseconds.

    Raises:
        Failure: it is none.
    """
    milliseconds, dash, rest = _terminated(text).partition(b"-")
    if dash:
        sequence = _unsigned(rest)
    return _unsigned(milliseconds) << 64 | sequence


def parse_new_id(text: bytes) -> tuple[int, int]:
    """The milliseconds and the sequence number of an entry to be added, ANY for `*`.

    Raises:
        Failure: it is no ID.
    """
    milliseconds, dash, rest = _terminated(text).partition(b"-")
    time = _unsigned(milliseconds)
    if rest == b"*":
        return time, ANY
    return time, _unsigned(rest) if dash else 0


def range_start(text: bytes) -> int:
    """The first ID of a range: `-`, `+`, an ID, or with a `(` before it the one after it."""
    if text[:1] != b"(" or len(text) == 1:
        return parse_bound(text, 0)
    entry = parse_id(text[1:], 0)
    if entry == HIGHEST:
        raise Failure(b"ERR invalid start ID for the interval")
    return entry + 1


def range_end(text: bytes) -> int:
    """The last ID of a range: `-`, `+`, an ID, or with a `(` before it the one before it."""
    if text[:1] != b"(" or len(text) == 1:
        return parse_bound(text, SEQUENCE)
    entry = parse_id(text[1:], SEQUENCE)
    if entry == 0:
        raise Failure(b"ERR invalid end ID for the interval")
    return entry - 1


def parse_bound(text: bytes, sequence: int) -> int:
    """As `parse_id`, but `-` and `+` are the lowest and the highest ID."""
    if text == b"-":
        return 0
    if text == b"+":
        return HIGHEST
    return parse_id(text, sequence)


def _terminated(text: bytes) -> bytes:
    """Redis copies an ID as a C string, so what follows a zero does not count."""
    if len(text) > 127:
        raise Failure(_INVALID)
    end = text.find(b"\x00")
    return text if end < 0 else text[:end]


def _unsigned(text: bytes) -> int:
    """A number of 64 bits without a sign, as Redis reads it: else as C's strtoull does."""
    number = parse_integer(text)
    if number is None:
        match = _UNSIGNED.fullmatch(text)
        if match is None:
            raise Failure(_INVALID)
        number = int(match[2])
        if number > SEQUENCE:
            raise Failure(_INVALID)
        if match[1] == b"-":
            number = -number & SEQUENCE
    if number < 0:
        raise Failure(_INVALID)
    return number
