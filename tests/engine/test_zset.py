"""Sorted sets against Python's sorted lists; their encodings; what is told of changes."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.session import Outlet, Session
from nearkeep.engine.settings import Settings
from nearkeep.engine.text import lenient_double, parse_double
from nearkeep.engine.values import ranked
from nearkeep.engine.values.buckets import LOAD, Buckets
from nearkeep.engine.values.combination import MAX, MIN, SUM, Weighted, difference, shared, united
from nearkeep.engine.values.ranked import FAN, LEAF, Leaf, Node, Span, grown, shrunk, tree
from nearkeep.engine.values.set import set_of
from nearkeep.engine.values.zset import SortedSet, in_order, sorted_set_of
from nearkeep.wire.reply import NO_REPLY, Failure, Pairs, Reply
from tests.engine.conftest import Client

SETTINGS = Settings()
SMALL = Settings()
for name in ("entries", "value"):
    SMALL.set(f"zset-max-listpack-{name}", [b"4"])

Pair = tuple[float, bytes]

scores = st.sampled_from([0.0, 1.0, 2.0, 2.5, -1.0, math.inf, -math.inf])
members = st.sampled_from(
    [*[b"%d" % number for number in range(30)], b"", b"\xff", b"a longer one"]
)


@pytest.fixture(scope="module", params=["as it is", "tiny"], autouse=True)
def sizes(request: pytest.FixtureRequest) -> object:
    """All tests also with nodes so small that a few pairs make a deep tree (if interpreted)."""
    if request.param == "tiny":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ranked, "LEAF", 4)
            patch.setattr(ranked, "FAN", 3)
            yield
    else:
        yield


def pairs_of(root: Node, start: int = 0, stop: int | None = None) -> list[Pair]:
    spans: list[Span] = []
    root.spans(start, root.count if stop is None else stop, spans)
    return [
        (span.leaf.scores[place], span.leaf.members[place])
        for span in spans
        for place in range(span.start, span.stop)
    ]


def built(content: dict[bytes, float], settings: Settings = SETTINGS) -> SortedSet:
    held = SortedSet()
    for member, score in content.items():
        held.add(member, score, settings)
    return held


def content_of(held: SortedSet) -> list[Pair]:
    names, numbers = held.pairs(0, len(held))
    assert names == held.members(0, len(held))
    return list(zip(numbers, names, strict=True))


class Tree:
    """A tree with the sorted list that it should be."""

    def __init__(self) -> None:
        self.root: Node = Leaf([], [])
        self.model: list[Pair] = []

    def add(self, pair: Pair) -> None:
        if pair not in self.model:
            insort(self.model, pair)
            self.root = grown(self.root, self.root.add(pair[0], pair[0], pair[1]))

    def remove(self, pair: Pair) -> None:
        if pair in self.model:
            self.model.remove(pair)
            self.root.remove(*pair)
            self.root = shrunk(self.root)

    def cut(self, start: int, stop: int) -> None:
        start, stop = start % (len(self.model) + 1), stop % (len(self.model) + 1)
        if start < stop:
            del self.model[start:stop]
            self.root.cut(start, stop)
            self.root = shrunk(self.root)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), scores, members),
            st.tuples(st.just("remove"), scores, members),
            st.tuples(st.just("cut"), st.integers(0, 99), st.integers(0, 99)),
        ),
        max_size=120,
    )
)
def test_a_tree_is_the_sorted_list_of_its_pairs(steps: list[tuple[str, Any, Any]]) -> None:
    both = Tree()
    for step, first, second in steps:
        if step == "cut":
            both.cut(first, second)
        elif step == "add":
            both.add((first, second))
        else:
            both.remove((first, second))
        assert pairs_of(both.root) == both.model
    size = len(both.model)
    assert pairs_of(both.root, size // 3, size * 2 // 3) == both.model[size // 3 : size * 2 // 3]
    for score, member in [*both.model, (0.5, b"x"), (math.inf, b"~"), (-math.inf, b"")]:
        assert both.root.before(score, member) == bisect_left(both.model, (score, member))


def test_a_large_tree_stays_in_order_while_it_grows_and_shrinks() -> None:
    random = Random(5)
    both = Tree()
    for _ in range(LEAF * 20):
        insort(
            both.model, pair := (float(random.randrange(300)), b"%d" % random.randrange(1 << 40))
        )
        both.root = grown(both.root, both.root.add(pair[0], pair[0], pair[1]))
    assert pairs_of(both.root) == both.model
    while both.model:
        for _ in range(LEAF):
            both.remove(random.choice(both.model))
            if not both.model:
                break
        both.cut(random.randrange(LEAF), random.randrange(LEAF * 3))
        assert pairs_of(both.root) == both.model
    assert both.root.count == 0


@pytest.mark.parametrize("count", (0, 1, LEAF, LEAF + 1, LEAF * FAN + 1))
def test_a_tree_made_at_once_has_all_pairs_and_is_freed_in_steps(count: int) -> None:
    names = [b"%07d" % number for number in range(count)]
    root = tree([1.0] * count, names)
    assert [member for _, member in pairs_of(root)] == names
    for rank in range(0, count, 97):
        assert root.before(1.0, names[rank]) == root.before_name(names[rank]) == rank
    freed = 0
    while root.count:
        freed += root.shed(10)
    assert freed == count


@given(st.dictionaries(members, scores), st.lists(st.tuples(members, scores)))
def test_both_encodings_are_dictionaries_in_order(
    content: dict[bytes, float], changes: list[tuple[bytes, float]]
) -> None:
    for settings in (SETTINGS, SMALL):
        held, model = built(content, settings), dict(content)
        for member, score in changes:
            old = model.get(member)
            assert held.score(member) == old
            if old is None:
                held.add(member, score, settings)
            elif old == score:
                assert held.remove(member)
                del model[member]
                continue
            else:
                held.move(member, old, score)
            model[member] = score
        assert content_of(held) == content_of(held.copy()) == in_order(model)
        assert content_of(sorted_set_of(model, settings)) == in_order(model)
        assert not held.remove(b"not there")
        for rank, (score, member) in enumerate(in_order(model)):
            assert held.rank(member, score) == rank
        for bound in (-math.inf, -1.0, 0.0, 2.2, math.inf):
            lower = [score for score in model.values() if score < bound]
            equal = [score for score in model.values() if score == bound]
            assert held.before_score(bound, inclusive=False) == len(lower)
            assert held.before_score(bound, inclusive=True) == len(lower) + len(equal)
        for score, member in content_of(held):
            assert held.score(member) == score


@given(st.sets(members), members)
def test_names_are_counted_where_all_scores_are_equal(names: set[bytes], bound: bytes) -> None:
    held = built(dict.fromkeys(names, 1.0), SMALL)
    assert held.before_member(bound, inclusive=False) == len([n for n in names if n < bound])
    assert held.before_member(bound, inclusive=True) == len([n for n in names if n <= bound])


def test_few_and_short_members_are_a_listpack_and_it_never_comes_back() -> None:
    held = built({b"%d" % number: 0.0 for number in range(4)}, SMALL)
    assert held.encoding(SMALL) == b"listpack"
    held.add(b"4", 0.0, SMALL)
    assert held.encoding(SMALL) == b"skiplist"
    held.cut(1, 5)
    assert held.encoding(SMALL) == b"skiplist"
    assert built({b"12345": 0.0}, SMALL).encoding(SMALL) == b"skiplist"
    assert sorted_set_of({b"1234": 0.0}, SMALL).encoding(SMALL) == b"listpack"
    assert sorted_set_of({b"12345": 0.0}, SMALL).encoding(SMALL) == b"skiplist"


def test_a_listpack_forgets_the_sign_of_zero() -> None:
    for held in (built({b"m": -0.0}), sorted_set_of({b"m": -0.0}, SETTINGS)):
        assert math.copysign(1, held.pairs(0, 1)[1][0]) == 1
    for held in (built({b"a longer one": -0.0}, SMALL), sorted_set_of({b"longer": -0.0}, SMALL)):
        assert math.copysign(1, held.pairs(0, 1)[1][0]) == -1


@given(st.integers(0), st.integers(1, 400))
def test_a_walk_misses_nothing_that_is_there_throughout(seed: int, count: int) -> None:
    random = Random(seed)
    scattered = Buckets()
    staying = {b"s%d" % number for number in range(LOAD * 3)}
    passing = [b"p%d" % number for number in range(LOAD * 8)]
    for member in staying:
        scattered.set(member, 1.0)
    there: set[bytes] = set()
    seen: set[bytes] = set()
    cursor, growing = 0, random.random() < 0.5
    while True:
        cursor, found = scattered.scan(cursor, count)
        seen.update(found)
        if cursor == 0:
            break
        for member in random.sample(passing, LOAD):
            if growing and member not in there:
                scattered.set(member, 2.0)
                there.add(member)
            elif not growing and member in there:
                scattered.remove(member)
                there.remove(member)
        if random.random() < 0.2:
            growing = not growing
    assert seen >= staying
    assert seen <= staying.union(passing)
    assert scattered.count == len(staying) + len(there)
    for member in passing:
        assert scattered.get(member) == (2.0 if member in there else None)


def test_a_step_of_a_walk_is_about_as_long_as_asked() -> None:
    scattered = Buckets()
    for number in range(LOAD * 40):
        scattered.set(b"%d" % number, 0.0)
    assert len(scattered.scan(0, 10)[1]) < 100
    assert len(scattered.scan(0, 5000)[1]) < 20_000
    assert scattered.scan((1 << 64) - 1, 10)[1]


def test_a_large_sorted_set_is_freed_in_steps() -> None:
    held = sorted_set_of({b"%d" % number: 1.0 for number in range(20_000)}, SETTINGS)
    steps = 1
    while held.release(500):
        steps += 1
    assert steps > 20
    assert len(held) == 0


@given(st.lists(st.tuples(st.dictionaries(members, scores), scores), min_size=1, max_size=3))
def test_combinations_are_those_of_python_sets(
    words: list[tuple[dict[bytes, float], float]],
) -> None:
    sources = [Weighted(built(content, SMALL), weight) for content, weight in words]
    models = [set(content) for content, _ in words]
    for aggregate in (SUM, MIN, MAX):
        assert set(united(sources, aggregate)) == set.union(*models)
        assert set(shared(sources, aggregate)) == set.intersection(*models)
        assert not any(math.isnan(score) for score in united(sources, aggregate).values())
    assert set(difference(sources)) == models[0].difference(*models[1:])
    assert shared([*sources, Weighted(None, 1.0)], SUM) == {}


def test_a_set_counts_as_scores_of_one_and_opposite_infinities_cancel_out() -> None:
    plain = Weighted(set_of([b"a", b"b"], SETTINGS), 3.0)
    held = Weighted(built({b"a": 2.0, b"c": math.inf}), 0.0)
    assert united([plain, held], SUM) == {b"a": 3.0, b"b": 3.0, b"c": 0.0}
    assert shared([plain, held], MIN) == {b"a": 0.0}
    infinite = [Weighted(built({b"a": math.inf}), weight) for weight in (1.0, -1.0)]
    assert united(infinite, SUM) == shared(infinite, SUM) == {b"a": 0.0}


@pytest.mark.parametrize(
    ("text", "number"),
    (
        ("1", 1.0), ("+5", 5.0), ("-.5e+1", -5.0), ("0x10", 16.0), ("0X1P3", 8.0), ("inf", math.inf),
        ("-Infinity", -math.inf), ("5e-324", 5e-324), ("0e999", 0.0), ("0x0p5", 0.0),
        ("nan", None), ("", None), (" 1", None), ("1 ", None), ("1_0", None), ("1e400", None),
        ("1e-400", None), ("0x1p-1075", None), ("0x1p1024", None), ("1\0", None), ("٣", None),
    ),
)  # fmt: skip
def test_a_score_is_read_as_strtod_does(text: str, number: float | None) -> None:
    assert parse_double(text.encode()) == number


@pytest.mark.parametrize(
    ("text", "number"),
    (("", 0.0), ("1\0x", 1.0), ("1e400", math.inf), ("1e-400", 0.0), ("0x2", None), ("nan", None)),
)
def test_a_bound_is_read_more_leniently(text: str, number: float | None) -> None:
    assert lenient_double(text.encode()) == number


# ---- commands


def flat(reply: Reply) -> list[object]:
    assert isinstance(reply, Pairs)
    return reply.flat


def message(reply: Reply) -> bytes:
    assert isinstance(reply, Failure)
    return reply.message


def test_options_of_zadd_decide_what_is_added_and_what_is_replied(client: Client) -> None:
    assert client("ZADD z 1 a 2 b") == 2
    assert client("ZADD z NX CH 5 a 3 c") == 1
    assert client("ZADD z XX CH 5 a 9 d") == 1
    assert client("ZADD z GT CH 4 a 6 b") == 1
    assert client("ZADD z LT INCR 1 a") is None
    assert client("ZADD z INCR -1 a") == 4.0
    assert client("ZADD z INCR inf a") == math.inf
    assert message(client("ZINCRBY z -inf a")) == b"ERR resulting score is not a number (NaN)"
    assert flat(client("ZRANGE z 0 -1 WITHSCORES")) == [b"c", 3.0, b"b", 6.0, b"a", math.inf]
    assert b"XX and NX" in message(client("ZADD z NX XX 1 a"))
    assert b"syntax" in message(client("ZADD z NX 1"))


def test_ranges_by_rank_score_and_name_agree_with_their_reverse(client: Client) -> None:
    client("ZADD z " + " ".join(f"{number} m{number}" for number in range(10)))
    assert client("ZRANGE z 2 -7") == [b"m2", b"m3"]
    assert client("ZRANGE z 0 1 REV") == [b"m9", b"m8"]
    assert client("ZRANGE z (2 5 BYSCORE LIMIT 1 2") == [b"m4", b"m5"]
    assert client("ZRANGE z 5 (2 BYSCORE REV LIMIT 1 2") == [b"m4", b"m3"]
    assert client("ZRANGE z (2 5 BYSCORE LIMIT -1 2") == []
    assert client("ZRANGE z [m3 (m5 BYLEX") == [b"m3", b"m4"]
    assert client("ZRANGE z + [m8 BYLEX REV") == [b"m9", b"m8"]
    assert client("ZLEXCOUNT z - (m3") == 3
    assert client("ZCOUNT z -inf (3") == 3
    assert client("ZREVRANK z m9 WITHSCORE") == [0, 9.0]
    assert b"LIMIT is only" in message(client("ZRANGE z 0 -1 LIMIT 0 5"))


def test_the_key_goes_with_its_last_member(client: Client) -> None:
    client.listen()
    commands = ("ZREM z a b", "ZREMRANGEBYRANK z 0 -1", "ZREMRANGEBYSCORE z 1 2", "ZPOPMIN z 9")
    for words in (*commands, "ZREMRANGEBYLEX z - +", "ZMPOP 1 z MAX COUNT 2"):
        client("ZADD z 1 a 2 b")
        client(words)
        assert client("EXISTS z") == 0
        event = words.split()[0].lower().replace("zmpop", "zpopmax")
        assert client.events() == [b"zadd z", f"{event} z".encode(), b"del z"]


def test_storing_nothing_deletes_what_was_there(client: Client) -> None:
    client("ZADD z 1 a")
    client("SET kept x")
    client.listen()
    assert client("ZUNIONSTORE kept 1 nothing") == 0
    assert client("ZRANGESTORE kept z 5 9") == 0
    assert client.events() == [b"del kept"]
    assert client("ZINTERSTORE kept 2 z z WEIGHTS 2 3") == 1
    assert client("ZSCORE kept a") == 5.0


def test_what_was_popped_is_told_as_one_end_and_a_count(client: Client) -> None:
    client("ZADD z 1 a 2 b 3 c 4 d")
    client.effects.clear()
    assert client("ZPOPMIN z") == [b"a", 1.0]
    assert client("BZPOPMAX none z 0") == [b"z", b"d", 4.0]
    assert client("ZMPOP 2 none z MIN COUNT 9") == [b"z", [[b"b", 2.0], [b"c", 3.0]]]
    client("ZMPOP 1 z MIN")
    assert client.effects == [b"ZPOPMIN z", b"ZPOPMAX z", b"ZPOPMIN z 2"]


def test_what_changes_nothing_is_told_to_nobody(client: Client) -> None:
    client("ZADD z 1 a")
    client.effects.clear()
    for words in ("ZADD z 1 a", "ZADD z NX 2 a", "ZREM z b", "ZINCRBY z 0 a", "ZPOPMIN z 0",
                  "ZREMRANGEBYSCORE z 5 9", "ZADD none XX 1 a"):  # fmt: skip
        client(words)
    assert client.effects == []


class Waiter(Outlet):
    """A client that may wait."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.replies: list[Reply] = []
        self.session = Session(client.namespace, self)

    def __call__(self, line: str) -> Reply:
        return self.session.execute([word.encode() for word in line.split()])

    def resume(self, reply: Reply) -> None:
        self.replies.append(reply)


def test_who_waits_is_served_first_come_first_served(client: Client) -> None:
    first, second, third = Waiter(client), Waiter(client), Waiter(client)
    assert first("BZPOPMIN other z 0") is NO_REPLY
    assert second("BZMPOP 0 1 z MAX COUNT 2") is NO_REPLY
    assert third("BZPOPMAX z 0") is NO_REPLY
    client("ZADD z 1 a 2 b 3 c")
    assert first.replies == [[b"z", b"a", 1.0]]
    assert second.replies == [[b"z", [[b"c", 3.0], [b"b", 2.0]]]]
    assert third.replies == []
    assert client.effects == [b"ZADD z 1 a 2 b 3 c", b"ZPOPMIN z", b"ZPOPMAX z 2"]


def test_who_waits_goes_on_while_there_is_something_else(client: Client) -> None:
    waiter = Waiter(client)
    waiter("BZPOPMIN z 0")
    client("RPUSH z x")
    assert waiter.replies == []
    client("DEL z")
    client("ZADD z 1 a")
    assert waiter.replies == [[b"z", b"a", 1.0]]
    assert b"WRONGTYPE" in message((client("SET z x"), client("BZPOPMIN z 0"))[1])


@pytest.mark.parametrize("count", (3, 500))
def test_a_walk_of_a_sorted_set_finds_every_member_with_its_score(
    client: Client, count: int
) -> None:
    for number in range(count):
        client("ZADD", "z", f"{number}.5", f"m{number}")
    found: list[object] = []
    cursor: object = b"0"
    while True:
        reply = client("ZSCAN", "z", cursor if isinstance(cursor, bytes) else b"", "COUNT", "20")
        assert isinstance(reply, list)
        cursor, batch = reply
        found += batch
        if cursor == b"0":
            break
    assert dict(zip(found[::2], found[1::2], strict=True)) == {
        b"m%d" % number: b"%d.5" % number for number in range(count)
    }


def test_random_members_come_once_each_or_as_often_as_asked(client: Client) -> None:
    client("ZADD z 1 a 2 b 3 c 4 d")
    assert client("ZRANDMEMBER z") in (b"a", b"b", b"c", b"d")
    drawn = client("ZRANDMEMBER z 3")
    assert isinstance(drawn, list)
    assert len(set(drawn)) == 3
    assert client("ZRANDMEMBER z 9") == [b"a", b"b", b"c", b"d"]
    many = flat(client("ZRANDMEMBER z -200 WITHSCORES"))
    assert set(zip(many[::2], many[1::2], strict=True)) == {
        (b"a", 1.0), (b"b", 2.0), (b"c", 3.0), (b"d", 4.0),
    }  # fmt: skip
    assert len(many) == 400


def test_all_of_a_large_sorted_set_is_let_go_of_in_the_background(client: Client) -> None:
    for number in range(500):
        client("ZADD", "z", number, f"m{number}")
    assert client("ZREMRANGEBYRANK z 0 -1") == 500
    assert client("EXISTS z") == 0
    assert len(client.namespace.garbage) == 1
    client.step()
    assert client.namespace.garbage == []
