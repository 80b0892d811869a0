"""Streams and consumer groups against plain Python; what is told of changes, and told again."""

from __future__ import annotations

from bisect import bisect_left, insort

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.session import Outlet, Session
from nearkeep.engine.settings import Settings
from nearkeep.engine.stream import Effect
from nearkeep.engine.values.consumer_group import NONE, Consumer, ConsumerGroup, SortedIds
from nearkeep.engine.values.stream import DROP, HIGHEST, KEEP, RESPECT, Stream
from nearkeep.wire.reply import Failure, Map, encode
from tests.engine.conftest import NOW, Client

SMALL = Settings()  # blocks of three entries
SMALL.set("stream-node-max-entries", [b"3"])

ids = st.integers(0, 40)


def content(held: Stream) -> dict[int, list[bytes]]:
    return dict(held.range(0, HIGHEST, 0, backwards=False))


def built(numbers: list[int], settings: Settings = SMALL) -> Stream:
    held = Stream()
    for number in numbers:
        held.append(number, [b"field", b"%d" % number], settings)
    return held


ascending = st.lists(st.integers(1, 40), unique=True, max_size=25).map(sorted)


@given(ascending, st.lists(ids, max_size=25))
def test_what_is_deleted_is_gone_and_the_rest_is_there(numbers: list[int], gone: list[int]) -> None:
    held = built(numbers)
    model = {number: [b"field", b"%d" % number] for number in numbers}
    for number in gone:
        assert held.delete(number) == (model.pop(number, None) is not None)
        assert held.get(number) is None
        assert content(held) == content(held.copy()) == model
        assert len(held) == len(model)
        assert held.first_id() == min(model, default=0)
        assert held.top_id() == max(model, default=0)
        assert all(block.ids for block in held.blocks)
    assert all(held.get(number) == fields for number, fields in model.items())
    assert held.added == len(numbers)


@pytest.mark.parametrize("backwards", [False, True])
@given(
    numbers=ascending,
    gone=st.lists(ids, max_size=5),
    start=ids,
    end=ids,
    count=st.integers(0, 9),
)
def test_a_range_has_what_lies_within_it(
    numbers: list[int], gone: list[int], start: int, end: int, count: int, *, backwards: bool
) -> None:
    held = built(numbers)
    for number in gone:
        held.delete(number)
    within = [number for number in numbers if start <= number <= end and number not in gone]
    expected = within[::-1] if backwards else within
    found = held.range(start, end, count, backwards)
    assert [number for number, _ in found] == (expected[:count] if count else expected)


@given(ascending, st.integers(0, 25), st.sampled_from([KEEP, DROP, RESPECT]), st.sets(ids))
def test_an_exact_trim_leaves_so_many_unless_they_are_referenced(
    numbers: list[int], most: int, references: int, pending: set[int]
) -> None:
    held = built(numbers)
    group = held.groups[b"g"] = ConsumerGroup(HIGHEST, NONE)
    for number in pending:
        group.deliver(number, _consumer(group), NOW, 1)
    excess = max(len(numbers) - most, 0)
    free = [n for n in numbers if references != RESPECT or n not in pending]
    held.trim(most, HIGHEST + 1, whole=False, limit=0, references=references)
    assert list(content(held)) == sorted(set(numbers) - set(free[:excess]))
    dropped = set(free[:excess]) if references == DROP else set()
    assert set(group.deliveries) == pending - dropped


def _consumer(group: ConsumerGroup) -> Consumer:
    return group.consumers.setdefault(b"c", Consumer(b"c", NOW))


def test_entries_with_the_same_fields_share_their_names() -> None:
    held = Stream()
    for number in range(1, 4):
        held.append(number, [b"long name"[:], b"%d" % number], SMALL)
    names = [fields[0] for _, fields in held.range(0, HIGHEST, 0, backwards=False)]
    assert names[0] is names[1] is names[2]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3000)), max_size=60), st.integers(0, 1500))
def test_sorted_ids_are_those_that_were_added_in_order(
    steps: list[tuple[bool, int]], filled: int
) -> None:
    held, model = SortedIds(), list[int]()
    for number in range(0, filled * 2, 2):
        held.add(number)
        model.append(number)
    for adding, number in steps:
        there = number in model
        if adding and not there:
            held.add(number)
            insort(model, number)
        elif there and not adding:
            held.remove(number)
            model.remove(number)
        following = bisect_left(model, number)
        assert held.following(number) == (model[following] if following < len(model) else NONE)
    assert len(held) == len(model)
    assert held.first() == (model[0] if model else NONE)
    assert held.last() == (model[-1] if model else NONE)
    walked = []
    at = held.first()
    while at != NONE:
        walked.append(at)
        at = held.following(at + 1)
    assert walked == model


def test_a_large_stream_is_released_in_steps() -> None:
    held = built(list(range(1, 5000)), Settings())
    group = held.groups[b"g"] = ConsumerGroup(0, NONE)
    for number in range(1, 5000):
        group.deliver(number, _consumer(group), NOW, 1)
    steps = 0
    while held.release(500):
        steps += 1
    assert steps > 10
    assert held.blocks == []
    assert held.groups == {}


def test_ids_go_on_where_the_clock_does_not(client: Client) -> None:
    assert client("XADD s * a 1") == b"%d-0" % NOW
    assert client("XADD s * a 1") == b"%d-1" % NOW
    client.pass_ms(-1000)
    assert client("XADD s * a 1") == b"%d-2" % NOW
    client.pass_ms(2000)
    assert client("XADD s * a 1") == b"%d-0" % (NOW + 1000)
    assert client(f"XADD s {NOW + 2000}-* a 1") == b"%d-0" % (NOW + 2000)
    assert client(f"XADD s {NOW + 2000}-* a 1") == b"%d-1" % (NOW + 2000)


@pytest.mark.parametrize(
    "last", ["18446744073709551615-18446744073709551615", "5-18446744073709551615"]
)
def test_no_id_comes_after_the_last_of_its_kind(client: Client, last: str) -> None:
    client(f"XADD s {last} a 1")
    assert isinstance(client("XADD s 5-* a 1"), Failure)
    later = client("XADD s * a 1")
    assert isinstance(later, Failure) == last.startswith("18")


def test_an_approximate_trim_drops_whole_nodes_and_is_told_as_an_exact_one(client: Client) -> None:
    client("CONFIG SET stream-node-max-entries 3")
    for number in range(1, 11):
        client(f"XADD s {number}-1 a 1")
    client.effects.clear()
    assert client("XTRIM s MAXLEN ~ 5") == 3
    client("XADD s MINID ~ 8 11-1 a 1")
    assert client("XTRIM s MAXLEN ~ 5") == 0
    assert client.effects == [b"XTRIM s MAXLEN = 7", b"XADD s MINID = 7-1 11-1 a 1"]


SCRIPT = """
    XADD s * a 1 b 2
    XADD s * a 3
    XADD s MAXLEN 100 * c 4
    XADD s 1800000000001-* c 5
    XADD s MAXLEN ~ 2 LIMIT 100 * d 6
    XGROUP CREATE s g 0
    XGROUP CREATE s h $ ENTRIESREAD 2
    XREADGROUP GROUP g alice COUNT 2 STREAMS s >
    XREADGROUP GROUP g bob COUNT 1 NOACK STREAMS s >
    XREADGROUP GROUP g carol BLOCK 0 STREAMS s >
    XACK s g 1800000000000-0
    XDEL s 1800000000000-1
    XCLAIM s g dave 0 1800000000000-1 1800000000001-0 1800000000001-1 RETRYCOUNT 7
    XAUTOCLAIM s g erin 0 0 COUNT 10
    XADD s * e 7
    XCLAIM s h frank 0 1800000000001-1 FORCE LASTID 1800000000001-1
    XGROUP SETID s h 0
    XREADGROUP GROUP h frank STREAMS s >
    XACKDEL s h DELREF IDS 1 1800000000001-0
    XDELEX s ACKED IDS 1 1800000000001-1
    XGROUP DELCONSUMER s h frank
    XTRIM s MAXLEN 2
    XSETID s 1900000000000-0
    XADD s * f 8
    XGROUP CREATE t g $ MKSTREAM
    XREADGROUP GROUP g alice STREAMS t >
    XGROUP DESTROY t g
"""


@pytest.mark.parametrize("lines", range(1, len(SCRIPT.strip().splitlines()) + 1))
def test_the_stream_told_again_leaves_the_same_state(client: Client, lines: int) -> None:
    batches: list[Effect] = []
    client.namespace.stream.read(lambda _sequence, _now, batch: batches.extend(batch))
    for line in SCRIPT.strip().splitlines()[:lines]:
        reply = client(line)
        assert not isinstance(reply, Failure), (line, reply)
    again = Client()
    again.pass_ms(5000)
    for _, words in batches:
        assert not isinstance(Session(again.namespace, Outlet()).execute(words), Failure)
    for question in ("XRANGE {} - +", "XINFO STREAM {} FULL COUNT 0", "XINFO GROUPS {}"):
        for key in "st":
            ours, theirs = client(question.format(key)), again(question.format(key))
            assert _without_times(theirs) == _without_times(ours)


def _without_times(reply: object) -> bytes:
    """When a consumer last asked is not told."""
    if isinstance(reply, Map):
        flat = [_without_times(item) for item in reply.flat]
        for index in range(0, len(flat), 2):
            if reply.flat[index] in (b"seen-time", b"active-time"):
                flat[index + 1] = b""
        return b" ".join(flat)
    if isinstance(reply, list):
        return b" ".join([_without_times(item) for item in reply])
    return encode(reply, 3)


def test_reading_and_claiming_emit_nothing_when_they_change_nothing(client: Client) -> None:
    client("XADD s 1-1 a 1")
    client("XGROUP CREATE s g $")
    client("XGROUP CREATECONSUMER s g c")
    client.effects.clear()
    client("XREADGROUP GROUP g c STREAMS s >")
    client("XREADGROUP GROUP g c STREAMS s 0")
    client("XAUTOCLAIM s g c 0 0")
    client("XCLAIM s g c 0 1-1")
    client("XACK s g 1-1")
    client("XDEL s 9-9")
    client("XTRIM s MAXLEN 10")
    client("XADD none NOMKSTREAM * a 1")
    assert client.effects == []
