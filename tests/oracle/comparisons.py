"""When two replies count as the same: by the byte, unless a family names one of these for a command.

Each states what may differ and why; all else must still agree. Errors always agree by the byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.resp import Reply

Comparison = Callable[[Reply, Reply], bool]


def exactly(theirs: Reply, ours: Reply) -> bool:
    """The same bytes."""
    return theirs.raw == ours.raw


def unordered(theirs: Reply, ours: Reply) -> bool:
    """An array or set whose order is not promised (SMEMBERS, KEYS): the same elements."""
    if theirs.items is None or ours.items is None:
        return exactly(theirs, ours)
    return theirs.kind == ours.kind and _bag(theirs.items) == _bag(ours.items)


def unordered_pairs(theirs: Reply, ours: Reply) -> bool:
    """A map, or a flat array of pairs, whose order is not promised: the same pairs."""
    if theirs.items is None or ours.items is None:
        return exactly(theirs, ours)
    return theirs.kind == ours.kind and _pairs(theirs.items) == _pairs(ours.items)


def scan(theirs: Reply, ours: Reply) -> bool:
    """A cursor and a batch: where both finished at once, the same elements in any order.

    Cursors are the server's own, so unfinished batches are compared in shape alone; that a whole
    walk finds every element has a test of its own.
    """
    if not (theirs.items and ours.items and len(theirs.items) == len(ours.items) == 2):
        return exactly(theirs, ours)
    (their_cursor, their_batch), (our_cursor, our_batch) = theirs.items, ours.items
    if their_cursor.kind != our_cursor.kind or not (our_cursor.payload or b"").isdigit():
        return False
    if their_cursor.payload == our_cursor.payload == b"0":
        return unordered(their_batch, our_batch) or unordered_pairs(their_batch, our_batch)
    return their_batch.kind == our_batch.kind


def same_cursor_kind(theirs: Reply, ours: Reply) -> bool:
    """A SCAN from a cursor that the server never gave out: some cursor and some batch."""
    if not (theirs.items and ours.items):
        return exactly(theirs, ours)
    return [item.kind for item in theirs.items] == [item.kind for item in ours.items]


def encoding(theirs: Reply, ours: Reply) -> bool:
    """OBJECT ENCODING: the same, but for a list that has shrunk.

    Redis keeps a quicklist until what is left stands in a single node, which depends on how it came
    to be split.
    """
    if {theirs.payload, ours.payload} == {b"quicklist", b"listpack"}:
        return theirs.kind == ours.kind
    return exactly(theirs, ours)


def any_order_at_all(theirs: Reply, ours: Reply) -> bool:
    """Nested replies of one shape and the same leaves, whatever their order (CLIENT TRACKINGINFO)."""
    return theirs.kind == ours.kind and Counter(_leaves(theirs)) == Counter(_leaves(ours))


def same_shape(theirs: Reply, ours: Reply) -> bool:
    """A value that is the server's own (RANDOMKEY, TIME, CLIENT ID): the same type, null alike."""
    if theirs.is_error or ours.is_error:
        return exactly(theirs, ours)
    if theirs.kind != ours.kind or theirs.is_null != ours.is_null:
        return False
    return len(theirs.items or ()) == len(ours.items or ())


def help_text(theirs: Reply, ours: Reply) -> bool:
    """The answer to HELP, which is each server's own prose: lines, as simple strings."""
    if theirs.items is None or ours.items is None:
        return exactly(theirs, ours)
    return theirs.kind == ours.kind and bool(ours.items) and {i.kind for i in ours.items} == {b"+"}


def except_channel(theirs: Reply, ours: Reply) -> bool:
    """What UNSUBSCRIBE from everything says, in an order that is not promised: the same counts."""
    if not (theirs.items and ours.items and len(theirs.items) == len(ours.items) == 3):
        return exactly(theirs, ours)
    return theirs.kind == ours.kind and all(
        theirs.items[place].raw == ours.items[place].raw for place in (0, 2)
    )


def same_kind(theirs: Reply, ours: Reply) -> bool:
    """A list of what the server has (COMMAND, CONFIG GET *), which other tests look into."""
    if theirs.is_error or ours.is_error:
        return exactly(theirs, ours)
    return theirs.kind == ours.kind


def same_error_code(theirs: Reply, ours: Reply) -> bool:
    """An error whose text holds an address or identity of the server: the same first word."""
    if not (theirs.is_error and ours.is_error):
        return exactly(theirs, ours)
    return (theirs.payload or b"").split(b" ", 1)[0] == (ours.payload or b"").split(b" ", 1)[0]


def within(tolerance: int, *, at: int | None = None) -> Comparison:
    """Integers that follow the clock (TTL): no further apart than this; negative ones exactly.

    In an array, each integer, or with `at` only those in that place of the innermost arrays.
    """

    def compare(theirs: Reply, ours: Reply) -> bool:
        if theirs.items is not None and ours.items is not None:
            return len(theirs.items) == len(ours.items) and all(
                exactly(their, our)
                if at not in (None, place) and their.items is None
                else compare(their, our)
                for place, (their, our) in enumerate(zip(theirs.items, ours.items, strict=True))
            )
        if not theirs.kind == ours.kind == b":":
            return exactly(theirs, ours)
        one, other = int(theirs.payload or b"0"), int(ours.payload or b"0")
        return one == other if min(one, other) < 0 else abs(one - other) <= tolerance

    return compare


def transaction(inner: list[Comparison]) -> Comparison:
    """EXEC's reply: that of each queued command, by its own comparison."""

    def compare(theirs: Reply, ours: Reply) -> bool:
        if theirs.items is None or ours.items is None:
            return exactly(theirs, ours)
        return len(theirs.items) == len(ours.items) == len(inner) and all(
            one(their, our) for one, their, our in zip(inner, theirs.items, ours.items, strict=True)
        )

    return compare


def except_fields(*names: bytes, also: Comparison = exactly) -> Comparison:
    """A map in which the values of some fields are the server's own (HELLO's version, an idle time).

    Those fields must be there, in their place, with a value of the same type. Looked for at any
    depth; the others agree by `also`.
    """

    def compare(theirs: Reply, ours: Reply) -> bool:
        if theirs.items is None or ours.items is None:
            return also(theirs, ours)
        if theirs.kind != ours.kind or len(theirs.items) != len(ours.items):
            return False
        before: bytes | None = None
        for their, our in zip(theirs.items, ours.items, strict=True):
            own = before in names
            if not (their.kind == our.kind if own else compare(their, our)):
                return False
            before = their.payload
        return True

    return compare


def _bag(items: tuple[Reply, ...]) -> Counter[bytes]:
    return Counter(item.raw for item in items)


def _pairs(items: tuple[Reply, ...]) -> Counter[tuple[bytes, bytes]]:
    raws = [item.raw for item in items]
    return Counter(zip(raws[::2], [*raws[1::2], b""], strict=False))


def _leaves(reply: Reply) -> list[bytes]:
    if reply.items is None:
        return [reply.raw]
    return [leaf for item in reply.items for leaf in _leaves(item)]
