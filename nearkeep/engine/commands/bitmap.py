"""The bitmap commands: https://redis.io/docs/latest/commands/?group=bitmap

Bit 0 is the highest of the first byte. Whole strings are combined and counted as one large integer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nearkeep.engine.command import command
from nearkeep.engine.commands.generic import free
from nearkeep.engine.keyspace import GENERIC, STRING
from nearkeep.engine.keyspec import ACCESS, RO, RW, UPDATE, Key
from nearkeep.engine.text import SYNTAX_ERROR, integer
from nearkeep.engine.values.string import growable, string_of
from nearkeep.wire.reply import Failure, Reply
from nearkeep.wire.request import parse_integer

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

_BAD_OFFSET: Final = b"ERR bit offset is not an integer or out of range"
_BAD_TYPE: Final = (
    b"ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64"
    b" is."
)
_SEVERAL: Final = frozenset((b"DIFF", b"DIFF1", b"ANDOR"))
_OPERATIONS: Final = _SEVERAL | {b"AND", b"OR", b"XOR", b"NOT", b"ONE"}
_INVERTED: Final = bytes(range(255, -1, -1))


_BITFIELD_READS: Final = {b"GET": 3, b"OVERFLOW": 2}


def _bitfield_keys(args: list[bytes]) -> list[Key]:
    """BITFIELD only reads if all it is asked for is GET."""
    at = 2
    while at < len(args):
        at += _BITFIELD_READS.get(args[at].upper(), len(args))
    return [(1, RO | ACCESS if at == len(args) else RW | ACCESS | UPDATE)]


@command(
    "SETBIT key offset:integer value:integer",
    group="bitmap", since="2.2.0", complexity="O(1)",
    flags="write denyoom", keys="1 RW access update",
    summary="Sets one bit of a string and returns what it was.",
)
def setbit(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    offset = _offset(session, args[2])
    if args[3] not in (b"0", b"1"):
        return Failure(b"ERR bit is not an integer or out of range")
    value = db.lookup(key)
    bits = bytearray() if value is None else growable(value)
    place = offset >> 3
    longer = place >= len(bits)
    if longer:
        bits += bytes(place + 1 - len(bits))
    mask = 128 >> (offset & 7)
    old = 1 if bits[place] & mask else 0
    new = 1 if args[3] == b"1" else 0
    if value is None:
        db.set(key, bits)
    elif bits is not value or longer:
        db.replace(key, bits)
    if new != old or longer:
        bits[place] ^= mask if new != old else 0
        db.changed(key)
        db.notify(STRING, b"setbit", key)
    return old


@command(
    "GETBIT key offset:integer",
    group="bitmap", since="2.2.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns one bit of a string.",
)
def getbit(session: Session, args: list[bytes]) -> Reply:
    offset = _offset(session, args[2])
    value = session.db.read(args[1])
    if value is None:
        return 0
    bits = string_of(value)
    place = offset >> 3
    return 0 if place >= len(bits) else bits[place] >> (7 - (offset & 7)) & 1


@command(
    "BITCOUNT key [range=(start:integer end:integer [unit=(BYTE | BIT)])]",
    group="bitmap", since="2.6.0", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Counts the bits of a string that are one.",
)
def bitcount(session: Session, args: list[bytes]) -> Reply:
    if len(args) == 2:
        value = session.db.read(args[1])
        return 0 if value is None else _count(string_of(value))
    if len(args) not in (4, 5):
        return SYNTAX_ERROR
    start, end = integer(args[2]), integer(args[3])
    in_bits = len(args) == 5 and _unit_is_bit(args[4])
    value = session.db.read(args[1])
    if value is None:
        return 0
    bits = string_of(value)
    if start < 0 and end < 0 and start > end:
        return 0
    first, last = _clamp(start, end, len(bits) * 8 if in_bits else len(bits))
    if first > last:
        return 0
    if not in_bits:
        return _count(bits[first : last + 1])
    return _count(_masked(bits, first, last))


@command(
    "BITPOS key bit:integer [range=(start:integer [end-unit-block=(end:integer [unit=(BYTE "
    "| BIT)])])]",
    group="bitmap", since="2.8.7", complexity="O(N)",
    flags="readonly", keys="1 RO access",
    summary="Finds the first bit that is zero, or one.",
)
def bitpos(session: Session, args: list[bytes]) -> Reply:
    bit = integer(args[2])
    if bit not in (0, 1):
        return Failure(b"ERR The bit argument must be 1 or 0.")
    count = len(args)
    if count > 6:
        return SYNTAX_ERROR
    start = integer(args[3]) if count > 3 else 0
    in_bits = count == 6 and _unit_is_bit(args[5])
    end = integer(args[4]) if count > 4 else -1
    value = session.db.read(args[1])
    if value is None:
        return -1 if bit else 0
    bits = string_of(value)
    first, last = _clamp(start, end, len(bits) * 8 if in_bits else len(bits))
    if first > last:
        return -1
    if not in_bits:
        first, last = first * 8, last * 8 + 7
    found = _find(bits, bit, first, last)
    # A string is followed by as many zeros as one likes, if no end was given.
    if found < 0 and bit == 0 and count <= 4:
        return len(bits) * 8
    return found


@command(
    "BITOP operation=(AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE) destkey:key key ...",
    group="bitmap", since="2.6.0", complexity="O(N)",
    flags="write denyoom", keys="2 OW update; 3..-1 RO access",
    summary="Combines strings bit by bit and stores the result.",
)
def bitop(session: Session, args: list[bytes]) -> Reply:
    operation = args[1].upper()
    if operation not in _OPERATIONS:
        return SYNTAX_ERROR
    if operation == b"NOT" and len(args) != 4:
        return Failure(b"ERR BITOP NOT must be called with a single source key.")
    if operation in _SEVERAL and len(args) < 5:
        return Failure(
            b"ERR BITOP %s must be called with at least two source keys." % operation
        )
    db = session.db
    sources: list[bytes] = []
    for key in args[3:]:
        value = db.read(key)
        sources.append(b"" if value is None else string_of(value))
    size = max([len(source) for source in sources])
    target = args[2]
    if size == 0:
        old = db.take(target)
        if old is not None:
            free(session.namespace, old)
            db.changed(target)
            db.notify(GENERIC, b"del", target)
        return 0
    result = _combined(operation, sources, size)
    db.set(target, bytearray(result))
    db.changed(target)
    db.notify(STRING, b"set", target)
    return size


@command(
    "BITFIELD key [operation=(GET get-block=(encoding offset:integer) | write=([OVERFLOW "
    "overflow-block=(WRAP | SAT | FAIL)] write-operation=(SET "
    "set-block=(encoding offset:integer value:integer) | INCRBY "
    "incrby-block=(encoding offset:integer increment:integer)))) ...]",
    group="bitmap", since="3.2.0", complexity="O(1)",
    flags="write denyoom", keys="1 RW access update variable_flags", getkeys=_bitfield_keys,
    summary="Reads and changes integers of any width inside a string.",
)
def bitfield(session: Session, args: list[bytes]) -> Reply:
    return _bitfield(session, args, False)


@command(
    "BITFIELD_RO key [GET get-block=(encoding offset:integer)] ...",
    group="bitmap", since="6.0.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO access",
    summary="Reads integers of any width inside a string.",
)
def bitfield_ro(session: Session, args: list[bytes]) -> Reply:
    return _bitfield(session, args, True)


def _offset(session: Session, text: bytes, width: int = 0) -> int:
    """A bit's offset; with a width, `#n` means the n-th field of that width.

    Raises:
        Failure: it is none, or beyond the longest string.
    """
    fields = width > 0 and text[:1] == b"#"
    number = parse_integer(text[1:] if fields else text)
    if number is None:
        raise Failure(_BAD_OFFSET)
    if fields:
        number *= width
    if number < 0 or number >> 3 >= session.namespace.settings.integer("proto-max-bulk-len"):
        raise Failure(_BAD_OFFSET)
    return number


def _unit_is_bit(word: bytes) -> bool:
    unit = word.upper()
    if unit not in (b"BIT", b"BYTE"):
        raise Failure(SYNTAX_ERROR.message)
    return unit == b"BIT"


def _clamp(start: int, end: int, size: int) -> tuple[int, int]:
    """A range that may count from the end, within 0 and the size."""
    if start < 0:
        start = max(start + size, 0)
    if end < 0:
        end = max(end + size, 0)
    return start, min(end, size - 1)


def _count(bits: bytes) -> int:
    return int.from_bytes(bits, "little").bit_count()


def _masked(bits: bytes, first: int, last: int) -> bytes:
    """The bytes around a range of bits, with all bits outside of it 0."""
    part = bytearray(bits[first >> 3 : (last >> 3) + 1])
    part[0] &= 255 >> (first & 7)
    part[-1] &= 255 << (7 - (last & 7)) & 255
    return bytes(part)


def _find(bits: bytes, bit: int, first: int, last: int) -> int:
    """The first place of a bit within a range of bits, or -1."""
    if bit == 0:
        bits = bits[first >> 3 : (last >> 3) + 1].translate(_INVERTED)
        base = first >> 3 << 3
    else:
        bits = bits[first >> 3 : (last >> 3) + 1]
        base = first >> 3 << 3
    part = _masked(bits, first - base, last - base)
    rest = part.lstrip(b"\0")
    if not rest:
        return -1
    return base + (len(part) - len(rest)) * 8 + 8 - rest[0].bit_length()


def _combined(operation: bytes, sources: list[bytes], size: int) -> bytes:
    numbers = [int.from_bytes(source, "little") for source in sources]
    # Shorter strings are longer with zeros, which are at the top of a little-endian number.
    result = numbers[0]
    rest = numbers[1:]
    if operation == b"NOT":
        result ^= (1 << size * 8) - 1
    elif operation == b"AND":
        for number in rest:
            result &= number
    elif operation == b"OR":
        for number in rest:
            result |= number
    elif operation == b"XOR":
        for number in rest:
            result ^= number
    elif operation == b"ONE":
        twice = 0
        for number in rest:
            twice |= result & number
            result |= number
        result &= ~twice
    else:
        others = 0
        for number in rest:
            others |= number
        if operation == b"ANDOR":
            result &= others
        elif operation == b"DIFF":
            result &= ~others
        else:
            result = others & ~result
    return result.to_bytes(size, "little")


def _bitfield(session: Session, args: list[bytes], read_only: bool) -> Reply:
    operations = _operations(session, args, read_only)
    db = session.db
    key = args[1]
    writes = [one for one in operations if one.verb != b"GET"]
    if not writes:
        value = db.read(key)
        bits = b"" if value is None else string_of(value)
        return [one.get(bits) for one in operations]
    value = db.lookup(key)
    field = bytearray() if value is None else growable(value)
    needed = max([(one.offset + one.width + 7) >> 3 for one in writes])
    longer = needed > len(field)
    if longer:
        field += bytes(needed - len(field))
    if value is None:
        db.set(key, field)
    elif field is not value or longer:
        db.replace(key, field)
    replies: list[object] = []
    changed = 0
    for one in operations:
        if one.verb == b"GET":
            replies.append(one.get(field))
            continue
        old = one.get(field)
        new = one.wrapped(one.number if one.verb == b"SET" else old + one.number)
        if new is None:
            replies.append(None)
            continue
        one.put(field, new)
        if new != old:
            changed += 1
        replies.append(old if one.verb == b"SET" else new)
    if changed or longer:
        db.changed(key)
        db.notify(STRING, b"setbit", key)
    return replies


def _operations(session: Session, args: list[bytes], read_only: bool) -> list[FieldOperation]:
    found: list[FieldOperation] = []
    overflow = b"WRAP"
    index = 2
    while index < len(args):
        verb = args[index].upper()
        left = len(args) - index - 1
        if verb == b"OVERFLOW" and left >= 1:
            overflow = args[index + 1].upper()
            if overflow not in (b"WRAP", b"SAT", b"FAIL"):
                raise Failure(b"ERR Invalid OVERFLOW type specified")
            index += 2
            continue
        words = 2 if verb == b"GET" else 3
        if verb not in (b"GET", b"SET", b"INCRBY") or left < words:
            raise Failure(SYNTAX_ERROR.message)
        signed, width = _type(args[index + 1])
        offset = _offset(session, args[index + 2], width)
        if verb == b"GET":
            found.append(FieldOperation(verb, signed, width, offset, 0, overflow))
        else:
            number = integer(args[index + 3])
            found.append(FieldOperation(verb, signed, width, offset, number, overflow))
        index += words + 1
    if read_only and any([one.verb != b"GET" for one in found]):
        raise Failure(b"ERR BITFIELD_RO only supports the GET subcommand")
    return found


def _type(text: bytes) -> tuple[bool, int]:
    """Whether the field is signed, and its width in bits."""
    signed = text[:1] == b"i"
    width = parse_integer(text[1:])
    if text[:1] not in (b"i", b"u") or width is None:
        raise Failure(_BAD_TYPE)
    if not 1 <= width <= (64 if signed else 63):
        raise Failure(_BAD_TYPE)
    return signed, width


class FieldOperation:
    """One GET, SET or INCRBY of BITFIELD, on a field of some width at some bit."""

    def __init__(
        self, verb: bytes, signed: bool, width: int, offset: int, number: int, overflow: bytes
    ) -> None:
        self.verb = verb
        self.signed = signed
        self.width = width
        self.offset = offset
        self.number = number
        self.overflow = overflow

    def get(self, bits: bytes | bytearray) -> int:
        """The field's number; bits beyond the end are 0."""
        first = self.offset >> 3
        last = (self.offset + self.width + 7) >> 3
        part = bits[first:last]
        number = int.from_bytes(part, "big") << 8 * (last - first - len(part))
        number >>= last * 8 - self.offset - self.width
        number &= (1 << self.width) - 1
        if self.signed and number >> (self.width - 1):
            number -= 1 << self.width
        return number

    def put(self, bits: bytearray, number: int) -> None:
        """Makes a number the field's; the string is long enough."""
        first = self.offset >> 3
        last = (self.offset + self.width + 7) >> 3
        shift = last * 8 - self.offset - self.width
        mask = ((1 << self.width) - 1) << shift
        whole = int.from_bytes(bits[first:last], "big") & ~mask
        whole |= (number << shift) & mask
        bits[first:last] = whole.to_bytes(last - first, "big")

    def wrapped(self, number: int) -> int | None:
        """The number as the field can hold it, or None where it can't and must not be changed."""
        low = -(1 << (self.width - 1)) if self.signed else 0
        high = (1 << (self.width - 1 if self.signed else self.width)) - 1
        if self.verb == b"SET" and not self.signed and number < 0:
            number += 1 << 64  # SET takes the 64 bits as they are
        if low <= number <= high:
            return number
        if self.overflow == b"FAIL":
            return None
        if self.overflow == b"SAT":
            return high if number > high else low
        number &= (1 << self.width) - 1
        if self.signed and number > high:
            number -= 1 << self.width
        return number
