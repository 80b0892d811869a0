"""https://redis.io/docs/latest/commands/?group=sorted-set"""

from __future__ import annotations

from tests.oracle.comparisons import same_cursor_kind, same_shape, scan
from tests.oracle.family import Family
from tests.oracle.values import pool

POOLS = {
    "bound": pool("0 1 2 3 (1 (2 -inf +inf inf", ["", "(", "abc", "nan", "(inf", "[1", "1_0", " 1", "((1"]),
    "rank": pool("0 1 2 3 -1 -2 -3 10", ["abc", "", "1.0", "(1", "9223372036854775807", "-9223372036854775808"]),
    "lex": pool("- + [m (m [n (o [a [z [ (", ["", "m", "[\x00", "*", "-inf", "++"]),
    "small-count": pool("0 1 2 3 5 -1 -3", ["abc", "", "9223372036854775808", "1.0"]),
}  # fmt: skip

ZSET_SETUP = """
    ZADD key (score member) ...
    ZADD key 1 "m" 2 "n" 3 "o"
    ZADD key 1 "m" 1 "n" 1 "o" 2 "p" 2 "q" 3 "r" 3 "s" 4 "t"
"""

ZSETS = Family(
    "zsets",
    """
    ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member
    ZADD key [NX | XX] [GT | LT] [CH] (score member) ...
    ZINCRBY key float member
    ZSCORE key member
    ZMSCORE key member ...
    ZCARD key
    ZRANK key member [WITHSCORE]
    ZREVRANK key member [WITHSCORE]
    ZCOUNT key bound bound
    ZRANGE key rank rank [REV] [WITHSCORES]
    ZRANGE key bound bound BYSCORE [REV] [LIMIT integer count] [WITHSCORES]
    ZRANGE key rank rank [BYSCORE | BYLEX] [REV] [LIMIT integer count] [WITHSCORES]
    ZREVRANGE key rank rank [WITHSCORES]
    ZRANGEBYSCORE key bound bound [WITHSCORES] [LIMIT integer count]
    ZREVRANGEBYSCORE key bound bound [WITHSCORES] [LIMIT integer count]
    ZRANGESTORE key key rank rank [REV]
    ZRANGESTORE key key bound bound BYSCORE [REV] [LIMIT integer count]
    ZREM key member ...
    ZREMRANGEBYRANK key rank rank
    ZREMRANGEBYSCORE key bound bound
    ZPOPMIN key [count]
    ZPOPMAX key [count]
    ZMPOP 2 key key (MIN | MAX) [COUNT count]
    ZMPOP count key ... (MIN | MAX) [COUNT count]
    ZRANDMEMBER key [small-count] [WITHSCORES]
    ZSCAN key cursor [MATCH pattern] [COUNT count]
    OBJECT ENCODING key
    """,
    setup=ZSET_SETUP,
    pools=POOLS,
    comparisons={"ZRANDMEMBER": same_shape, "ZSCAN 0": scan, "ZSCAN": same_cursor_kind},
)

AGGREGATES = Family(
    "zset aggregates",
    """
    ZUNION 2 key key [WEIGHTS float float] [AGGREGATE (SUM | MIN | MAX)] [WITHSCORES]
    ZINTER 2 key key [WEIGHTS float float] [AGGREGATE (SUM | MIN | MAX)] [WITHSCORES]
    ZUNION count key ... [WEIGHTS float ...] [WITHSCORES]
    ZINTER count key ... [WEIGHTS float ...] [WITHSCORES]
    ZDIFF 2 key key [WITHSCORES]
    ZDIFF count key ... [WITHSCORES]
    ZUNIONSTORE key 2 key key [WEIGHTS float float] [AGGREGATE (SUM | MIN | MAX)]
    ZINTERSTORE key 2 key key [WEIGHTS float float] [AGGREGATE (SUM | MIN | MAX)]
    ZUNIONSTORE key count key ... [WEIGHTS float ...] [AGGREGATE value]
    ZDIFFSTORE key 2 key key
    ZDIFFSTORE key count key ...
    ZINTERCARD 2 key key [LIMIT count]
    ZINTERCARD count key ... [LIMIT count]
    """,
    setup=ZSET_SETUP + "SADD key member ...",
    pools=POOLS,
)

# A range by name is only defined where all scores are equal, so here they are.
LEXICOGRAPHIC = Family(
    "lexicographic",
    """
    ZRANGE key lex lex BYLEX [REV] [LIMIT integer count]
    ZRANGE key lex lex BYLEX WITHSCORES
    ZRANGEBYLEX key lex lex [LIMIT integer count]
    ZREVRANGEBYLEX key lex lex [LIMIT integer count]
    ZLEXCOUNT key lex lex
    ZREMRANGEBYLEX key lex lex
    ZRANGESTORE key key lex lex BYLEX [REV] [LIMIT integer count]
    """,
    setup="""
    ZADD key (0 member) ...
    ZADD key 0 "m" 0 "n" 0 "o" 0 "p" 0 "q" 0 "r" 0 "s" 0 "t" 0 "u"
    SET key value
    DEL key
    """,
    pools=POOLS,
    neighbours="",
)
