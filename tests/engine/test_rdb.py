"""Values in Redis' encoding: what is saved is loaded, and nothing malformed does harm."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nearkeep.engine.rdb import kinds
from nearkeep.engine.rdb.load import loaded
from nearkeep.engine.rdb.save import saved
from nearkeep.engine.settings import Settings
from nearkeep.engine.values.consumer_group import NONE, Consumer, ConsumerGroup
from nearkeep.engine.values.hash import Hash
from nearkeep.engine.values.json import Json
from nearkeep.engine.values.json_text import text_of
from nearkeep.engine.values.list import List
from nearkeep.engine.values.set import Set
from nearkeep.engine.values.stream import Stream
from nearkeep.engine.values.string import string_of
from nearkeep.engine.values.zset import SortedSet, sorted_set_of
from nearkeep.wire.rdb import Malformed, Reader, intset, length, listpack, string

SETTINGS = Settings()

integers = st.integers(-(1 << 63), (1 << 63) - 1)
texts = st.one_of(
    st.binary(max_size=12),
    integers.map(lambda number: b"%d" % number),
    st.sampled_from([b"x" * 70, b"y" * 9000]),
)
names = st.binary(max_size=3)
ids = st.integers(1, 1 << 20) | st.integers(1, (1 << 128) - 1)
times = st.integers(0, 1 << 45)


def lists() -> st.SearchStrategy[List]:
    def made(elements: list[bytes]) -> List:
        value = List()
        value.push(elements, False, SETTINGS)
        return value

    return (
        st.lists(texts, min_size=1)
        | st.lists(texts, min_size=1, max_size=5).map(lambda few: few * 400)
    ).map(made)


def sets() -> st.SearchStrategy[Set]:
    def made(members: set[bytes]) -> Set:
        value = Set()
        for member in members:
            value.add(member, SETTINGS)
        return value

    small = st.sets(texts, min_size=1)
    numbers = st.sets(integers.map(lambda number: b"%d" % number), min_size=1)
    large = st.integers(129, 600).map(lambda count: {b"m%d" % number for number in range(count)})
    return (small | numbers | large).map(made)


def sorted_sets() -> st.SearchStrategy[SortedSet]:
    scores = st.floats(allow_nan=False) | st.integers(-100, 100).map(float)
    small = st.dictionaries(texts, scores, min_size=1)
    large = small.map(lambda few: few | {b"%d!" % number: number / 7 for number in range(200)})
    return (small | large).map(lambda content: sorted_set_of(content, SETTINGS))


@st.composite
def hashes(draw: st.DrawFn) -> Hash:
    value = Hash()
    for field, content in draw(st.dictionaries(texts, texts, min_size=1)).items():
        value.set(field, content, SETTINGS)
    if draw(st.booleans()):
        for number in range(200):
            value.set(b"%d!" % number, b"v", SETTINGS)
    if draw(st.booleans()):
        for field in draw(st.sets(st.sampled_from(value.fields(0)))):
            value.set_expiry(field, draw(st.integers(1, 1 << 46)))
    return value


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    value = Stream()
    fields = draw(st.lists(texts, min_size=1, max_size=3))
    for entry in sorted(draw(st.sets(ids))):
        flat = [part for field in fields for part in (field, draw(texts))]
        if draw(st.booleans()):
            flat += [draw(texts), draw(texts)]
        value.append(entry, flat, SETTINGS)
    present = [entry for entry, _ in value.range(0, 1 << 128, 0, False)]
    for entry in present:
        if draw(st.integers(0, 3)) == 0:
            value.delete(entry)
    for name in draw(st.sets(names, max_size=3)):
        value.groups[name] = group = ConsumerGroup(draw(ids), draw(st.integers(NONE, 1 << 40)))
        for consumer_name in draw(st.sets(names, max_size=3)):
            group.consumers[consumer_name] = consumer = Consumer(consumer_name, draw(times))
            consumer.active = draw(st.just(NONE) | times)
        if group.consumers:
            for entry in draw(st.sets(ids, max_size=5)):
                consumer = draw(st.sampled_from(sorted(group.consumers.values(), key=_name)))
                group.deliver(entry, consumer, draw(times), draw(st.integers(0, 1 << 40)))
    return value


def _name(consumer: Consumer) -> bytes:
    return consumer.name


documents = st.recursive(
    st.none()
    | st.booleans()
    | integers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
).map(Json)

values = st.one_of(texts, lists(), sets(), sorted_sets(), hashes(), streams(), documents)


def content(value: object) -> object:
    """All that a value is, in a form that can be compared."""
    if isinstance(value, List):
        return [element for block in value.blocks for element in block]
    if isinstance(value, Set):
        return value.encoding(SETTINGS), set(value.members())
    if isinstance(value, SortedSet):
        # As text, to which the sign of zero matters.
        return value.encoding(SETTINGS), repr(value.pairs(0, len(value)))
    if isinstance(value, Hash):
        flat = value.flat(0)
        expiries = value.times.times if value.times is not None else {}
        return dict(zip(flat[::2], flat[1::2], strict=True)), expiries
    if isinstance(value, Stream):
        groups = {name: group_content(group) for name, group in value.groups.items()}
        entries = value.range(0, 1 << 128, 0, False)
        return entries, value.last_id, value.max_deleted, value.added, groups
    if isinstance(value, Json):
        return text_of(value.box[0])
    return string_of(value)


def group_content(group: ConsumerGroup) -> object:
    return (
        group.last_id,
        group.entries_read,
        {
            entry: (delivery.consumer.name, delivery.at, delivery.count)
            for entry, delivery in group.deliveries.items()
        },
        group.pending.all(),
        {
            name: (consumer.seen, consumer.active, consumer.pending.all())
            for name, consumer in group.consumers.items()
        },
    )


@given(values)
def test_a_value_is_loaded_as_it_was_saved(value: object) -> None:
    kind, body = saved(value, SETTINGS)
    source = Reader(body)
    assert content(loaded(kind, source, SETTINGS)) == content(value)
    assert source.left() == 0


@given(values)
def test_what_was_loaded_is_saved_alike(value: object) -> None:
    once = saved(value, SETTINGS)
    again = saved(loaded(once[0], Reader(once[1]), SETTINGS), SETTINGS)
    if not isinstance(value, (Set, Hash, Stream)):  # their order, and what is gone, may differ
        assert again == once
    assert again[0] == once[0]


@given(values, st.data())
def test_a_damaged_value_is_refused_or_is_another(value: object, data: st.DataObject) -> None:
    kind, body = saved(value, SETTINGS)
    damaged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, max(len(damaged) - 1, 0)))
        damaged[where : where + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=4))
    try_to_load(data.draw(st.just(kind) | st.integers(0, 25)), bytes(damaged))


@given(st.integers(0, 255), st.binary(max_size=60))
@example(kinds.LIST_QUICKLIST_2, length((1 << 64) - 1) + b"\x01\xc0\x01")
@example(kinds.HASH, length((1 << 64) - 1))
@example(kinds.STRING, b"\xc3\x01" + length(1 << 40) + b"\x00")
def test_noise_is_refused_or_is_a_value(kind: int, noise: bytes) -> None:
    try_to_load(kind, noise)


def try_to_load(kind: int, body: bytes) -> None:
    """What loads can be used: it is saved and copied."""
    try:
        value = loaded(kind, Reader(body), SETTINGS)
    except Malformed:
        return
    content(value)
    saved(value, SETTINGS)


def test_ids_may_be_as_far_apart_as_they_can_be() -> None:
    value = Stream()
    for entry in (1, (1 << 127) - 5, (1 << 128) - 1):
        value.append(entry, [b"f", b"v"], SETTINGS)
    kind, body = saved(value, SETTINGS)
    assert content(loaded(kind, Reader(body), SETTINGS)) == content(value)


@pytest.mark.parametrize("kind", range(26))
@pytest.mark.parametrize(
    "head", [length(1 << 31), length((1 << 64) - 1), b"\xc3\x01\x81" + b"\xff" * 8]
)
def test_a_forged_length_takes_no_memory(kind: int, head: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            loaded(kind, Reader(head + b"\x01a" * 8), SETTINGS)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def blob(data: bytes) -> bytes:
    return length(len(data)) + data


def ziplist(*entries: bytes) -> bytes:
    """Short texts as a ziplist."""
    packed, previous, tail = b"", 0, 10
    for entry in entries:
        tail = 10 + len(packed)
        item = bytes([previous, len(entry)]) + entry
        packed += item
        previous = len(item)
    return struct.pack("<IIH", 11 + len(packed), tail, len(entries)) + packed + b"\xff"


def digits(text: bytes) -> bytes:
    return bytes([len(text)]) + text


OLD: dict[str, tuple[int, bytes, Callable[[object], object], object]] = {
    "a list": (kinds.LIST, b"\x02\x01a\xc0\x07", content, [b"a", b"7"]),
    "a list in a ziplist": (kinds.LIST_ZIPLIST, blob(ziplist(b"a", b"b")), content, [b"a", b"b"]),
    "a list of ziplists": (
        kinds.LIST_QUICKLIST,
        b"\x02" + blob(ziplist(b"a")) + blob(ziplist(b"b", b"c")),
        content,
        [b"a", b"b", b"c"],
    ),
    "scores in digits": (
        kinds.ZSET,
        b"\x03\x01a" + digits(b"1.5") + b"\x01b\xfe\x01c\xff",
        content,
        (b"listpack", repr(([b"c", b"a", b"b"], [float("-inf"), 1.5, float("inf")]))),
    ),
    "scores in a ziplist": (
        kinds.ZSET_ZIPLIST,
        blob(ziplist(b"a", b"1", b"b", b"2.5")),
        content,
        (b"listpack", repr(([b"a", b"b"], [1.0, 2.5]))),
    ),
    "a hash in a zipmap": (
        kinds.HASH_ZIPMAP,
        blob(b"\x01\x01a\x01\x00b\xff"),
        content,
        ({b"a": b"b"}, {}),
    ),
    "a hash in a ziplist": (
        kinds.HASH_ZIPLIST,
        blob(ziplist(b"a", b"b")),
        content,
        ({b"a": b"b"}, {}),
    ),
    "a hash with times, early": (
        kinds.HASH_TIMED_EARLY,
        b"\x02" + length(1001) + b"\x01a\x01b\x00\x01c\x01d",
        content,
        ({b"a": b"b", b"c": b"d"}, {b"a": 1001}),
    ),
    "a listpack with times, early": (
        kinds.HASH_LISTPACK_TIMED_EARLY,
        blob(listpack([b"a", b"b", b"1000", b"c", b"d", b"0"])),
        content,
        ({b"a": b"b", b"c": b"d"}, {b"a": 1000}),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "read", "expected"), OLD.values(), ids=OLD)
def test_what_older_versions_have_written_is_loaded(
    kind: int, body: bytes, read: Callable[[object], object], expected: object
) -> None:
    assert read(loaded(kind, Reader(body), SETTINGS)) == expected


TWICE = {
    "a member of a set": (kinds.SET, b"\x02\x01a\x01a"),
    "a member of a listpack": (kinds.SET_LISTPACK, blob(listpack([b"a", b"a"]))),
    "a field": (kinds.HASH, b"\x02\x01a\x01b\x01a\x01c"),
    "a member with a score": (kinds.ZSET_LISTPACK, blob(listpack([b"a", b"1", b"a", b"2"]))),
    "a group": (kinds.STREAM_2, b"\x00" * 9 + b"\x02" + (b"\x01g" + b"\x00" * 5) * 2),
}


@pytest.mark.parametrize(("kind", "body"), TWICE.values(), ids=TWICE)
def test_what_stands_there_twice_is_refused(kind: int, body: bytes) -> None:
    with pytest.raises(Malformed):
        loaded(kind, Reader(body), SETTINGS)


EMPTY = {
    "a list": (kinds.LIST_QUICKLIST_2, length(0)),
    "a listpack of a list": (kinds.LIST_QUICKLIST_2, b"\x01\x02" + blob(listpack([]))),
    "a set": (kinds.SET_LISTPACK, blob(listpack([]))),
    "an intset": (kinds.SET_INTSET, blob(intset([1])[:4] + b"\0\0\0\0")),
    "a hash": (kinds.HASH_LISTPACK, blob(listpack([]))),
    "a sorted set": (kinds.ZSET_2, length(0)),
}


@pytest.mark.parametrize(("kind", "body"), EMPTY.values(), ids=EMPTY)
def test_what_is_empty_is_refused(kind: int, body: bytes) -> None:
    with pytest.raises(Malformed):
        loaded(kind, Reader(body), SETTINGS)


def test_a_score_that_is_no_number_is_refused() -> None:
    for kind, body in (
        (kinds.ZSET, b"\x01\x01a\xfd"),
        (kinds.ZSET_2, b"\x01\x01a" + struct.pack("<d", float("nan"))),
        (kinds.ZSET_LISTPACK, blob(listpack([b"a", b"nan"]))),
        (kinds.ZSET_LISTPACK, blob(listpack([b"a", b"x"]))),
    ):
        with pytest.raises(Malformed):
            loaded(kind, Reader(body), SETTINGS)


def test_a_pending_entry_belongs_to_one_consumer() -> None:
    group = b"\x01g\x00\x00\x00\x01" + b"\x00" * 15 + b"\x05" + b"\x00" * 8 + b"\x01"
    head = b"\x00" * 9 + b"\x01" + group
    alice = b"\x01\x01a" + b"\x00" * 8
    entry = b"\x00" * 15 + b"\x05"
    value = loaded(kinds.STREAM_2, Reader(head + alice + b"\x01" + entry), SETTINGS)
    assert isinstance(value, Stream)
    assert value.groups[b"g"].pending.all() == [5]
    for rest in (alice + b"\x00", alice + b"\x02" + entry * 2, alice + b"\x01" + b"\x01" * 16):
        with pytest.raises(Malformed):
            loaded(kinds.STREAM_2, Reader(head + rest), SETTINGS)


def test_a_document_is_a_value_of_the_module_of_json() -> None:
    number = (0x11 << 6 | 0x1E) << 42 | (0x09 << 6 | 0x12) << 30 | (0x0E << 6 | 0x0D) << 18
    number |= (0x3E << 6 | 0x11) << 6 | 0x0B  # R e, J S, O N, - R, L
    body = (
        b"\x81"
        + (number << 10 | 3).to_bytes(8, "big")
        + b"\x05"
        + string(b'{"a":[1,null]}')
        + b"\x00"
    )
    assert saved(Json({"a": [1, None]}), SETTINGS) == (kinds.MODULE, body)
    for other in (
        body[:8] + b"\xff" + body[9:],
        body[:-1],
        body[:-1] + b"\x05",
        body[:-3] + b"]\x00",
    ):
        with pytest.raises(Malformed):
            loaded(kinds.MODULE, Reader(other), SETTINGS)


def test_an_element_that_fills_a_node_stands_alone() -> None:
    value = List()
    value.push([b"a", b"x" * 9000, b"1"], False, SETTINGS)
    node = b"\x02" + blob(listpack([b"a"])) + b"\x01" + string(b"x" * 9000)
    expected = b"\x03" + node + b"\x02" + blob(listpack([b"1"]))
    assert saved(value, SETTINGS) == (kinds.LIST_QUICKLIST_2, expected)
