"""Who is served, in which order and with what, where several clients wait.

Each scene is played to both servers, step by step; after each step all that any client has heard by
then must be the same. A line is a client and what it says.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.oracle.explore import start_oracle, start_subject
from tests.oracle.family import Family, Sequence
from tests.oracle.stage import Stage
from tests.oracle.transcript import transcript
from tests.servers import Server, running

CLIENTS = 5

SCENES = {
    "the first to come is the first to be served": """
        1 BLPOP a 0
        2 BRPOP a 0
        3 BLPOP a 0
        0 RPUSH a x y
        0 RPUSH a z w
        0 LRANGE a 0 -1
    """,
    "a list that is pushed as a whole is popped from its ends as they are then": """
        1 BLPOP a 0
        0 LPUSH a x y z
        1 BRPOP a 0
        1 BRPOP a 0
        1 LRANGE a 0 -1
    """,
    "the first of the keys that has something serves": """
        1 BLPOP a b c 0
        0 RPUSH c z
        1 BLPOP a b c 0
        0 MULTI
        0 RPUSH c z
        0 RPUSH b y
        0 RPUSH a x
        0 EXEC
        0 LRANGE b 0 -1
    """,
    "keys are served in the order of their coming": """
        1 BLPOP a 0
        2 BLPOP b 0
        3 BLPOP b a 0
        0 MULTI
        0 RPUSH b 1 2
        0 RPUSH a 3
        0 EXEC
        0 EXISTS a b
    """,
    "what was pushed and is gone again at the end of MULTI serves nobody": """
        1 BLPOP a 0
        0 MULTI
        0 RPUSH a x
        0 DEL a
        0 EXEC
        0 RPUSH a y
    """,
    "what is there at the end of MULTI counts": """
        1 BLPOP a 0
        0 MULTI
        0 RPUSH a x
        0 LPUSH a y
        0 LPOP a
        0 SET b 1
        0 EXEC
    """,
    "another type wakes nobody": """
        1 BLPOP a 0
        2 BLPOP b a 0
        0 SET a 1
        0 RPUSH b x
        0 DEL a
        0 RPUSH a y
    """,
    "a wrong type among the keys is told when the other key comes": """
        1 BLPOP a b 0
        0 SET a 1
        0 RPUSH b x
        0 LRANGE b 0 -1
    """,
    "a key that is renamed serves": """
        1 BLPOP a 0
        0 RPUSH b x y
        0 RENAME b a
        0 LRANGE a 0 -1
    """,
    "a key that is copied or moved serves": """
        1 BLPOP a 0
        0 RPUSH b x
        0 COPY b a
        1 BLPOP a 0
        0 SELECT 1
        0 RPUSH a y
        0 MOVE a 0
        2 SELECT 1
        2 BLPOP c 0
        0 SELECT 0
        0 RPUSH c z
        0 COPY c c DB 1
    """,
    "databases that are swapped serve": """
        1 BLPOP a 0
        0 SELECT 1
        0 RPUSH a x
        0 SWAPDB 0 1
        0 EXISTS a
    """,
    "what sorting stores serves": """
        1 BLPOP a 0
        0 RPUSH b 3 1 2
        0 SORT b STORE a
        0 LRANGE a 0 -1
    """,
    "what a script pushes serves when it ends": """
        1 BLPOP a 0
        0 EVAL "redis.call('RPUSH', KEYS[1], 'x'); redis.call('LPUSH', KEYS[1], 'y'); return redis.call('LLEN', KEYS[1])" 1 a
        0 LRANGE a 0 -1
        0 EVAL "return redis.call('BLPOP', KEYS[1], 0)" 1 none
    """,
    "moves are chained": """
        1 BLMOVE a b LEFT RIGHT 0
        2 BLMOVE b c LEFT RIGHT 0
        3 BLPOP c 0
        0 RPUSH a x
        0 EXISTS a b c
    """,
    "moves in a circle end": """
        1 BLMOVE a b LEFT RIGHT 0
        2 BLMOVE b a LEFT RIGHT 0
        0 RPUSH a x
        0 LRANGE a 0 -1
        0 LRANGE b 0 -1
    """,
    "a list is moved onto itself": """
        1 BRPOPLPUSH a a 0
        0 RPUSH a x y
        0 LRANGE a 0 -1
    """,
    "a move to a wrong type leaves the element to the next": """
        0 SET b 1
        1 BRPOPLPUSH a b 0
        2 BLPOP a 0
        0 RPUSH a x
    """,
    "many are popped at once": """
        1 BLMPOP 0 2 a b RIGHT COUNT 2
        2 BLMPOP 0 1 b LEFT COUNT 10
        0 RPUSH b 1 2 3
        0 EXISTS b
    """,
    "nothing blocks in MULTI": """
        0 MULTI
        0 BLPOP a 0
        0 BRPOPLPUSH a b 0
        0 BLMPOP 0 1 a LEFT
        0 XREAD BLOCK 0 STREAMS s $
        0 EXEC
    """,
    "one who watches is not disturbed by one who waits": """
        0 WATCH a
        1 BLMOVE b a LEFT LEFT 0
        0 MULTI
        0 PING
        0 EXEC
        0 WATCH a
        2 RPUSH b x
        0 MULTI
        0 PING
        0 EXEC
    """,
    "what was said meanwhile is answered after the wait": """
        1 BLPOP a 0
        1 PING
        1 LPOP b
        0 RPUSH b y
        0 RPUSH a x
    """,
    "all that wait for a stream are served": """
        1 XREAD BLOCK 0 STREAMS s $
        2 XREAD BLOCK 0 STREAMS s $
        3 XREAD BLOCK 0 COUNT 1 STREAMS t s 0 0
        0 XADD s 1-1 a 1
        0 XADD s 2-1 a 1
    """,
    "the end of a stream is where it was when the wait began": """
        0 XADD s 1-1 a 1
        1 XREAD BLOCK 0 STREAMS s $
        2 XREAD BLOCK 0 STREAMS t $
        3 XREAD BLOCK 0 STREAMS t +
        0 MULTI
        0 XADD s 2-1 a 2
        0 XADD s 3-1 a 3
        0 XADD t 1-1 a 2
        0 XADD t 2-1 a 3
        0 EXEC
    """,
    "who waits for a higher ID goes on waiting": """
        1 XREAD BLOCK 0 STREAMS s 5-0
        2 XREAD BLOCK 0 STREAMS s 3-0
        0 XADD s 3-1 a 1
        0 XADD s 4-1 a 1
        0 XADD s 5-1 a 1
    """,
    "an entry that is trimmed at once serves nobody": """
        1 XREAD BLOCK 0 STREAMS s $
        0 XADD s MAXLEN 0 1-1 a 1
        0 XADD s 2-1 a 1
    """,
    "a stream of another name serves": """
        1 XREAD BLOCK 0 STREAMS s 0
        0 XADD t 1-1 a 1
        0 RENAME t s
    """,
    "consumers are served in turn": """
        0 XGROUP CREATE s g $ MKSTREAM
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        2 XREADGROUP GROUP g bob BLOCK 0 STREAMS s >
        3 XREADGROUP GROUP g carol BLOCK 0 NOACK STREAMS s >
        0 XADD s 1-1 a 1
        0 XADD s 2-1 a 1
        0 XADD s 3-1 a 1
        0 XPENDING s g
        0 XINFO GROUPS s
    """,
    "a consumer reads its history at once": """
        0 XGROUP CREATE s g $ MKSTREAM
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s 0
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        0 XADD s 1-1 a 1
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s 0
    """,
    "a consumer learns that its stream is gone": """
        0 XGROUP CREATE s g $ MKSTREAM
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        2 XREAD BLOCK 0 STREAMS s $
        0 DEL s
        0 XADD s 1-1 a 1
    """,
    "a consumer learns that its group is gone": """
        0 XGROUP CREATE s g $ MKSTREAM
        0 XGROUP CREATE s h $
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        2 XREADGROUP GROUP h alice BLOCK 0 STREAMS s >
        0 XGROUP DESTROY s g
        0 XADD s 1-1 a 1
    """,
    "a consumer learns that its stream has become another type": """
        0 XGROUP CREATE s g $ MKSTREAM
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        0 SET s 1
    """,
    "a consumer learns that all keys are gone": """
        0 XGROUP CREATE s g $ MKSTREAM
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        0 FLUSHALL
    """,
    "a consumer learns that the database is another": """
        0 XGROUP CREATE s g $ MKSTREAM
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        0 SWAPDB 0 1
    """,
    "a consumer whose stream is made anew in MULTI reads that one": """
        0 XGROUP CREATE s g $ MKSTREAM
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        0 MULTI
        0 DEL s
        0 XGROUP CREATE s g $ MKSTREAM
        0 XADD s 1-1 a 1
        0 EXEC
    """,
    "a group that is set back serves with what was there": """
        0 XADD s 1-1 a 1
        0 XGROUP CREATE s g $
        1 XREADGROUP GROUP g alice BLOCK 0 STREAMS s >
        0 XGROUP SETID s g 0
        0 XADD s 2-1 a 1
    """,
    "lists and streams of one name do not meet": """
        1 BLPOP a 0
        2 XREAD BLOCK 0 STREAMS a 0
        0 XADD a 1-1 f v
        0 DEL a
        0 RPUSH a x
    """,
}


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, ...]]:
    with running(start_oracle(), start_subject()) as both:
        yield both


@pytest.fixture(scope="module", params=[2, 3], ids=["RESP2", "RESP3"])
def stage(servers: tuple[Server, ...], request: pytest.FixtureRequest) -> Iterator[Stage]:
    theirs, ours = servers
    with closing(Stage(theirs, ours, request.param)) as stage:
        yield stage


@pytest.mark.parametrize("scene", SCENES)
def test_clients_that_wait_hear_the_same_as_from_redis(stage: Stage, scene: str) -> None:
    sequence: Sequence = tuple(
        (int(client), tuple(word.encode() for word in words))
        for client, *words in map(shlex.split, SCENES[scene].strip().splitlines())
    )
    difference = stage.play(Family("scenes", "", clients=CLIENTS), sequence)
    assert difference is None, transcript(sequence, difference, stage.protocol)
