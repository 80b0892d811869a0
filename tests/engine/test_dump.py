"""RESTORE tells the mutation stream what will come to the same wherever it is run again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearkeep.engine.session import Outlet, Session
from nearkeep.wire.rdb import sealed
from nearkeep.wire.reply import Failure, Status
from tests.engine.conftest import NOW, Client

INTERNAL = Failure(b"ERR internal error, see the server's log")
HELLO = sealed(b"\x00\x05hello")


def test_a_time_to_live_becomes_a_time(client: Client) -> None:
    client("RESTORE", "k", 1000, HELLO)
    assert client.effects == [b"RESTORE k %d %s REPLACE ABSTTL" % (NOW + 1000, HELLO)]
    assert client("PTTL k") == 1000


def test_a_time_that_has_passed_removes_what_was_there(client: Client) -> None:
    client("SET k v")
    client.effects.clear()
    client("RESTORE", "k", 1, HELLO, "REPLACE", "ABSTTL")
    assert client.effects == [b"DEL k"]
    assert client("EXISTS k") == 0
    client("RESTORE", "k", 1, HELLO, "ABSTTL")
    assert client.effects == [b"DEL k"]


def test_a_refused_value_changes_nothing(client: Client) -> None:
    client("SET k v")
    client.effects.clear()
    bad = sealed(b"\x12\x00")
    assert client("RESTORE", "k", 0, bad, "REPLACE") == Failure(b"ERR Bad data format")
    assert client("GET k") == b"v"
    assert client.effects == []


def test_blocked_clients_are_served_by_a_restored_list(client: Client) -> None:
    client("RPUSH l a b")
    payload = client("DUMP l")
    assert isinstance(payload, bytes)
    Session(client.namespace, Outlet()).execute([b"BLPOP", b"none", b"0"])
    client("RESTORE", "none", 0, payload)
    assert client("LRANGE none 0 -1") == [b"b"]


@pytest.mark.parametrize("idle", [0, 5, 1 << 40, (1 << 63) - 1])
def test_an_idle_time_is_never_longer_than_there_is_time(client: Client, idle: int) -> None:
    client("RESTORE", "k", 0, HELLO, "IDLETIME", idle)
    assert client("OBJECT IDLETIME k") == min(idle, NOW // 1000)


USES = {
    b"string": ["GET k", "APPEND k x", "BITCOUNT k", "PFCOUNT k", "INCR k"],
    b"list": ["LRANGE k 0 -1", "LPUSH k x", "LREM k 0 x", "LPOP k 2", "SORT k ALPHA", "RPOP k 100"],
    b"set": ["SMEMBERS k", "SADD k x", "SREM k x", "SSCAN k 0", "SPOP k 100"],
    b"zset": ["ZRANGE k 0 -1 WITHSCORES", "ZADD k 1 x", "ZRANK k x", "ZINCRBY k 1 x", "ZPOPMIN k 100"],
    b"hash": ["HGETALL k", "HSET k x y", "HEXPIRE k 5 FIELDS 1 x", "HPERSIST k FIELDS 1 x", "HDEL k x"],
    b"ReJSON-RL": ["JSON.GET k $..*", "JSON.TYPE k", "JSON.NUMINCRBY k $..* 1", "JSON.DEL k $.a"],
    b"stream": [
        "XRANGE k - +", "XINFO STREAM k FULL", "XINFO GROUPS k", "XINFO CONSUMERS k g",
        "XPENDING k g", "XPENDING k g - + 10", "XREADGROUP GROUP g c COUNT 2 STREAMS k >",
        "XREADGROUP GROUP g c STREAMS k 0", "XAUTOCLAIM k g d 0 0", "XCLAIM k g c 0 1-1 2-1",
        "XACK k g 1-1 2-1", "XADD k * f v", "XGROUP DELCONSUMER k g c", "XDEL k 1-1", "XTRIM k MAXLEN 1",
        "XGROUP DESTROY k g",
    ],
}  # fmt: skip

MADE = {
    "a list": ["RPUSH k a 1 %s" % ("x" * 100)],
    "a set": ["SADD k a 1 2"],
    "numbers": ["SADD k 1 2 3"],
    "scores": ["ZADD k 1 a 2.5 b inf c"],
    "a hash": ["HSET k a b c d", "HPEXPIREAT k 1900000000000 FIELDS 1 a"],
    "a stream": [
        "XADD k 1-1 f v", "XADD k 2-1 f v", "XADD k 3-1 g w", "XDEL k 2-1", "XGROUP CREATE k g 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS k >", "XGROUP CREATECONSUMER k g d",
    ],
    "a document": ['JSON.SET k $ {"a":[1,null,"x"]}'],
    "a text": ["SET k hello"],
}  # fmt: skip


@pytest.mark.parametrize("commands", MADE.values(), ids=MADE)
@given(data=st.data())
def test_what_a_damaged_payload_has_become_can_be_used(
    commands: list[str], data: st.DataObject
) -> None:
    client = Client()
    for command in commands:
        client(command)
    payload = client("DUMP k")
    assert isinstance(payload, bytes)
    body = bytearray(payload[:-10])
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.integers(1, max(len(body) - 1, 1)))
        body[where : where + 1] = data.draw(st.binary(min_size=1, max_size=1))
    client("RESTORE", "k", 0, sealed(bytes(body)), "REPLACE")
    kind = client("TYPE k")
    assert isinstance(kind, Status)
    for use in [
        "OBJECT ENCODING k",
        "MEMORY USAGE k",
        "DEBUG DIGEST",
        "COPY k l",
        *USES[kind.text],
        "DUMP k",
    ]:
        assert client(use) != INTERNAL, use
    client.pass_ms(1 << 40)
    client.step()
