"""Live keys: values now, and after each change, once a tick."""

from __future__ import annotations

import pytest

from nearkeep.engine.live import MOST_ELEMENTS
from nearkeep.engine.session import Session
from nearkeep.wire.reply import Map, Pairs, Push, SetReply
from tests.engine.conftest import Client, Listener


class Watcher:
    """A session that watches, and what it was told since the last time."""

    def __init__(self, client: Client) -> None:
        self._listener = Listener()
        self._namespace = client.namespace
        self.session = Session(client.namespace, self._listener)
        self.session.protocol = 3

    def watch(self, *patterns: bytes) -> None:
        for pattern in patterns:
            self._namespace.live.watch(self.session, pattern)

    def told(self) -> list[list[object]]:
        self._namespace.end_tick()
        pushed, self._listener.pushed = self._listener.pushed, []
        return [push.items[1:] if push.items[0] == b"key" else push.items
                for push in pushed if isinstance(push, Push)]  # fmt: skip


@pytest.fixture
def watcher(client: Client) -> Watcher:
    return Watcher(client)


def test_a_key_is_told_now_and_after_each_change(client: Client, watcher: Watcher) -> None:
    watcher.watch(b"k")
    assert watcher.told() == [[b"k", b"none", None]]
    client("SET k 1")
    client("SET other 1")
    assert watcher.told() == [[b"k", b"string", b"1"]]
    client("INCR k")
    client("APPEND k 0")
    client("EXPIRE k 100")
    assert watcher.told() == [[b"k", b"string", b"20"]]
    assert watcher.told() == []
    client("DEL k")
    assert watcher.told() == [[b"k", b"none", None]]


def test_a_pattern_is_looked_for_in_steps_and_then_followed(
    client: Client, watcher: Watcher
) -> None:
    for n in range(500):
        client("SET", f"a:{n}" if n % 2 else f"b:{n}", n)
    watcher.watch(b"a:*")
    assert watcher.told() == []
    client.namespace.live.step(50)
    assert 0 < len(watcher.told()) <= 50
    client.step()
    found = watcher.told()
    assert len(found) == 250 - 25
    client("SET a:new x")
    client("SET b:new x")
    assert watcher.told() == [[b"a:new", b"string", b"x"]]


def test_expiry_is_told_in_the_background_and_when_met(client: Client, watcher: Watcher) -> None:
    client("SET a x PX 100")
    client("SET b x PX 100")
    watcher.watch(b"[ab]")
    client.step()
    watcher.told()
    client.pass_ms(101)
    client("GET a")
    assert watcher.told() == [[b"a", b"none", None]]
    client.pass_ms(2000)
    client.step()
    assert watcher.told() == [[b"b", b"none", None]]


def test_values_of_all_types_are_told_whole_unless_they_are_large(
    client: Client, watcher: Watcher
) -> None:
    client("HSET h f v")
    client("RPUSH l a b")
    client("SADD s a")
    client("ZADD z 1 a")
    client("XADD x * f v")
    for n in range(MOST_ELEMENTS + 1):
        client("RPUSH", "large", n)
    before = client.session.db.hits
    watcher.watch(b"h", b"l", b"s", b"z", b"x", b"large")
    hash_, list_, set_, zset, stream, large = watcher.told()
    assert isinstance(hash_[2], Map)
    assert hash_[2].flat == [b"f", b"v"]
    assert list_ == [b"l", b"list", [b"a", b"b"]]
    assert isinstance(set_[2], SetReply)
    assert isinstance(zset[2], Pairs)
    assert stream == [b"x", b"stream", None]
    assert large == [b"large", b"list", None]
    assert client.session.db.hits == before


def test_one_message_goes_to_all(client: Client, watcher: Watcher) -> None:
    others = [Watcher(client) for _ in range(3)]
    for one in [watcher, *others]:
        one.watch(b"k", b"k*")
        client.step()
        one._listener.pushed.clear()
    client("SET k v")
    client.namespace.end_tick()
    pushed = [one._listener.pushed for one in [watcher, *others]]
    assert [len(messages) for messages in pushed] == [1, 1, 1, 1]
    assert len({id(messages[0]) for messages in pushed}) == 1


def test_all_keys_that_go_or_change_at_once_are_told(client: Client, watcher: Watcher) -> None:
    client("MSET a 1 b 2")
    watcher.watch(b"a", b"b*")
    client.step()
    watcher.told()
    client("FLUSHALL")
    assert watcher.told() == [[b"flush"], [b"a", b"none", None]]
    client("SELECT 1")
    client("SET b1 x")
    assert watcher.told() == []
    client("SWAPDB 0 1")
    client.step()
    told = watcher.told()
    assert [b"flush"] in told
    assert [b"b1", b"string", b"x"] in told


def test_users_are_told_what_they_may_read(client: Client, watcher: Watcher) -> None:
    client("ACL SETUSER u on nopass +@all ~mine:*")
    watcher.session.become(client.namespace.users.named[b"u"])
    watcher.watch(b"*", b"other")
    client("MSET mine:1 x other y")
    client.step()
    told = watcher.told()
    assert told
    assert all(items == [b"mine:1", b"string", b"x"] for items in told)


def test_who_ceases_or_leaves_is_told_no_more(client: Client, watcher: Watcher) -> None:
    watcher.watch(b"a", b"b*")
    client.step()
    watcher.told()
    client.namespace.live.unwatch(watcher.session, b"a")
    client("MSET a 1 b 2")
    assert watcher.told() == [[b"b", b"string", b"2"]]
    watcher.session.end()
    client("MSET a 2 b 3")
    assert watcher.told() == []
    assert not client.namespace.live.active()
    assert not client.session.db.observed


def test_eviction_is_told(client: Client, watcher: Watcher) -> None:
    for n in range(50):
        client("SET", f"key:{n}", "x" * 500)
    watcher.watch(b"key:*")
    client.step()
    watcher.told()
    client("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    client("CONFIG", "SET", "maxmemory", client.namespace.used_bytes() - 10_000)
    client("SET", "other", "x")
    client.step()
    told = watcher.told()
    assert len(told) == client.namespace.evicted_keys > 5
    assert all(items[1:] == [b"none", None] for items in told)
