"""Lists against Python's; their encodings; what is told of changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.settings import Settings
from nearkeep.engine.values.list import List
from nearkeep.wire.reply import Failure
from tests.engine.conftest import Client

SETTINGS = Settings()
SMALL = Settings()  # blocks of four elements
SMALL.set("list-max-listpack-size", [b"4"])

elements = st.sampled_from([b"", b"a", b"b", b"c", b"1", b"-5", b"300", b"x" * 70])
numbers = st.integers(-3, 30)
settings = st.sampled_from([SETTINGS, SMALL])


def content(held: List) -> list[bytes]:
    return [element for block in held.blocks for element in block]


def built(words: list[bytes], settings: Settings = SETTINGS) -> List:
    held = List()
    held.push(words, left=False, settings=settings)
    return held


def python_remove(model: list[bytes], element: bytes, count: int) -> int:
    places = [place for place, each in enumerate(model) if each == element]
    chosen = places[count:] if count < 0 else places[: count or None]
    for place in reversed(chosen):
        del model[place]
    return len(chosen)


steps = st.one_of(
    st.tuples(st.just("push"), st.lists(elements, min_size=1, max_size=9), st.booleans()),
    st.tuples(st.just("pop"), st.booleans()),
    st.tuples(st.just("pop_many"), st.integers(1, 12), st.booleans()),
    st.tuples(st.just("set"), numbers, elements),
    st.tuples(st.just("insert"), elements, elements, st.booleans()),
    st.tuples(st.just("remove"), elements, st.integers(-3, 3)),
    st.tuples(st.just("trim"), st.integers(0, 5), st.integers(0, 5)),
)


def play(held: List, model: list[bytes], step: tuple[object, ...], settings: Settings) -> None:
    match step:
        case ("push", list() as words, bool() as left):
            held.push(words, left, settings)
            model[:] = words[::-1] + model if left else model + words
        case ("pop", bool() as left):
            if model:
                assert held.pop(left) == model.pop(0 if left else -1)
        case ("pop_many", int() as count, bool() as left):
            taken = model[:count] if left else model[::-1][:count]
            if model:
                assert held.pop_many(count, left) == taken
            model[:] = model[count:] if left else model[: max(len(model) - count, 0)]
        case ("set", int() as index, bytes() as element):
            there = 0 <= index < len(model)
            assert held.set(index, element, settings) == there
            if there:
                model[index] = element
        case ("insert", bytes() as pivot, bytes() as element, bool() as after):
            assert held.insert(pivot, element, after, settings) == (pivot in model)
            if pivot in model:
                model.insert(model.index(pivot) + after, element)
        case ("remove", bytes() as element, int() as count):
            assert held.remove(element, count) == python_remove(model, element, count)
        case ("trim", int() as start, int() as cut):
            stop = len(model) - 1 - cut
            if model:
                held.trim(start, stop) if start <= stop else held.trim(1, 0)
            model[:] = model[start : stop + 1] if start <= stop else []


@given(st.lists(steps, max_size=40), settings)
def test_any_sequence_leaves_it_equal_to_a_python_list(
    sequence: list[tuple[object, ...]], settings: Settings
) -> None:
    held, model = List(), list[bytes]()
    for step in sequence:
        play(held, model, step, settings)
        assert content(held) == model
        assert len(held) == len(model)
        assert all(held.blocks)
        assert [held.at(index) for index in range(len(model))] == model
        assert content(held.copy()) == model


@given(st.lists(elements, min_size=1, max_size=30), st.data())
def test_every_part_of_it_can_be_had(words: list[bytes], data: st.DataObject) -> None:
    held = built(words, SMALL)
    start = data.draw(st.integers(0, len(words) - 1))
    stop = data.draw(st.integers(-1, len(words) - 1))
    assert held.slice(start, stop) == words[start : stop + 1]


@given(
    st.lists(elements, max_size=30),
    elements,
    st.integers(-3, 3).filter(bool),
    st.integers(0, 3),
    st.integers(0, 12),
)
def test_elements_are_found_in_the_order_of_the_search(
    words: list[bytes], element: bytes, rank: int, count: int, limit: int
) -> None:
    order = range(len(words))[:: 1 if rank > 0 else -1]
    looked = order[:limit] if limit else order
    matches = [index for index in looked if words[index] == element][abs(rank) - 1 :]
    held = built(words, SMALL)
    assert held.find(element, rank, count, limit) == (matches[:count] if count else matches)


def test_a_million_elements_are_reached_inserted_and_released_in_the_middle() -> None:
    held = built([b"%d" % number for number in range(1_000_000)])
    assert held.at(500_000) == b"500000"
    assert held.insert(b"500000", b"here", after=True, settings=SETTINGS)
    assert held.slice(499_999, 500_002) == [b"499999", b"500000", b"here", b"500001"]
    assert len(held) == 1_000_001
    assert max(map(len, held.blocks)) <= 512
    while held.release(10_000):
        pass
    assert held.blocks == []


def encoding(client: Client) -> object:
    return client("OBJECT ENCODING l")


def test_a_list_is_a_listpack_up_to_its_limit_and_again_at_half_of_it(client: Client) -> None:
    client("CONFIG SET list-max-listpack-size 8")
    client("RPUSH l 1 2 3 4 5 6 7 8")
    assert encoding(client) == b"listpack"
    client("RPUSH l 9")
    assert encoding(client) == b"quicklist"
    client("LPOP l 4")
    assert encoding(client) == b"quicklist"
    client("RPOP l")
    assert encoding(client) == b"listpack"


@pytest.mark.parametrize(("size", "name"), [(8170, b"listpack"), (8200, b"quicklist")])
def test_a_list_of_many_bytes_is_a_quicklist(client: Client, size: int, name: bytes) -> None:
    client("RPUSH", "l", "x" * (size // 2), "y" * (size // 2))
    assert encoding(client) == name


def test_the_stream_is_told_what_can_be_done_again(client: Client) -> None:
    client("RPUSH l a b c d e f")
    client("BLPOP l 0")
    client("BRPOP none l 0")
    client("BLMOVE l m LEFT RIGHT 0")
    client("BRPOPLPUSH l m 0")
    client("BLMPOP 0 2 none l LEFT COUNT 9")
    client("LREM l 0 none")
    client("LTRIM m 0 -1")
    assert client.effects == [
        b"RPUSH l a b c d e f",
        b"LPOP l",
        b"RPOP l",
        b"LMOVE l m LEFT RIGHT",
        b"RPOPLPUSH l m",
        b"LPOP l 2",
    ]


def test_a_list_that_becomes_empty_is_gone_and_says_so(client: Client) -> None:
    client.listen()
    client("RPUSH l a b")
    client("LMOVE l m LEFT LEFT")
    client("LPOP l")
    client("LTRIM m 1 0")
    assert client.events() == [
        b"rpush l",
        b"lpush m",
        b"lpop l",
        b"lpop l",
        b"del l",
        b"ltrim m",
        b"del m",
    ]
    assert client("DBSIZE") == 0


def test_a_long_list_that_is_trimmed_is_freed_in_steps(client: Client) -> None:
    client("RPUSH", "l", *range(10_000))
    client("LTRIM l 5000 5001")
    assert client("LRANGE l 0 -1") == [b"5000", b"5001"]
    assert client.namespace.garbage
    client.step()
    assert not client.namespace.garbage


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-1", b"ERR timeout is negative"),
        ("-inf", b"ERR timeout is negative"),
        ("inf", b"ERR timeout is out of range"),
        ("1e30", b"ERR timeout is out of range"),
        ("9223372036854775", b"ERR timeout is out of range"),
        ("nan", b"ERR timeout is not a float or out of range"),
        ("1 ", b"ERR timeout is not a float or out of range"),
        ("", b"ERR timeout is not a float or out of range"),
    ],
)
def test_a_timeout_is_a_number_of_seconds(client: Client, text: str, message: bytes) -> None:
    assert client("BLPOP", "l", text) == Failure(message)
