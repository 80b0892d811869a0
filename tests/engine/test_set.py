"""Sets against Python's; their encodings; random draws; what is told of changes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.session import Outlet, Session
from nearkeep.engine.settings import Settings
from nearkeep.engine.values.indexed import Indexed
from nearkeep.engine.values.set import Set, difference, set_of, shared, united
from nearkeep.wire.reply import Failure
from tests.engine.conftest import Client, strings

SETTINGS = Settings()
SMALL = Settings()
for name in ("intset-entries", "listpack-entries", "listpack-value"):
    SMALL.set(f"set-max-{name}", [b"4"])

members = st.sampled_from([*[b"%d" % n for n in range(-3, 9)], b"01", b"", b"a", b"longer than 4"])
ENCODINGS = ["intset", "listpack", "hashtable"]


def built(words: list[bytes], settings: Settings = SETTINGS) -> Set:
    held = Set()
    for word in words:
        held.add(word, settings)
    return held


def of_encoding(encoding: str, count: int = 3) -> Set:
    """A set of the numbers below `count`."""
    numbers = [b"%d" % number for number in range(count)]
    if encoding == "intset":
        return built(numbers)
    held = built([b"x" * (200 if encoding == "hashtable" else 1), *numbers])
    held.remove(held.members()[0] if encoding == "listpack" else b"x" * 200)
    assert held.encoding(SETTINGS) == encoding.encode()
    return held


@given(st.lists(st.tuples(st.sampled_from(["add", "remove"]), members)))
def test_any_sequence_leaves_it_equal_to_a_python_set(steps: list[tuple[str, bytes]]) -> None:
    held, model = Set(), set[bytes]()
    for step, member in steps:
        if step == "add":
            assert held.add(member, SMALL) == (member not in model)
            model.add(member)
        else:
            assert held.remove(member) == (member in model)
            model.discard(member)
        assert len(held) == len(model)
        assert set(held.members()) == model
        assert (member in held) == (member in model)
        assert {held.at(place) for place in range(len(held))} == model
        assert sorted(held.picked(list(range(len(held))))) == sorted(model)
        assert set(held.copy().members()) == model


@given(st.lists(st.lists(members), min_size=1, max_size=4), st.integers(0, 3))
def test_set_algebra_is_that_of_python_sets(words: list[list[bytes]], limit: int) -> None:
    sets: list[Set | None] = [built(each, SMALL) for each in words]
    models = [set(each) for each in words]
    both = set.intersection(*models)
    assert set(shared(sets, 0)) == both
    assert len(shared(sets, limit)) == min(limit or len(both), len(both))
    assert set(united(sets)) == set.union(*models)
    assert set(difference(sets)) == models[0].difference(*models[1:])
    assert shared([*sets, None], 0) == []


def test_numbers_are_sorted_and_strings_in_the_order_of_their_coming() -> None:
    assert built([b"3", b"-1", b"2"]).members() == [b"-1", b"2", b"3"]
    assert built([b"c", b"a", b"b"]).members() == [b"c", b"a", b"b"]
    held = built([b"3", b"-1", b"x"])
    assert held.members() == [b"-1", b"3", b"x"]


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ([b"1", b"2", b"3", b"4"], b"intset"),
        ([b"1", b"2", b"3", b"4", b"5"], b"hashtable"),
        ([b"1", b"a"], b"listpack"),
        ([b"1", b"2", b"3", b"4", b"a"], b"hashtable"),
        ([b"a", b"b", b"c", b"d"], b"listpack"),
        ([b"a", b"b", b"c", b"d", b"e"], b"hashtable"),
        ([b"a", b"12345"], b"hashtable"),
        ([b"12345", b"12346"], b"intset"),
        ([b"12345", b"a"], b"hashtable"),
    ],
)
def test_limits_decide_how_it_is_held(words: list[bytes], encoding: bytes) -> None:
    assert built(words, SMALL).encoding(SMALL) == encoding


def test_a_set_that_shrinks_keeps_its_encoding() -> None:
    held = built([b"a", b"b", b"c", b"d", b"e"], SMALL)
    for member in (b"a", b"b", b"c", b"d"):
        held.remove(member)
    assert held.encoding(SMALL) == b"hashtable"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40))), st.integers(1, 7))
def test_a_walk_misses_nothing_that_is_there_throughout(
    changes: list[tuple[bool, int]], count: int
) -> None:
    fixed = {b"fixed%d" % number for number in range(20)}
    held = Indexed([*fixed, *[b"%d" % number for number in range(20)]])
    seen: list[bytes] = []
    cursor = 0
    pending = list(changes)
    while True:
        cursor, found = held.scan(cursor, count)
        seen += found
        if cursor == 0:
            break
        if pending:
            add, number = pending.pop()
            if add:
                held.add(b"%d" % number)
            else:
                held.remove(b"%d" % number)
    assert fixed <= set(seen)


def test_a_walk_without_changes_sees_each_member_once() -> None:
    held = built([b"m%d" % number for number in range(1000)])
    seen: list[bytes] = []
    cursor, found = held.scan(0, 7)
    while cursor:
        seen += found
        cursor, found = held.scan(cursor, 7)
    seen += found
    assert Counter(seen) == Counter(held.members())


def test_a_large_set_is_freed_in_steps() -> None:
    held = built([b"m%d" % number for number in range(1000)])
    steps = 1
    while held.release(100):
        steps += 1
    assert steps == 10
    assert len(held) == 0


def test_memory_grows_with_members_and_their_length() -> None:
    few = built([b"m%d" % number for number in range(1000)]).memory()
    many = built([b"m%d" % number for number in range(2000)]).memory()
    long = built([b"m" * 500 + b"%d" % number for number in range(1000)]).memory()
    assert 1.9 < many / few < 2.1
    assert long - few == pytest.approx(500 * 1000, rel=0.05)


# ---- commands


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_draws_are_uniform(client: Client, encoding: str) -> None:
    client.session.db.set(b"s", of_encoding(encoding, 10))
    drawn = Counter(strings(client("SRANDMEMBER s -20000")))
    single = Counter(strings([client("SRANDMEMBER s") for _ in range(5000)]))
    some = Counter([m for _ in range(5000) for m in strings(client("SRANDMEMBER s 4"))])
    for counts, expected in ((drawn, 2000), (single, 500), (some, 2000)):
        assert len(counts) == 10
        assert max(abs(count - expected) for count in counts.values()) < expected * 0.2


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_draws_with_a_count_are_distinct(client: Client, encoding: str) -> None:
    client.session.db.set(b"s", of_encoding(encoding, 10))
    for count in range(12):
        found = strings(client(f"SRANDMEMBER s {count}"))
        assert len(set(found)) == len(found) == min(count, 10)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_spop_is_told_as_srem(client: Client, encoding: str) -> None:
    client.session.db.set(b"s", of_encoding(encoding, 10))
    client.listen()
    one = client("SPOP s")
    assert isinstance(one, bytes)
    assert client.effects == [b"SREM s " + one]
    some = strings(client("SPOP s 3"))
    assert client.effects[1:] == [b"SREM s " + b" ".join(some)]
    assert len({one, *some}) == 4
    assert client("SCARD s") == 6
    assert len(strings(client("SPOP s 100"))) == 6
    assert client.effects[2:] == [b"DEL s"]
    assert client.events() == [b"spop s", b"spop s", b"spop s", b"del s"]
    assert client("EXISTS s") == 0


def test_the_last_member_takes_the_key_with_it(client: Client) -> None:
    client.listen()
    client("SADD s a b")
    assert client("SREM s a nope b b") == 2
    assert client("SADD s a") == 1
    assert client("SPOP s") == b"a"
    assert client("SADD s a") == 1
    assert client("SMOVE s t a") == 1
    assert client("EXISTS s") == 0
    assert client.events() == [
        *[b"sadd s", b"srem s", b"del s"],
        *[b"sadd s", b"spop s", b"del s"],
        *[b"sadd s", b"srem s", b"del s", b"sadd t"],
    ]


def test_what_changes_nothing_is_told_to_nobody(client: Client) -> None:
    client("SADD s a")
    client("SADD t a")
    client.listen()
    told = len(client.effects)
    for line in (
        "SADD s a",
        "SREM s b",
        "SREM no a",
        "SMOVE s t b",
        "SMOVE s s a",
        "SPOP s 0",
        "SPOP no",
        "SINTERSTORE d s no",
        "SRANDMEMBER s 5",
    ):
        client(line)
    assert client.events() == []
    assert client.effects[told:] == []


def test_an_empty_result_removes_the_destination_whatever_it_was(client: Client) -> None:
    client("SADD s a")
    client("SET d text")
    client.listen()
    assert client("SDIFFSTORE d s s") == 0
    assert client.events() == [b"del d"]
    assert client("EXISTS d") == 0


def test_a_stored_result_replaces_the_destination_and_its_expiry(client: Client) -> None:
    client("SADD s a b")
    client("SET d text EX 100")
    assert client("SUNIONSTORE d s nothing") == 2
    assert client("TTL d") == -1
    assert strings(client("SMEMBERS d")) == [b"a", b"b"]


def test_the_destination_may_be_a_source(client: Client) -> None:
    client("SADD s a b c")
    client("SADD t b c d")
    assert client("SINTERSTORE s s t") == 2
    assert strings(client("SMEMBERS s")) == [b"b", b"c"]


@pytest.mark.parametrize(
    ("line", "encoding"),
    [
        ("SUNIONSTORE d numbers", b"intset"),
        ("SUNIONSTORE d numbers words", b"listpack"),
        ("SDIFFSTORE d mixed words", b"intset"),
        ("SINTERSTORE d mixed numbers", b"intset"),
        ("SINTERSTORE d mixed words", b"listpack"),
    ],
)
def test_a_stored_result_is_held_as_its_members_allow(
    client: Client, line: str, encoding: bytes
) -> None:
    client("SADD numbers 1 2 3")
    client("SADD words a b")
    client("SADD mixed 1 2 a")
    client(line)
    assert client("OBJECT ENCODING d") == encoding


def test_the_number_of_arguments_decides_how_a_new_set_is_held(client: Client) -> None:
    client("SADD", "s", *["a"] * 129)
    assert client("OBJECT ENCODING s") == b"hashtable"
    assert client("SCARD s") == 1


def test_other_types_are_refused_even_where_they_can_not_matter(client: Client) -> None:
    client("SET text 1")
    for line in ("SINTER nothing text", "SDIFF nothing text", "SMOVE text s a", "SPOP text"):
        reply = client(line)
        assert isinstance(reply, Failure)
        assert reply.message.startswith(b"WRONGTYPE")


def test_sintercard_stops_at_its_limit(client: Client) -> None:
    client("SADD s a b c")
    client("SADD t a b c d")
    assert client("SINTERCARD 2 s t") == 3
    assert client("SINTERCARD 2 s t LIMIT 2") == 2
    assert client("SINTERCARD 2 s t LIMIT 0") == 3


def test_a_large_result_is_held_at_once() -> None:
    held = set_of([b"%d" % number for number in range(1000)], SETTINGS)
    assert held.encoding(SETTINGS) == b"hashtable"
    assert len(held) == 1000
    assert b"999" in held


class Narrow(Outlet):
    """Is closed by a reply of a thousand bytes."""

    def output_limit(self) -> int:
        return 1000


@pytest.mark.parametrize(
    "line",
    ["SRANDMEMBER s -999999999999", "ZRANDMEMBER z -999999999999", "HRANDFIELD h -999999999999"],
)
def test_no_more_is_drawn_than_fills_the_output_buffer(client: Client, line: str) -> None:
    client("SADD s a")
    client("ZADD z 1 a")
    client("HSET h a b")
    drawn = Session(client.namespace, Narrow()).execute(line.encode().split())
    assert isinstance(drawn, list)
    assert len(drawn) == 1000
