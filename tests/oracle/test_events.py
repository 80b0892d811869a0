"""Keyspace events: the same ones, in the same order, for what commands do to keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle.explore import start_oracle, start_subject
from tests.resp import Argument, Connection
from tests.servers import running

END = "__keyevent@end"

# Line by line; `*` stands for a string that was dumped, `+` for a list.
COMMANDS = """
    SET k v
    RPUSH l a
    RESTORE k 0 * REPLACE
    RESTORE k 0 + REPLACE
    RESTORE k 1 * REPLACE ABSTTL
    RESTORE n 1 * REPLACE ABSTTL
    RESTORE n 100000 *
    SET n 2
    SET l x
    GETSET l y
    SETEX l 100 y
    MSET l a n b
    SADD s 1
    RENAME s l
    SET k v
    COPY k l REPLACE
    SADD t 1
    SUNIONSTORE l t
    SUNIONSTORE l t
    SUNIONSTORE l none
    SETRANGE n 0 z
    APPEND n z
    BITOP OR s2 n
    BITOP OR s2 n
    BITOP OR t n
    RPUSH li 1
    SORT li STORE x
    SORT li STORE x
    SORT li STORE s2
    ZADD z 1 a
    ZRANGESTORE s2 z 0 -1
    ZRANGESTORE s2 z 0 -1
    ZUNIONSTORE x 1 z
    GEOADD g 1 1 a
    GEOSEARCHSTORE x g FROMMEMBER a BYRADIUS 1 km
    PFADD h a
    PFMERGE h2 h
    PFMERGE h2 h
    HSET hh a b
    HSETEX hh FIELDS 1 a c
    HGETDEL hh FIELDS 1 a
    SETEX e 100 a
    SET e 1 KEEPTTL
    SET e 1 GET
    SETNX e 1
    MSETNX ee 1 e 2
    INCR q
    INCRBYFLOAT q 1.5
    SETBIT q 1 1
    SELECT 1
    SET k z
    COPY k l DB 0 REPLACE
    SELECT 0
    MOVE q 1
    GETEX n PERSIST
    SADD t2 1
    SINTERSTORE l t2 t2
    SDIFFSTORE ll z2 z3
    XADD st 1-1 a b
    XSETID st 2-1
    RENAMENX st st2
    COPY st2 n
    LMOVE li li2 LEFT LEFT
    GET none
    DEL k l
    UNLINK n
    FLUSHDB
""".split("\n")[1:-1]  # noqa: SIM905


@pytest.fixture(scope="module")
def both() -> Iterator[list[tuple[Connection, Connection]]]:
    """Of each server a connection that speaks, and one that listens."""
    with (
        running(start_oracle(), start_subject()) as (theirs, ours),
        theirs.raw() as speaks,
        theirs.raw() as listens,
        ours.raw() as we_speak,
        ours.raw() as we_listen,
    ):
        yield [(speaks, listens), (we_speak, we_listen)]


def events(speaker: Connection, listener: Connection) -> list[bytes]:
    """What was heard since the last time."""
    speaker.call("PUBLISH", END, "")
    heard: list[bytes] = []
    while True:
        items = listener.read().items or ()
        _, _, channel, key = (item.payload or b"" for item in items)
        if channel == END.encode():
            return heard
        heard.append(channel + b" " + key)


def test_every_command_tells_the_events_that_redis_tells(
    both: list[tuple[Connection, Connection]],
) -> None:
    payloads: dict[str, Argument] = {}
    for speaker, listener in both:
        speaker.call("SET", "k", "v")
        speaker.call("RPUSH", "l", "a")
        for sign, key in (("*", "k"), ("+", "l")):
            payload = speaker.value("DUMP", key)
            assert isinstance(payload, bytes)
            payloads.setdefault(sign, payload)
        speaker.call("FLUSHALL")
        speaker.call("CONFIG", "SET", "notify-keyspace-events", "AKEnocm")
        listener.call("PSUBSCRIBE", "__keyevent*")
    for line in COMMANDS:
        command = [payloads.get(word, word) for word in line.split()]
        theirs, ours = (
            (speaker.call(*command).raw, events(speaker, listener)) for speaker, listener in both
        )
        assert ours == theirs, line
