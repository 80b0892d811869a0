"""The sorted set commands: https://redis.io/docs/latest/commands/?group=sorted-set"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from nearkeep.engine import timeout
from nearkeep.engine.command import command
from nearkeep.engine.commands.generic import ScanOptions, drop_if_empty, free, scan_cursor
from nearkeep.engine.draw import bounded, draw_count, draw_place, draw_places
from nearkeep.engine.glob import matches
from nearkeep.engine.keyspace import GENERIC, ZSET, Keyspace
from nearkeep.engine.text import (
    SYNTAX_ERROR,
    double,
    double_or,
    integer,
    lenient_double,
    number_or,
    parse_double,
)
from nearkeep.engine.values.combination import (
    MAX,
    MIN,
    SUM,
    Weighted,
    difference,
    shared,
    united,
)
from nearkeep.engine.values.set import Set
from nearkeep.engine.values.value import WRONG_TYPE
from nearkeep.engine.values.zset import SortedSet, in_order, sorted_set_of
from nearkeep.wire.double import format_double
from nearkeep.wire.reply import NULL_ARRAY, Failure, Pairs, Reply

if TYPE_CHECKING:
    from nearkeep.engine.session import Session

# Options of ZADD.
NX: Final = 1
XX: Final = 2
GT: Final = 4
LT: Final = 8
CH: Final = 16
INCR: Final = 32

_OPTIONS: Final = {b"NX": NX, b"XX": XX, b"GT": GT, b"LT": LT, b"CH": CH, b"INCR": INCR}
_NEVER_TOGETHER: Final = (
    (NX | XX, Failure(b"ERR XX and NX options at the same time are not compatible")),
    (GT | NX, Failure(b"ERR GT, LT, and/or NX options at the same time are not compatible")),
    (LT | NX, Failure(b"ERR GT, LT, and/or NX options at the same time are not compatible")),
    (GT | LT, Failure(b"ERR GT, LT, and/or NX options at the same time are not compatible")),
)
_ONE_INCREMENT: Final = Failure(b"ERR INCR option supports a single increment-element pair")
_NOT_A_NUMBER: Final = b"ERR resulting score is not a number (NaN)"
_NOT_SCORE: Final = b"ERR min or max is not a float"
_NOT_NAME: Final = b"ERR min or max not valid string range item"
_NOT_POSITIVE: Final = b"ERR value is out of range, must be positive"
_NO_KEYS: Final = b"ERR numkeys should be greater than 0"
_NO_COUNT: Final = b"ERR count should be greater than 0"
_NO_WEIGHT: Final = b"ERR weight value is not a float"
_NEGATIVE_LIMIT: Final = b"ERR LIMIT can't be negative"
_LIMITED_RANKS: Final = Failure(
    b"ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
)
_SCORED_NAMES: Final = Failure(
    b"ERR syntax error, WITHSCORES not supported in combination with BYLEX"
)
_OUT_OF_RANGE: Final = Failure(b"ERR value is out of range")
_MOST_DRAWN: Final = 4611686018427387903
"""Members that may be drawn with their scores."""


@command(
    "ZADD key [condition=(NX | XX)] [comparison=(GT | LT)] [change=CH] [increment=INCR] "
    "data=(score:double member) ...",
    group="sorted-set", since="1.2.0", complexity="O(log(N)) for each member",
    flags="write denyoom fast", keys="1 RW update",
    summary="Adds members to a sorted set or changes their scores.",
)  # fmt: skip
def zadd(session: Session, args: list[bytes]) -> Reply:
    if len(args) == 4:
        score = parse_double(args[2])
        if score is not None:
            return _add_one(session, args[1], score, args[3])
    return _add(session, args, 0)


@command(
    "ZINCRBY key increment:integer member",
    group="sorted-set", since="1.2.0", complexity="O(log(N))",
    flags="write denyoom fast", keys="1 RW access update",
    summary="Adds to the score of a member.",
)  # fmt: skip
def zincrby(session: Session, args: list[bytes]) -> Reply:
    return _add(session, args, INCR)


@command(
    "ZREM key member ...",
    group="sorted-set", since="1.2.0", complexity="O(M*log(N))",
    flags="write fast", keys="1 RW delete",
    summary="Removes members from a sorted set.",
)  # fmt: skip
def zrem(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    key = args[1]
    held = _to_write(db, key)
    if held is None:
        return 0
    removed = 0
    for index in range(2, len(args)):
        if held.remove(args[index]):
            removed += 1
            db.changed(key)
    if removed:
        db.notify(ZSET, b"zrem", key)
        drop_if_empty(db, key, held)
    return removed


@command(
    "ZCARD key",
    group="sorted-set", since="1.2.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO",
    summary="Returns the number of members of a sorted set.",
)  # fmt: skip
def zcard(session: Session, args: list[bytes]) -> Reply:
    held = to_read(session.db, args[1])
    return 0 if held is None else len(held)


@command(
    "ZSCORE key member",
    group="sorted-set", since="1.2.0", complexity="O(1)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns the score of a member.",
)  # fmt: skip
def zscore(session: Session, args: list[bytes]) -> Reply:
    held = to_read(session.db, args[1])
    return None if held is None else held.score(args[2])


@command(
    "ZMSCORE key member ...",
    group="sorted-set", since="6.2.0", complexity="O(N)",
    flags="readonly fast", keys="1 RO access",
    summary="Returns the scores of several members.",
)  # fmt: skip
def zmscore(session: Session, args: list[bytes]) -> Reply:
    held = to_read(session.db, args[1])
    if held is None:
        return [None] * (len(args) - 2)
    return [held.score(member) for member in args[2:]]


@command(
    "ZRANK key member [WITHSCORE]",
    group="sorted-set", since="2.0.0", complexity="O(log(N))",
    flags="readonly fast", keys="1 RO access",
    summary="Returns the rank of a member, the lowest score first.",
)  # fmt: skip
def zrank(session: Session, args: list[bytes]) -> Reply:
    return _rank(session, args, reverse=False)


@command(
    "ZREVRANK key member [WITHSCORE]",
    group="sorted-set", since="2.0.0", complexity="O(log(N))",
    flags="readonly fast", keys="1 RO access",
    summary="Returns the rank of a member, the highest score first.",
)  # fmt: skip
def zrevrank(session: Session, args: list[bytes]) -> Reply:
    return _rank(session, args, reverse=True)


@command(
    "ZCOUNT key min:double max:double",
    group="sorted-set", since="2.0.0", complexity="O(log(N))",
    flags="readonly fast", keys="1 RO access",
    summary="Counts the members whose scores lie between two.",
)  # fmt: skip
def zcount(session: Session, args: list[bytes]) -> Reply:
    return _count(session, args[1], Scores(args[2], args[3]))


@command(
    "ZLEXCOUNT key min max",
    group="sorted-set", since="2.8.9", complexity="O(log(N))",
    flags="readonly fast", keys="1 RO access",
    summary="Counts the members between two in alphabetical order.",
)  # fmt: skip
def zlexcount(session: Session, args: list[bytes]) -> Reply:
    return _count(session, args[1], Names(args[2], args[3]))


@command(
    "ZRANGE key start stop [sortby=(BYSCORE | BYLEX)] [REV] "
    "[LIMIT (offset:integer count:integer)] [WITHSCORES]",
    group="sorted-set", since="1.2.0", complexity="O(log(N)+M)",
    flags="readonly", keys="1 RO access",
    summary="Returns a range of members by rank, score or alphabet.",
)  # fmt: skip
def zrange(session: Session, args: list[bytes]) -> Reply:
    return _range(session, args[1], RangeOptions(args, 2, scores=True))


@command(
    "ZRANGESTORE dst:key src:key min max [sortby=(BYSCORE | BYLEX)] [REV] "
    "[LIMIT (offset:integer count:integer)]",
    group="sorted-set", since="6.2.0", complexity="O(log(N)+M)",
    flags="write denyoom", keys="1 OW update; 2 RO access",
    summary="Stores a range of members by rank, score or alphabet.",
)  # fmt: skip
def zrangestore(session: Session, args: list[bytes]) -> Reply:
    db = session.db
    options = RangeOptions(args, 3)
    held = to_read(db, args[2])
    made = SortedSet()
    if held is not None:
        settings = session.namespace.settings
        members, scores = options.found(held)
        if isinstance(options.range, Ranks):
            made.expect(len(members), 0, settings)
        for place in range(len(members)):
            made.add(members[place], scores[place], settings)
    return store(session, args[1], made, b"zrangestore")


@command(
    "ZREVRANGE key start:integer stop:integer [WITHSCORES]",
    group="sorted-set", since="1.2.0", complexity="O(log(N)+M)",
    flags="readonly", keys="1 RO access", deprecated="6.2.0", replaced_by="`ZRANGE` with `REV`",
    summary="Returns the members between two ranks, the highest score first.",
)  # fmt: skip
def zrevrange(session: Session, args: list[bytes]) -> Reply:
    return _range(session, args[1], RangeOptions(args, 2, by=b"", reverse=True, scores=True))


@command(
    "ZRANGEBYSCORE key min:double max:double [WITHSCORES] [LIMIT (offset:integer count:integer)]",
    group="sorted-set", since="1.0.5", complexity="O(log(N)+M)",
    flags="readonly", keys="1 RO access", deprecated="6.2.0", replaced_by="`ZRANGE` with `BYSCORE`",
    summary="Returns the members whose scores lie between two.",
)  # fmt: skip
def zrangebyscore(session: Session, args: list[bytes]) -> Reply:
    return _range(session, args[1], RangeOptions(args, 2, by=b"BYSCORE", scores=True))


@command(
    "ZREVRANGEBYSCORE key max:double min:double [WITHSCORES] "
    "[LIMIT (offset:integer count:integer)]",
    group="sorted-set", since="2.2.0", complexity="O(log(N)+M)",
    flags="readonly", keys="1 RO access", deprecated="6.2.0",
    replaced_by="`ZRANGE` with `BYSCORE` and `REV`",
    summary="Returns the members whose scores lie between two, the highest first.",
)  # fmt: skip
def zrevrangebyscore(session: Session, args: list[bytes]) -> Reply:
    options = RangeOptions(args, 2, by=b"BYSCORE", reverse=True, scores=True)
    return _range(session, args[1], options)


@command(
    "ZRANGEBYLEX key min max [LIMIT (offset:integer count:integer)]",
    group="sorted-set", since="2.8.9", complexity="O(log(N)+M)",
    flags="readonly", keys="1 RO access", deprecated="6.2.0", replaced_by="`ZRANGE` with `BYLEX`",
    summary="Returns the members between two in alphabetical order.",
)  # fmt: skip
def zrangebylex(session: Session, args: list[bytes]) -> Reply:
    return _range(session, args[1], RangeOptions(args, 2, by=b"BYLEX", scores=True))


@command(
    "ZREVRANGEBYLEX key max min [LIMIT (offset:integer count:integer)]",
    group="sorted-set", since="2.8.9", complexity="O(log(N)+M)",
    flags="readonly", keys="1 RO access", deprecated="6.2.0",
    replaced_by="`ZRANGE` with `BYLEX` and `REV`",
    summary="Returns the members between two in reverse alphabetical order.",
)  # fmt: skip
def zrevrangebylex(session: Session, args: list[bytes]) -> Reply:
    options = RangeOptions(args, 2, by=b"BYLEX", reverse=True, scores=True)
    return _range(session, args[1], options)


@command(
    "ZREMRANGEBYRANK key start:integer stop:integer",
    group="sorted-set", since="2.0.0", complexity="O(log(N)+M)",
    flags="write", keys="1 RW delete",
    summary="Removes the members between two ranks.",
)  # fmt: skip
def zremrangebyrank(session: Session, args: list[bytes]) -> Reply:
    return _remove_range(session, args, Ranks(args[2], args[3]), b"zremrangebyrank")


@command(
    "ZREMRANGEBYSCORE key min:double max:double",
    group="sorted-set", since="1.2.0", complexity="O(log(N)+M)",
    flags="write", keys="1 RW delete",
    summary="Removes the members whose scores lie between two.",
)  # fmt: skip
def zremrangebyscore(session: Session, args: list[bytes]) -> Reply:
    return _remove_range(session, args, Scores(args[2], args[3]), b"zremrangebyscore")


@command(
    "ZREMRANGEBYLEX key min max",
    group="sorted-set", since="2.8.9", complexity="O(log(N)+M)",
    flags="write", keys="1 RW delete",
    summary="Removes the members between two in alphabetical order.",
)  # fmt: skip
def zremrangebylex(session: Session, args: list[bytes]) -> Reply:
    return _remove_range(session, args, Names(args[2], args[3]), b"zremrangebylex")


@command(
    "ZPOPMIN key [count:integer]",
    group="sorted-set", since="5.0.0", complexity="O(log(N)*M)",
    flags="write fast", keys="1 RW access delete",
    summary="Pops the members with the lowest scores.",
)  # fmt: skip
def zpopmin(session: Session, args: list[bytes]) -> Reply:
    return _pop_counted(session, args, lowest=True)


@command(
    "ZPOPMAX key [count:integer]",
    group="sorted-set", since="5.0.0", complexity="O(log(N)*M)",
    flags="write fast", keys="1 RW access delete",
    summary="Pops the members with the highest scores.",
)  # fmt: skip
def zpopmax(session: Session, args: list[bytes]) -> Reply:
    return _pop_counted(session, args, lowest=False)


@command(
    "ZMPOP numkeys:integer key ... where=(MIN | MAX) [COUNT count:integer]",
    group="sorted-set", since="7.0.0", complexity="O(K) + O(M*log(N))",
    flags="write", keys="1 numkeys RW access delete",
    summary="Pops members from the first sorted set that has some.",
)  # fmt: skip
def zmpop(session: Session, args: list[bytes]) -> Reply:
    return PopMany(args, 1).run(session)


@command(
    "BZPOPMIN key ... timeout:double",
    group="sorted-set", since="5.0.0", complexity="O(log(N))",
    flags="write blocking fast", keys="1..-2 RW access delete",
    summary="Pops the member with the lowest score, waiting for one.",
)  # fmt: skip
def bzpopmin(session: Session, args: list[bytes]) -> Reply:
    return _pop_waiting(session, args, lowest=True)


@command(
    "BZPOPMAX key ... timeout:double",
    group="sorted-set", since="5.0.0", complexity="O(log(N))",
    flags="write blocking fast", keys="1..-2 RW access delete",
    summary="Pops the member with the highest score, waiting for one.",
)  # fmt: skip
def bzpopmax(session: Session, args: list[bytes]) -> Reply:
    return _pop_waiting(session, args, lowest=False)


@command(
    "BZMPOP timeout:double numkeys:integer key ... where=(MIN | MAX) [COUNT count:integer]",
    group="sorted-set", since="7.0.0", complexity="O(K) + O(M*log(N))",
    flags="write blocking", keys="2 numkeys RW access delete",
    summary="Pops members from the first sorted set that has some, waiting for one.",
)  # fmt: skip
def bzmpop(session: Session, args: list[bytes]) -> Reply:
    wanted = PopMany(args, 2)
    wait = timeout.seconds(args[1], session.namespace.clock.ms)
    found = wanted.run(session)
    if found is NULL_ARRAY:
        return session.block(wanted.keys, wait, NULL_ARRAY, args, b"zset")
    return found


@command(
    "ZRANDMEMBER key [options=(count:integer [WITHSCORES])]",
    group="sorted-set", since="6.2.0", complexity="O(N)",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output",
    summary="Returns members of a sorted set drawn at random.",
)  # fmt: skip
def zrandmember(session: Session, args: list[bytes]) -> Reply:
    draw = session.namespace.random
    if len(args) == 2:
        held = to_read(session.db, args[1])
        if held is None:
            return None
        place = draw_place(draw, len(held))
        return held.members(place, place + 1)[0]
    count = draw_count(args[2])
    if len(args) > 4 or (len(args) == 4 and args[3].upper() != b"WITHSCORES"):
        return SYNTAX_ERROR
    with_scores = len(args) == 4
    if with_scores and not -_MOST_DRAWN <= count <= _MOST_DRAWN:
        return _OUT_OF_RANGE
    held = to_read(session.db, args[1])
    if held is None or count == 0:
        return []
    size = len(held)
    count = bounded(count, session.outlet)
    places = draw_places(draw, size, count) if count < size else list(range(size))
    found: list[object] = []
    for place in places:
        members, scores = held.pairs(place, place + 1)
        found += members
        if with_scores:
            found += scores
    return Pairs(found) if with_scores else found


@command(
    "ZINTER numkeys:integer key ... [WEIGHTS weight:integer ...] [AGGREGATE (SUM | MIN | MAX)] "
    "[WITHSCORES]",
    group="sorted-set", since="6.2.0", complexity="O(N*K)+O(M*log(M))",
    flags="readonly", keys="1 numkeys RO access",
    summary="Returns the members that all the sorted sets share.",
)  # fmt: skip
def zinter(session: Session, args: list[bytes]) -> Reply:
    combined = Combination(session, args, 1, scores=True)
    return combined.reply(combined.shared())


@command(
    "ZINTERSTORE destination:key numkeys:integer key ... [WEIGHTS weight:integer ...] "
    "[AGGREGATE (SUM | MIN | MAX)]",
    group="sorted-set", since="2.0.0", complexity="O(N*K)+O(M*log(M))",
    flags="write denyoom", keys="1 OW update; 2 numkeys RO access",
    summary="Stores the members that all the sorted sets share.",
)  # fmt: skip
def zinterstore(session: Session, args: list[bytes]) -> Reply:
    found = Combination(session, args, 2).shared()
    made = sorted_set_of(found, session.namespace.settings)
    return store(session, args[1], made, b"zinterstore")


@command(
    "ZINTERCARD numkeys:integer key ... [LIMIT limit:integer]",
    group="sorted-set", since="7.0.0", complexity="O(N*K)",
    flags="readonly", keys="1 numkeys RO access",
    summary="Counts the members that all the sorted sets share.",
)  # fmt: skip
def zintercard(session: Session, args: list[bytes]) -> Reply:
    return len(Combination(session, args, 1, weights=False, limit=True).shared())


@command(
    "ZUNION numkeys:integer key ... [WEIGHTS weight:integer ...] [AGGREGATE (SUM | MIN | MAX)] "
    "[WITHSCORES]",
    group="sorted-set", since="6.2.0", complexity="O(N)+O(M*log(M))",
    flags="readonly", keys="1 numkeys RO access",
    summary="Returns the members that any of the sorted sets has.",
)  # fmt: skip
def zunion(session: Session, args: list[bytes]) -> Reply:
    combined = Combination(session, args, 1, scores=True)
    return combined.reply(combined.united())


@command(
    "ZUNIONSTORE destination:key numkeys:integer key ... [WEIGHTS weight:integer ...] "
    "[AGGREGATE (SUM | MIN | MAX)]",
    group="sorted-set", since="2.0.0", complexity="O(N)+O(M log(M))",
    flags="write denyoom", keys="1 OW update; 2 numkeys RO access",
    summary="Stores the members that any of the sorted sets has.",
)  # fmt: skip
def zunionstore(session: Session, args: list[bytes]) -> Reply:
    found = Combination(session, args, 2).united()
    made = sorted_set_of(found, session.namespace.settings)
    return store(session, args[1], made, b"zunionstore")


@command(
    "ZDIFF numkeys:integer key ... [WITHSCORES]",
    group="sorted-set", since="6.2.0", complexity="O(L + (N-K)log(N))",
    flags="readonly", keys="1 numkeys RO access",
    summary="Returns the members of the first sorted set that no other has.",
)  # fmt: skip
def zdiff(session: Session, args: list[bytes]) -> Reply:
    combined = Combination(session, args, 1, weights=False, scores=True)
    return combined.reply(combined.difference())


@command(
    "ZDIFFSTORE destination:key numkeys:integer key ...",
    group="sorted-set", since="6.2.0", complexity="O(L + (N-K)log(N))",
    flags="write denyoom", keys="1 OW update; 2 numkeys RO access",
    summary="Stores the members of the first sorted set that no other has.",
)  # fmt: skip
def zdiffstore(session: Session, args: list[bytes]) -> Reply:
    found = Combination(session, args, 2, weights=False).difference()
    made = sorted_set_of(found, session.namespace.settings)
    return store(session, args[1], made, b"zdiffstore")


@command(
    "ZSCAN key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
    group="sorted-set", since="2.8.0", complexity="O(1) for each call, O(N) for all",
    flags="readonly", keys="1 RO access", hints="nondeterministic_output",
    summary="Walks the members of a sorted set, a few at a time.",
)  # fmt: skip
def zscan(session: Session, args: list[bytes]) -> Reply:
    cursor = scan_cursor(args[2])
    held = to_read(session.db, args[1])
    if held is None:
        return [b"0", []]
    options = ScanOptions(args, 3)
    following, found = held.scan(cursor, options.count)
    is_small = held.encoding(session.namespace.settings) == b"listpack"
    kept: list[object] = []
    for member in found:
        if options.every or matches(options.pattern, member):
            score = held.score(member)
            if score is not None:
                # Redis writes the scores of a large one with 17 digits, here alone.
                kept += (member, format_double(score) if is_small else b"%.17g" % score)
    return [b"%d" % following, kept]


# ---- ranges


class Range:
    """Which members are meant, as two bounds that the client gave."""

    def ranks(self, held: SortedSet, reverse: bool) -> tuple[int, int]:
        """The ranks of the first member that is in and the first that is not, if any is."""
        raise NotImplementedError


class Ranks(Range):
    """From one rank to another, both in; negative ones from the end."""

    def __init__(self, first: bytes, last: bytes) -> None:
        self.first = integer(first)
        self.last = integer(last)

    def ranks(self, held: SortedSet, reverse: bool) -> tuple[int, int]:
        size = len(held)
        start = max(self.first + size if self.first < 0 else self.first, 0)
        stop = min(self.last + size if self.last < 0 else self.last, size - 1) + 1
        return (size - stop, size - start) if reverse else (start, stop)


class Scores(Range):
    """From one score to another; `(` keeps a bound out.

    Raises:
        Failure: a bound is no number.
    """

    def __init__(self, low: bytes, high: bytes) -> None:
        self.above = low[:1] == b"("
        self.below = high[:1] == b"("
        self.low = _bound(low[1:] if self.above else low)
        self.high = _bound(high[1:] if self.below else high)

    def ranks(self, held: SortedSet, reverse: bool) -> tuple[int, int]:
        return (
            held.before_score(self.low, inclusive=self.above),
            held.before_score(self.high, inclusive=not self.below),
        )


class Names(Range):
    """From one member to another where all scores are equal: `[` in, `(` out, `-` and `+` for all.

    Raises:
        Failure: a bound is something else.
    """

    def __init__(self, low: bytes, high: bytes) -> None:
        self.low = _name(low)
        self.high = _name(high)

    def ranks(self, held: SortedSet, reverse: bool) -> tuple[int, int]:
        return _place(held, self.low, b"("), _place(held, self.high, b"[")


def _bound(text: bytes) -> float:
    score = lenient_double(text)
    if score is None:
        raise Failure(_NOT_SCORE)
    return score


def _name(text: bytes) -> bytes:
    kind = text[:1]
    if kind in (b"-", b"+") and text[1:2] in (b"", b"\0"):
        return kind
    if kind in (b"[", b"("):
        return text
    raise Failure(_NOT_NAME)


def _place(held: SortedSet, bound: bytes, inclusive: bytes) -> int:
    """How many members come before a bound, itself counted if it is of this kind."""
    kind = bound[:1]
    if kind == b"-":
        return 0
    if kind == b"+":
        return len(held)
    return held.before_member(bound[1:], inclusive=kind == inclusive)


class RangeOptions:
    """The bounds of a range and what follows them: BYSCORE, BYLEX, REV, LIMIT and WITHSCORES.

    `by` and `reverse` say what the command's name says already.

    Raises:
        Failure: the options or bounds are not well formed.
    """

    def __init__(
        self,
        args: list[bytes],
        start: int,
        by: bytes | None = None,
        reverse: bool = False,
        scores: bool = False,
    ) -> None:
        self.reverse = reverse
        self.with_scores = False
        self.offset = 0
        self.limit = -1
        general = by is None
        kind = by or b""
        index = start + 2
        while index < len(args):
            option = args[index].upper()
            if scores and option == b"WITHSCORES":
                self.with_scores = True
            elif option == b"LIMIT" and index + 2 < len(args):
                self.offset = integer(args[index + 1])
                self.limit = integer(args[index + 2])
                index += 2
            elif general and not self.reverse and option == b"REV":
                self.reverse = True
            elif general and not kind and option in (b"BYSCORE", b"BYLEX"):
                kind = option
            else:
                raise Failure(SYNTAX_ERROR.message)
            index += 1
        if self.limit != -1 and not kind:
            raise Failure(_LIMITED_RANKS.message)
        if self.with_scores and kind == b"BYLEX":
            raise Failure(_SCORED_NAMES.message)
        low, high = args[start], args[start + 1]
        if not kind:
            self.offset = 0
            self.range: Range = Ranks(low, high)
        elif kind == b"BYSCORE":
            self.range = Scores(high, low) if self.reverse else Scores(low, high)
        else:
            self.range = Names(high, low) if self.reverse else Names(low, high)

    def found(self, held: SortedSet) -> tuple[list[bytes], list[float]]:
        """The members that are meant and their scores."""
        start, stop = self._ranks(held)
        members, scores = held.pairs(start, stop)
        if self.reverse:
            members.reverse()
            scores.reverse()
        return members, scores

    def members(self, held: SortedSet) -> list[bytes]:
        """The members that are meant."""
        start, stop = self._ranks(held)
        members = held.members(start, stop)
        if self.reverse:
            members.reverse()
        return members

    def _ranks(self, held: SortedSet) -> tuple[int, int]:
        start, stop = self.range.ranks(held, self.reverse)
        if not 0 <= self.offset < stop - start:
            return 0, 0
        if self.reverse:
            stop -= self.offset
            if 0 <= self.limit < stop - start:
                start = stop - self.limit
        else:
            start += self.offset
            if 0 <= self.limit < stop - start:
                stop = start + self.limit
        return start, stop


def _range(session: Session, key: bytes, options: RangeOptions) -> Reply:
    held = to_read(session.db, key)
    if held is None:
        return []
    if not options.with_scores:
        return options.members(held)
    members, scores = options.found(held)
    return _paired(members, scores)


def _paired(members: list[bytes], scores: list[float]) -> Pairs:
    flat: list[object] = [None] * (2 * len(members))
    flat[::2] = members
    flat[1::2] = scores
    return Pairs(flat)


def _count(session: Session, key: bytes, wanted: Range) -> Reply:
    held = to_read(session.db, key)
    if held is None:
        return 0
    start, stop = wanted.ranks(held, reverse=False)
    return max(stop - start, 0)


def _rank(session: Session, args: list[bytes], reverse: bool) -> Reply:
    if len(args) > 4:
        return Failure(b"ERR wrong number of arguments for '%s' command" % args[0].lower())
    with_score = len(args) == 4
    if with_score and args[3].upper() != b"WITHSCORE":
        return SYNTAX_ERROR
    held = to_read(session.db, args[1])
    score = None if held is None else held.score(args[2])
    if held is None or score is None:
        return NULL_ARRAY if with_score else None
    rank = held.rank(args[2], score)
    if reverse:
        rank = len(held) - 1 - rank
    return [rank, score] if with_score else rank


def _remove_range(session: Session, args: list[bytes], wanted: Range, event: bytes) -> Reply:
    db = session.db
    key = args[1]
    held = _to_write(db, key)
    if held is None:
        return 0
    start, stop = wanted.ranks(held, reverse=False)
    if start >= stop:
        return 0
    _cut(session, key, held, start, stop, event)
    return stop - start


# ---- adding and removing


def to_read(db: Keyspace, key: bytes) -> SortedSet | None:
    """The sorted set at a key, for a command that reads.

    Raises:
        Failure: there is something else.
    """
    value = db.read(key)
    if value is None or isinstance(value, SortedSet):
        return value
    raise Failure(WRONG_TYPE.message)


def _to_write(db: Keyspace, key: bytes) -> SortedSet | None:
    value = db.lookup(key)
    if value is None or isinstance(value, SortedSet):
        return value
    raise Failure(WRONG_TYPE.message)


def _add(session: Session, args: list[bytes], options: int) -> Reply:
    """Adds what follows the options of ZADD."""
    index = 2
    while index < len(args):
        option = _OPTIONS.get(args[index].upper())
        if option is None:
            break
        options |= option
        index += 1
    count = len(args) - index
    if count % 2 or not count:
        return SYNTAX_ERROR
    for both, failure in _NEVER_TOGETHER:
        if options & both == both:
            return failure
    if options & INCR and count > 2:
        return _ONE_INCREMENT
    scores = [double(args[place]) for place in range(index, len(args), 2)]
    return add(session, args[1], scores, args[index + 1 :: 2], options)


def _add_one(session: Session, key: bytes, score: float, member: bytes) -> Reply:
    """Adds one member, as most ZADDs do."""
    db = session.db
    held = _to_write(db, key)
    if held is None:
        return add(session, key, [score], [member], 0)
    old = held.score(member)
    if old is None:
        held.add(member, score, session.namespace.settings)
    elif old == score:
        return 0
    else:
        held.move(member, old, score)
    db.changed(key)
    db.notify(ZSET, b"zadd", key)
    return 1 if old is None else 0


def add(
    session: Session, key: bytes, scores: list[float], members: list[bytes], options: int
) -> Reply:
    """Adds members with their scores, and replies as ZADD does."""
    db = session.db
    settings = session.namespace.settings
    held = _to_write(db, key)
    if held is None:
        if options & XX:
            return None if options & INCR else 0
        held = SortedSet()
        held.expect(len(members), len(members[0]), settings)  # Redis looks no further
        db.set(key, held)
    elif len(members) > 1:
        held.expect(len(members), 0, settings)
    added = 0
    moved = 0
    result: float | None = None
    for index in range(len(members)):
        score = scores[index]
        member = members[index]
        old = held.score(member)
        if old is None:
            if options & XX:
                continue
            held.add(member, score, settings)
            added += 1
        else:
            if options & NX:
                continue
            if options & INCR:
                score += old
                if math.isnan(score):
                    raise Failure(_NOT_A_NUMBER)
            if (options & LT and score >= old) or (options & GT and score <= old):
                continue
            if score != old:
                held.move(member, old, score)
                moved += 1
        result = score
    if added or moved:
        for _ in range(added + moved):
            db.changed(key)
        db.notify(ZSET, b"zincr" if options & INCR else b"zadd", key)
    if options & INCR:
        return result
    return added + moved if options & CH else added


def _cut(
    session: Session, key: bytes, held: SortedSet, start: int, stop: int, event: bytes
) -> None:
    """Removes the members of ranks from `start` to `stop`, of which there is at least one."""
    db = session.db
    for _ in range(stop - start):
        db.changed(key)
    whole = stop - start == len(held)
    if not whole:
        held.cut(start, stop)
    db.notify(ZSET, event, key)
    if whole:
        db.remove(key)
        free(session.namespace, held)
        db.notify(GENERIC, b"del", key)


def _pop(session: Session, key: bytes, held: SortedSet, lowest: bool, count: int) -> Pairs:
    """Removes members from one end and returns them with their scores, the outermost first."""
    size = len(held)
    if count == 1 < size:
        member, score = held.pop(lowest)
        session.db.changed(key)
        session.db.notify(ZSET, b"zpopmin" if lowest else b"zpopmax", key)
        return Pairs([member, score])
    count = min(count, size)
    start = 0 if lowest else size - count
    stop = start + count
    members, scores = held.pairs(start, stop)
    if not lowest:
        members.reverse()
        scores.reverse()
    if count:
        _cut(session, key, held, start, stop, b"zpopmin" if lowest else b"zpopmax")
    return _paired(members, scores)


def _pop_counted(session: Session, args: list[bytes], lowest: bool) -> Reply:
    if len(args) > 3:
        return SYNTAX_ERROR
    count = 1
    if len(args) == 3:
        count = number_or(args[2], _NOT_POSITIVE)
        if count < 0:
            return Failure(_NOT_POSITIVE)
    held = _to_write(session.db, args[1])
    if held is None:
        return []
    popped = _pop(session, args[1], held, lowest, count)
    return popped if len(args) == 3 else popped.flat


def _pop_waiting(session: Session, args: list[bytes], lowest: bool) -> Reply:
    wait = timeout.seconds(args[-1], session.namespace.clock.ms)
    keys = args[1:-1]
    found = _first(session, keys)
    if found is None:
        return session.block(keys, wait, NULL_ARRAY, args, b"zset")
    key, held = found
    popped = _pop(session, key, held, lowest, 1)
    session.effect(b"ZPOPMIN" if lowest else b"ZPOPMAX", key)
    return [key, *popped.flat]


def _first(session: Session, keys: list[bytes]) -> tuple[bytes, SortedSet] | None:
    """The first key that holds a sorted set.

    Raises:
        Failure: before it there is something else. But who has been waiting is told of that only
            when there is a sorted set as well.
    """
    wrong = False
    for key in keys:
        value = session.db.lookup(key)
        if isinstance(value, SortedSet):
            if wrong:
                raise Failure(WRONG_TYPE.message)
            return key, value
        if value is not None:
            if session.blocked is None:
                raise Failure(WRONG_TYPE.message)
            wrong = True
    return None


class PopMany:
    """The arguments of ZMPOP and BZMPOP.

    Raises:
        Failure: they are not well formed.
    """

    def __init__(self, args: list[bytes], start: int) -> None:
        count = number_or(args[start], _NO_KEYS)
        if count <= 0:
            raise Failure(_NO_KEYS)
        where = start + 1 + count
        if where >= len(args) or args[where].upper() not in (b"MIN", b"MAX"):
            raise Failure(SYNTAX_ERROR.message)
        self.keys = args[start + 1 : where]
        self.lowest = args[where].upper() == b"MIN"
        self.count = 1
        rest = args[where + 1 :]
        if not rest:
            return
        if len(rest) < 2 or rest[0].upper() != b"COUNT":
            raise Failure(SYNTAX_ERROR.message)
        self.count = number_or(rest[1], _NO_COUNT)
        if self.count <= 0:
            raise Failure(_NO_COUNT)
        if len(rest) > 2:
            raise Failure(SYNTAX_ERROR.message)

    def run(self, session: Session) -> Reply:
        """Pops from the first sorted set that there is; a null array if there is none."""
        found = _first(session, self.keys)
        if found is None:
            return NULL_ARRAY
        key, held = found
        flat = _pop(session, key, held, self.lowest, self.count).flat
        pairs: list[object] = [flat[at : at + 2] for at in range(0, len(flat), 2)]
        session.effect(b"ZPOPMIN" if self.lowest else b"ZPOPMAX", key, b"%d" % len(pairs))
        return [key, pairs]


# ---- combining


class Combination:
    """The arguments of ZUNION, ZINTER, ZDIFF and their kin, with the keys looked up.

    Raises:
        Failure: they are not well formed, or a key holds neither a sorted set nor a set.
    """

    def __init__(
        self,
        session: Session,
        args: list[bytes],
        start: int,
        weights: bool = True,
        scores: bool = False,
        limit: bool = False,
    ) -> None:
        count = integer(args[start])
        if count < 1:
            raise Failure(b"ERR at least 1 input key is needed for '%s' command" % args[0].lower())
        if count > len(args) - start - 1:
            raise Failure(SYNTAX_ERROR.message)
        self.aggregate = SUM
        self.limit = 0
        self.with_scores = False
        self.sources: list[Weighted] = []
        index = start + 1 + count
        for key in args[start + 1 : index]:
            value = session.db.read(key)
            if value is not None and not isinstance(value, (SortedSet, Set)):
                raise Failure(WRONG_TYPE.message)
            self.sources.append(Weighted(value, 1.0))
        while index < len(args):
            option = args[index].upper()
            left = len(args) - index - 1
            if weights and option == b"WEIGHTS" and left >= count:
                for source in self.sources:
                    index += 1
                    source.weight = double_or(args[index], _NO_WEIGHT)
            elif weights and option == b"AGGREGATE" and left:
                index += 1
                self.aggregate = args[index].upper()
                if self.aggregate not in (SUM, MIN, MAX):
                    raise Failure(SYNTAX_ERROR.message)
            elif limit and option == b"LIMIT" and left:
                index += 1
                self.limit = number_or(args[index], _NEGATIVE_LIMIT)
                if self.limit < 0:
                    raise Failure(_NEGATIVE_LIMIT)
            elif scores and option == b"WITHSCORES":
                self.with_scores = True
            else:
                raise Failure(SYNTAX_ERROR.message)
            index += 1

    def united(self) -> dict[bytes, float]:
        """The members that any source has."""
        return united(self.sources, self.aggregate)

    def shared(self) -> dict[bytes, float]:
        """The members that all sources have."""
        return shared(self.sources, self.aggregate, self.limit)

    def difference(self) -> dict[bytes, float]:
        """The members of the first source that no other has."""
        return difference(self.sources)

    def reply(self, found: dict[bytes, float]) -> Reply:
        """Members in order, with their scores if they are wanted."""
        order = in_order(found)
        members = [member for _, member in order]
        if not self.with_scores:
            return members
        return _paired(members, [score for score, _ in order])


def store(session: Session, key: bytes, made: SortedSet, event: bytes, changes: int = 1) -> int:
    """Puts a sorted set where anything may have been; replies with the number of members.

    Storing it counts as so many changes.
    """
    db = session.db
    old = db.peek(key)
    if len(made):
        db.set(key, made)
        for _ in range(changes):
            db.changed(key)
        db.notify(ZSET, event, key)
    elif old is not None:
        db.remove(key)
        db.changed(key)
        db.notify(GENERIC, b"del", key)
    free(session.namespace, old)
    return len(made)
