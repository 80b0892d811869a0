"""Hashes against a dictionary; fields that expire; random draws; what is told of changes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.settings import Settings
from nearkeep.engine.values.hash import FieldTimes, Hash
from nearkeep.engine.values.indexed import Table
from nearkeep.wire.reply import Failure
from tests.engine.conftest import NOW, Client, strings

SETTINGS = Settings()
SMALL = Settings()
for name in ("entries", "value"):
    SMALL.set(f"hash-max-listpack-{name}", [b"4"])

fields = st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"f", b"", b"longer than 4"])
steps = st.tuples(
    st.sampled_from(["set", "replace", "remove", "expire", "persist", "pass"]),
    fields,
    st.integers(0, 5),
)


@given(st.lists(steps))
def test_any_sequence_leaves_it_equal_to_a_dictionary(
    sequence: list[tuple[str, bytes, int]],
) -> None:
    held, now = Hash(), NOW
    model: dict[bytes, tuple[bytes, int]] = {}  # each field's value and expiry, -1 for none
    for step, field, number in sequence:
        value = b"%d" % number
        there = field in model
        if step == "set":
            assert held.set(field, value, SMALL) == (not there)
            model[field] = (value, -1)
        elif step == "replace":
            assert held.replace(field, value, SMALL) == (not there)
            model[field] = (value, model[field][1] if there else -1)
        elif step == "remove":
            assert held.remove(field) == there
            model.pop(field, None)
        elif step == "expire" and there:
            held.set_expiry(field, now + 1 + number)
            model[field] = (model[field][0], now + 1 + number)
        elif step == "persist":
            assert held.persist(field) == (there and model[field][1] > 0)
            if there:
                model[field] = (model[field][0], -1)
        elif step == "pass":
            now += number
            gone = {field for field, (_, at) in model.items() if 0 < at <= now}
            seen = {field: value for field, (value, _) in model.items() if field not in gone}
            assert dict(zip(held.fields(now), held.values(now), strict=True)) == seen
            assert set(held.expire(now, 100)) == gone
            model = {field: known for field, known in model.items() if field not in gone}
        check(held, model, now)
        check(held.copy(), model, now)


def check(held: Hash, model: dict[bytes, tuple[bytes, int]], now: int) -> None:
    assert len(held) == len(model)
    flat = held.flat(now)
    assert dict(zip(flat[::2], flat[1::2], strict=True)) == {f: v for f, (v, _) in model.items()}
    assert {held.at(place) for place in range(len(held))} == set(model)
    assert sorted(held.picked(list(range(len(held))))) == sorted(model)
    for field, (value, at) in model.items():
        assert held.get(field, now) == value
        assert held.expiry(field, now) == at


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3000)), max_size=600))
def test_many_fields_are_due_when_their_time_has_come(calls: list[tuple[int, int]]) -> None:
    times = FieldTimes()
    now = NOW
    model: dict[bytes, int] = {}
    for number in range(200):
        times.set(b"%d" % number, now + 10 * number)
        model[b"%d" % number] = now + 10 * number
    for number, delay in calls:
        field = b"%d" % number
        if delay % 3 == 0:
            assert times.remove(field) == (model.pop(field, None) is not None)
        else:
            times.set(field, now + delay)
            model[field] = now + delay
        now += delay % 7
        assert times.earliest <= min(model.values(), default=now)
        for due in times.take_due(now, 50):
            assert model.pop(due) <= now
        assert times.times == model
    now += 10_000
    while model:
        due_now = times.take_due(now, 50)
        assert due_now
        for due in due_now:
            del model[due]
    assert times.earliest == 0


@pytest.mark.parametrize(
    ("count", "length", "encoding"),
    [(4, 4, b"listpack"), (5, 4, b"hashtable"), (1, 5, b"hashtable")],
)
def test_limits_decide_how_it_is_held(count: int, length: int, encoding: bytes) -> None:
    held = Hash()
    for number in range(count):
        held.set(b"%d" % number, b"x" * length, SMALL)
    assert held.encoding(SMALL) == encoding


def test_fields_stand_in_the_order_of_their_coming() -> None:
    held = Hash()
    for field in (b"c", b"a", b"b", b"a"):
        held.set(field, field, SETTINGS)
    assert held.fields(NOW) == [b"c", b"a", b"b"]


def test_a_large_hash_is_freed_in_steps() -> None:
    held = Hash()
    for number in range(1000):
        held.set(b"%d" % number, b"", SETTINGS)
    count = 1
    while held.release(100):
        count += 1
    assert count == 10
    assert len(held) == 0


def test_a_table_finds_all_after_removals() -> None:
    table = Table({b"%d" % number: b"%d" % -number for number in range(100)})
    for number in range(0, 100, 3):
        assert table.remove(b"%d" % number)
        assert not table.remove(b"%d" % number)
    for number in range(100):
        assert table.get(b"%d" % number) == (b"%d" % -number if number % 3 else None)


# ---- commands


def test_an_expired_field_is_never_seen(client: Client) -> None:
    client("HSET h a 1 b 2")
    client("HPEXPIRE h 10 FIELDS 1 a")
    client.namespace.active_expiry = False
    client.pass_ms(10)
    assert client("HGET h a") is None
    assert client("HMGET h a b") == [None, b"2"]
    assert strings(client("HGETALL h")) == [b"b", b"2"]
    assert client("HKEYS h") == [b"b"]
    assert client("HVALS h") == [b"2"]
    assert client("HEXISTS h a") == 0
    assert client("HSTRLEN h a") == 0
    assert client("HSCAN h 0") == [b"0", [b"b", b"2"]]
    assert client("HTTL h FIELDS 2 a b") == [-2, -1]
    assert client("HPERSIST h FIELDS 1 a") == [-2]
    assert client("HRANDFIELD h") == b"b"
    assert set(strings(client("HRANDFIELD h -20"))) == {b"b"}
    assert client("HRANDFIELD h 5") == [b"b"]
    assert client("HGETEX h EX 10 FIELDS 1 a") == [None]
    assert client("HGETDEL h FIELDS 1 a") == [None]
    assert client("HSETEX h FXX FIELDS 1 a 1") == 0
    assert client("HINCRBY h a 5") == 5
    assert client("HTTL h FIELDS 1 a") == [-1]


def test_an_expired_field_is_removed_by_who_finds_it(client: Client) -> None:
    client("HSET h a 1 b 2")
    client("HPEXPIRE h 10 FIELDS 1 a")
    client.listen()
    told = len(client.effects)
    client.pass_ms(10)
    assert client("HLEN h") == 1
    assert client.events() == [b"hexpired h"]
    assert client.effects[told:] == [b"HDEL h a"]
    assert client.namespace.expired_subkeys == 1


def test_an_expired_field_is_removed_in_the_background(client: Client) -> None:
    client("HSET h a 1 b 2")
    client("HPEXPIRE h 1000 FIELDS 1 a")
    client("HPEXPIRE h 5000 FIELDS 1 b")
    client.listen()
    client.pass_ms(2000)
    client.step()
    assert client.events() == [b"hexpired h"]
    client.pass_ms(4000)
    client.step()
    assert client.events() == [b"hexpired h", b"del h"]
    assert client("EXISTS h") == 0


def test_the_last_expired_field_takes_the_key_with_it(client: Client) -> None:
    client("HSETEX h PX 10 FIELDS 1 a 1")
    client.listen()
    client.pass_ms(10)
    assert client("HGETALL h").flat == []  # type: ignore[attr-defined]
    assert client.events() == [b"hexpired h", b"del h"]
    assert client("EXISTS h") == 0


@pytest.mark.parametrize("line", ["RENAME h g", "COPY h g", "MOVE h 1"])
def test_fields_expire_wherever_the_hash_goes(client: Client, line: str) -> None:
    client("HSET h a 1 b 2")
    client("HPEXPIRE h 1000 FIELDS 1 a")
    client(line)
    db = client.namespace.databases[1 if line[0] == "M" else 0]
    held = db.peek(b"g" if line[0] != "M" else b"h")
    assert isinstance(held, Hash)
    client.pass_ms(2000)
    client.step()
    assert len(held) == 1


def test_fields_of_other_databases_expire_after_a_swap(client: Client) -> None:
    client("HSET h a 1 b 2")
    client("HPEXPIRE h 1000 FIELDS 1 a")
    client("SWAPDB 0 1")
    client.pass_ms(2000)
    client.step()
    assert client.namespace.expired_subkeys == 1


def test_an_overwritten_hash_leaves_no_expiry_behind(client: Client) -> None:
    client("HSETEX h PX 10 FIELDS 1 a 1")
    client("SET h text")
    client.pass_ms(1000)
    client.step()
    assert client("GET h") == b"text"


def test_nothing_expires_while_writes_are_paused(client: Client) -> None:
    client("HSETEX h PX 10 FIELDS 2 a 1 b 2")
    client("CLIENT PAUSE 10000 WRITE")
    client.pass_ms(1000)
    client.step()
    assert client("HGET h a") is None
    assert client("EXISTS h") == 1
    assert client.namespace.expired_subkeys == 0


def test_many_expired_fields_are_removed_in_bounded_steps(client: Client) -> None:
    pairs = " ".join(f"f{number} x" for number in range(5000))
    client(f"HSETEX h PX 1000 FIELDS 5000 {pairs}")
    client("HSET h stays 1")
    client.pass_ms(3000)
    before = client.namespace.expired_subkeys
    for _ in range(10):
        client.namespace.step(100)
        now = client.namespace.expired_subkeys
        assert now - before <= 100
        before = now
    assert client("HGETALL h").flat == [b"stays", b"1"]  # type: ignore[attr-defined]
    assert strings(client("HRANDFIELD h 10")) == [b"stays"]
    client.step()
    assert client.namespace.expired_subkeys == 5000
    assert client("HLEN h") == 1


def test_a_field_that_is_set_again_no_longer_expires(client: Client) -> None:
    client("HSETEX h PX 10 FIELDS 3 a 1 b 1 c 1")
    client("HSET h a 2")
    client("HINCRBY h b 1")
    client("HSETEX h KEEPTTL FIELDS 1 c 2")
    assert client("HPTTL h FIELDS 3 a b c") == [-1, 10, 10]


@pytest.mark.parametrize(
    ("before", "condition", "code"),
    [
        (0, "NX", 1),
        (50, "NX", 0),
        (0, "XX", 0),
        (50, "XX", 1),
        (0, "GT", 0),
        (50, "GT", 1),
        (100, "GT", 0),
        (200, "GT", 0),
        (0, "LT", 1),
        (50, "LT", 0),
        (100, "LT", 0),
        (200, "LT", 1),
    ],
)
def test_a_condition_decides_whether_an_expiry_is_set(
    client: Client, before: int, condition: str, code: int
) -> None:
    client("HSET h a 1")
    if before:
        client(f"HEXPIRE h {before} FIELDS 1 a")
    told = len(client.effects)
    assert client(f"HEXPIRE h 100 {condition} FIELDS 2 a nope") == [code, -2]
    expected = [b"HPEXPIREAT h %d FIELDS 1 a" % (NOW + 100_000)] if code else []
    assert client.effects[told:] == expected


def test_an_expiry_in_the_past_removes_the_field(client: Client) -> None:
    client("HSET h a 1 b 2 c 3 d 4")
    client.listen()
    told = len(client.effects)
    assert client("HPEXPIREAT h 1 FIELDS 2 a a") == [2, -2]
    assert client("HGETEX h EXAT 1 FIELDS 2 b b") == [b"2", None]
    assert client("HSETEX h EXAT 1 FIELDS 1 c 5") == 1
    assert client("HEXPIRE h 0 FIELDS 1 d") == [2]
    assert client.effects[told:] == [
        b"HDEL h a",
        b"HDEL h b",
        *[b"HSET h c 5", b"HDEL h c"],
        b"HDEL h d",
    ]
    assert client.events() == [
        b"hdel h",
        b"hdel h",
        *[b"hset h", b"hdel h"],
        *[b"hdel h", b"del h"],
    ]


def test_relative_times_are_told_as_absolute_ones(client: Client) -> None:
    client("HSET h a 1 b 2")
    told = len(client.effects)
    client("HGETEX h EX 10 FIELDS 2 a nope")
    client("HSETEX h PX 5 FIELDS 1 c 3")
    client("HGETEX h PERSIST FIELDS 2 a b")
    assert client.effects[told:] == [
        b"HPEXPIREAT h %d FIELDS 1 a" % (NOW + 10_000),
        b"HSET h c 3",
        b"HPEXPIREAT h %d FIELDS 1 c" % (NOW + 5),
        b"HPERSIST h FIELDS 1 a",
    ]


def test_a_sum_of_decimals_is_told_as_its_result(client: Client) -> None:
    assert client("HINCRBYFLOAT h a 0.1") == b"0.1"
    assert client("HINCRBYFLOAT h a 0.2") == b"0.3"
    client("HEXPIRE h 100 FIELDS 1 a")
    assert client("HINCRBYFLOAT h a 1e2") == b"100.3"
    assert client("HTTL h FIELDS 1 a") == [100]
    assert [effect for effect in client.effects if b"EXPIRE" not in effect] == [
        b"HSET h a 0.1",
        b"HSET h a 0.3",
        b"HSETEX h KEEPTTL FIELDS 1 a 100.3",
    ]


def test_what_changes_nothing_is_told_to_nobody(client: Client) -> None:
    client("HSET h a 1")
    client.listen()
    told = len(client.effects)
    for line in (
        "HSETNX h a 2",
        "HDEL h nope",
        "HDEL no a",
        "HSETEX h FNX FIELDS 1 a 2",
        "HSETEX no FXX FIELDS 1 a 2",
        "HGETEX h FIELDS 1 a",
        "HGETEX h PERSIST FIELDS 1 a",
        "HGETDEL h FIELDS 1 nope",
        "HPERSIST h FIELDS 1 a",
        "HEXPIRE h 10 FIELDS 1 nope",
        "HINCRBY h b x",
    ):
        client(line)
    assert client.events() == []
    assert client.effects[told:] == []
    assert client("EXISTS no") == 0


@pytest.mark.parametrize("count", [10, 1000])
def test_draws_are_uniform(client: Client, count: int) -> None:
    client("HSET", "h", *[word for number in range(count) for word in (f"f{number}", number)])
    drawn = Counter(strings(client(f"HRANDFIELD h {-1000 * count}")))
    assert len(drawn) == count
    assert max(abs(times - 1000) for times in drawn.values()) < 250
    flat = strings(client(f"HRANDFIELD h {count // 2} WITHVALUES"))
    assert len(set(flat[::2])) == count // 2
    assert all(field == b"f" + value for field, value in zip(flat[::2], flat[1::2], strict=True))


def test_draws_are_of_fields_that_have_not_expired(client: Client) -> None:
    client.namespace.active_expiry = False
    client("HSET", "h", *[word for number in range(1000) for word in (f"f{number}", number)])
    for number in range(0, 1000, 4):
        client(f"HPEXPIRE h 10 FIELDS 1 f{number}")
    client.pass_ms(10)
    left = {b"f%d" % number for number in range(1000) if number % 4}
    for count in (-2000, -1, 1, 10, 400, 700, 749):
        drawn = strings(client(f"HRANDFIELD h {count}"))
        assert len(drawn) == abs(count)
        assert set(drawn) <= left
        assert count < 0 or len(set(drawn)) == count
    for count in (750, 751, 1000, 2000):
        assert set(strings(client(f"HRANDFIELD h {count}"))) == left
    assert client("HRANDFIELD h 0") == []


def test_a_walk_of_a_large_hash_sees_each_field_once(client: Client) -> None:
    client("HSET", "h", *[word for number in range(1000) for word in (f"f{number}", number)])
    seen: list[bytes] = []
    cursor: object = 0
    while cursor != b"0":
        reply = client("HSCAN", "h", cursor if isinstance(cursor, bytes) else 0, "NOVALUES")
        assert isinstance(reply, list)
        cursor, found = reply
        seen += strings(found)
    assert Counter(seen) == Counter(b"f%d" % number for number in range(1000))


def test_how_a_hash_with_expiry_is_held_has_a_name(client: Client) -> None:
    client("HSET h a 1")
    assert client("OBJECT ENCODING h") == b"listpack"
    client("HEXPIRE h 100 FIELDS 1 a")
    client("HPERSIST h FIELDS 1 a")
    assert client("OBJECT ENCODING h") == b"listpackex"


@pytest.mark.parametrize(
    "line",
    [
        "HEXPIRE h 70368744178 FIELDS 1 a",
        "HPEXPIREAT h 70368744177664 FIELDS 1 a",
        "HGETEX h EXAT 70368744178 FIELDS 1 a",
        "HSETEX h PX 70368744177663 FIELDS 1 a 1",
    ],
)
def test_a_time_beyond_46_bits_is_refused(client: Client, line: str) -> None:
    client("HSET h a 1")
    reply = client(line)
    assert isinstance(reply, Failure)
    name = client.session.last.name if client.session.last else b""
    assert reply.message == b"ERR invalid expire time in '%s' command" % name
