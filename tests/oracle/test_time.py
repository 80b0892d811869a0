"""What happens by itself: keys and fields that expire, clients that have waited long enough."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.oracle.explore import start_oracle, start_subject
from tests.resp import Argument, Connection, Reply
from tests.servers import Server, running

SOON = 60  # milliseconds: long enough to see the key, short enough to wait for
# Past `SOON` on both servers, and past Redis' next round of active expiry (ten a second).
LATER = 0.4


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, ...]]:
    with running(start_oracle(), start_subject()) as both:
        yield both


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def both(servers: tuple[Server, ...], request: pytest.FixtureRequest) -> Iterator[list[Connection]]:
    with servers[0].raw() as theirs, servers[1].raw() as ours:
        for connection in (theirs, ours):
            connection.call("HELLO", request.param)
            connection.call("FLUSHALL")
            connection.call("CONFIG", "SET", "notify-keyspace-events", "")
        yield [theirs, ours]


def agree(both: list[Connection], *command: Argument) -> Reply:
    theirs, ours = (connection.call(*command) for connection in both)
    assert ours.raw == theirs.raw, command
    return theirs


@pytest.mark.parametrize("lazily", [True, False], ids=["when looked for", "by the server's rounds"])
def test_keys_that_expire_are_gone_alike(both: list[Connection], *, lazily: bool) -> None:
    agree(both, "DEBUG", "SET-ACTIVE-EXPIRE", 0 if lazily else 1)
    for key in "abcd":
        agree(both, "SET", key, 1, "PX", SOON)
    agree(both, "SET", "kept", 1)
    agree(both, "RPUSH", "e", 1, 2)
    agree(both, "PEXPIRE", "e", SOON)
    time.sleep(LATER)
    agree(both, "DBSIZE")
    agree(both, "GET", "a")
    agree(both, "INCR", "b")
    agree(both, "SET", "c", 1, "XX")
    agree(both, "SET", "d", 1, "NX", "GET")
    agree(both, "TTL", "d")
    agree(both, "LPUSHX", "e", 1)
    agree(both, "EXISTS", "a", "b", "c", "d", "e")
    for connection in both:
        assert connection.value("RANDOMKEY") in (b"b", b"d", b"kept")
    agree(both, "SCAN", 0, "MATCH", "[ace]")
    agree(both, "DBSIZE")
    agree(both, "DEBUG", "SET-ACTIVE-EXPIRE", 1)


def test_fields_that_expire_are_gone_alike(both: list[Connection]) -> None:
    agree(both, "HSET", "h", "f", 1, "g", 2, "i", 3)
    agree(both, "HSET", "alone", "f", 1)
    agree(both, "HPEXPIRE", "h", SOON, "FIELDS", 2, "f", "g")
    agree(both, "HPEXPIRE", "alone", SOON, "FIELDS", 1, "f")
    time.sleep(LATER)
    agree(both, "HGETALL", "h")
    agree(both, "HLEN", "h")
    agree(both, "HSET", "h", "f", 5)
    agree(both, "HTTL", "h", "FIELDS", 3, "f", "g", "i")
    agree(both, "EXISTS", "alone")
    agree(both, "DBSIZE")


def test_an_expired_key_is_announced(both: list[Connection], servers: tuple[Server, ...]) -> None:
    with servers[0].raw() as theirs, servers[1].raw() as ours:
        listeners = [theirs, ours]
        agree(both, "CONFIG", "SET", "notify-keyspace-events", "KEA")
        for listener in listeners:
            listener.call("SUBSCRIBE", "__keyevent@0__:expired")
        agree(both, "SET", "a", 1, "PX", SOON)
        time.sleep(LATER)
        agree(both, "GET", "a")
        assert [listener.read().value for listener in listeners] == [
            [b"message", b"__keyevent@0__:expired", b"a"]
        ] * 2


@pytest.mark.parametrize(
    "command",
    [
        ("BLPOP", "a", "b", "0.05"),
        ("BRPOP", "a", "0.05"),
        ("BLMOVE", "a", "b", "LEFT", "LEFT", "0.05"),
        ("BRPOPLPUSH", "a", "b", "0.05"),
        ("BLMPOP", "0.05", "1", "a", "LEFT"),
        ("BZPOPMIN", "a", "0.05"),
        ("BZPOPMAX", "a", "0.05"),
        ("BZMPOP", "0.05", "1", "a", "MIN"),
        ("XREAD", "BLOCK", "50", "STREAMS", "a", "$"),
    ],
    ids=lambda command: command[0],
)
def test_a_client_that_waited_in_vain_is_told(both: list[Connection], command: tuple[str]) -> None:
    began = time.monotonic()
    agree(both, *command)
    assert time.monotonic() - began < 5
    agree(both, "PING")


def test_a_client_can_be_unblocked(both: list[Connection], servers: tuple[Server, ...]) -> None:
    for reason in ((), ("TIMEOUT",), ("ERROR",)):
        heard = []
        for helper, server in zip(both, servers, strict=True):
            with server.raw() as waiting:
                name = waiting.value("CLIENT", "ID")
                assert isinstance(name, int)
                waiting.send("BLPOP", "nothing", 0)
                deadline = time.monotonic() + 5
                while not helper.value("CLIENT", "UNBLOCK", name, *reason):
                    assert time.monotonic() < deadline, "the client never came to wait"
                heard.append(waiting.read_reply().raw)
                heard.append(helper.call("CLIENT", "UNBLOCK", name).raw)
        assert heard[2:] == heard[:2], reason
