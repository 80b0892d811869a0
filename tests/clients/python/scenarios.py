"""What redis-py must be able to do, stated once, as coroutines over `redis.asyncio`'s interface.

The synchronous client goes through the same ones (see `Awaited` in test_redis_py.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from redis import AuthenticationError, ResponseError, WatchError

from tests.clients.subject import IS_REDIS

MANY = 10_000
MEGABYTE = 1 << 20
# Seconds that a message may take.
PATIENCE = 5.0

# redis-py types sync and asyncio as one: its replies are unions that no test can narrow.
Client = Any
Step = tuple[Callable[[Client], Any], object]


@dataclass(frozen=True)
class Stage:
    """Where a scenario plays: a client with an empty server, and a way to open more of its kind."""

    client: Client
    open: Callable[..., Client]
    protocol: int


Scenario = Callable[[Stage], Awaitable[None]]


def _seconds(expected: int) -> object:
    return pytest.approx(expected, abs=2)


def _milliseconds(expected: int) -> object:
    return pytest.approx(expected, abs=2000)


def _in_an_hour() -> int:
    return int(time.time()) + 3600


# Each row is a call and its reply.
STEPS: dict[str, list[Step]] = {
    "set with ex": [
        (lambda c: c.set("key", "value", ex=100), True),
        (lambda c: c.get("key"), "value"),
        (lambda c: c.ttl("key"), _seconds(100)),
        (lambda c: c.pttl("key"), _milliseconds(100_000)),
    ],
    "set with px": [
        (lambda c: c.set("key", "value", px=100_000), True),
        (lambda c: c.pttl("key"), _milliseconds(100_000)),
    ],
    "set with nx, xx, get and keepttl": [
        (lambda c: c.set("key", "value", xx=True), None),
        (lambda c: c.set("key", "value", nx=True, ex=100), True),
        (lambda c: c.set("key", "other", nx=True), None),
        (lambda c: c.set("key", "other", keepttl=True, get=True), "value"),
        (lambda c: c.ttl("key"), _seconds(100)),
        (lambda c: c.get("key"), "other"),
    ],
    "setex": [
        (lambda c: c.setex("key", 100, "value"), True),
        (lambda c: c.get("key"), "value"),
        (lambda c: c.ttl("key"), _seconds(100)),
    ],
    "psetex": [
        (lambda c: c.psetex("key", 100_000, "value"), True),
        (lambda c: c.get("key"), "value"),
        (lambda c: c.pttl("key"), _milliseconds(100_000)),
    ],
    "ttl and pttl of keys without expiry and of none": [
        (lambda c: c.set("key", "value"), True),
        (lambda c: c.ttl("key"), -1),
        (lambda c: c.pttl("key"), -1),
        (lambda c: c.ttl("none"), -2),
        (lambda c: c.pttl("none"), -2),
    ],
    "persist": [
        (lambda c: c.set("key", "value", ex=100), True),
        (lambda c: c.persist("key"), True),
        (lambda c: c.persist("key"), False),
        (lambda c: c.ttl("key"), -1),
    ],
    "expire": [
        (lambda c: c.expire("key", 100), False),
        (lambda c: c.set("key", "value"), True),
        (lambda c: c.expire("key", 100), True),
        (lambda c: c.ttl("key"), _seconds(100)),
    ],
    "expireat": [
        (lambda c: c.set("key", "value"), True),
        (lambda c: c.expireat("key", _in_an_hour()), True),
        (lambda c: c.ttl("key"), _seconds(3600)),
        (lambda c: c.expireat("key", 1), True),
        (lambda c: c.get("key"), None),
    ],
    "delete of several keys": [
        (lambda c: c.mset({"a": 1, "b": 2, "c": 3}), True),
        (lambda c: c.delete("a", "b", "none"), 2),
        (lambda c: c.exists("a", "b", "c"), 1),
    ],
    "mset and mget": [
        (lambda c: c.mset({"a": 1, "b": 2}), True),
        (lambda c: c.mget("a", "none", "b"), ["1", None, "2"]),
    ],
    "incr, incrby, decr and decrby": [
        (lambda c: c.incr("n"), 1),
        (lambda c: c.incrby("n", 41), 42),
        (lambda c: c.decr("n"), 41),
        (lambda c: c.decrby("n", 43), -2),
        (lambda c: c.get("n"), "-2"),
    ],
    "exists": [
        (lambda c: c.set("a", 1), True),
        (lambda c: c.exists("a"), 1),
        (lambda c: c.exists("a", "a", "none"), 2),
        (lambda c: c.exists("none"), 0),
    ],
    "getdel": [
        (lambda c: c.set("key", "value"), True),
        (lambda c: c.getdel("key"), "value"),
        (lambda c: c.getdel("key"), None),
        (lambda c: c.exists("key"), 0),
    ],
}


def _follow(steps: list[Step]) -> Scenario:
    async def scenario(stage: Stage) -> None:
        for number, (call, expected) in enumerate(steps, 1):
            assert await call(stage.client) == expected, f"step {number}"

    return scenario


async def keys_lists_those_of_a_pattern(stage: Stage) -> None:
    await stage.client.mset({"user:1": "a", "user:2": "b", "item:1": "c"})
    assert sorted(await stage.client.keys("user:*")) == ["user:1", "user:2"]
    assert sorted(await stage.client.keys("*:[1]")) == ["item:1", "user:1"]
    assert await stage.client.keys("none*") == []


async def scan_goes_over_10_000_keys(stage: Stage) -> None:
    expected = {f"key:{number}" for number in range(MANY)}
    await stage.client.mset(dict.fromkeys(expected, "x"))
    await stage.client.set("another", "x")
    found: set[str] = set()
    cursor = None
    while cursor != 0:
        cursor, keys = await stage.client.scan(cursor or 0, match="key:*", count=500)
        found.update(keys)
    assert found == expected


async def a_pipeline_of_10_000_commands_answers_in_order(stage: Stage) -> None:
    pipeline = stage.client.pipeline(transaction=False)
    for _ in range(MANY):
        pipeline.incr("n")
    assert await pipeline.execute() == list(range(1, MANY + 1))


async def a_transaction_answers_once_with_all_replies(stage: Stage) -> None:
    pipeline = stage.client.pipeline()
    pipeline.set("n", 1).incr("n").get("n")
    assert await pipeline.execute() == [True, 2, "2"]


async def a_watched_key_that_changed_stops_the_transaction(stage: Stage) -> None:
    pipeline = stage.client.pipeline()
    await pipeline.watch("n")
    await stage.client.set("n", "changed")
    pipeline.multi()
    pipeline.incr("n")
    with pytest.raises(WatchError):
        await pipeline.execute()
    assert await stage.client.get("n") == "changed"


async def a_binary_value_of_1_mb_comes_back_as_it_was(stage: Stage) -> None:
    binary = stage.open(decode_responses=False)
    value = bytes((at * 31 + (at >> 8)) & 255 for at in range(MEGABYTE))
    await binary.set("blob", value)
    assert await binary.get("blob") == value


async def an_error_is_of_the_client_s_own_class(stage: Stage) -> None:
    await stage.client.set("key", "no number")
    with pytest.raises(ResponseError, match=r"^value is not an integer or out of range$"):
        await stage.client.incr("key")
    with pytest.raises(ResponseError, match="unknown command"):
        await stage.client.execute_command("NOSUCHCOMMAND", "x")
    assert await stage.client.get("key") == "no number"


async def an_error_within_a_pipeline_leaves_the_others(stage: Stage) -> None:
    pipeline = stage.client.pipeline(transaction=False)
    pipeline.set("key", "no number").incr("key").get("key")
    first, error, last = await pipeline.execute(raise_on_error=False)
    assert (first, last) == (True, "no number")
    assert isinstance(error, ResponseError)


async def an_expired_key_reads_as_none(stage: Stage) -> None:
    await stage.client.set("key", "value", px=60)
    assert await stage.client.get("key") == "value"
    await asyncio.sleep(0.09)
    assert await stage.client.get("key") is None
    assert await stage.client.exists("key") == 0


async def a_killed_connection_comes_back_by_itself(stage: Stage) -> None:
    other = stage.open()
    await stage.client.set("key", "value")
    before = await stage.client.client_id()
    assert await other.client_kill_filter(_id=before) == 1
    assert await stage.client.get("key") == "value"
    assert await stage.client.client_id() != before


async def a_killed_subscriber_hears_again(stage: Stage) -> None:
    subscriber = stage.client.pubsub(ignore_subscribe_messages=True)
    await subscriber.subscribe("news")
    listed = await stage.client.client_list(_type="pubsub")
    assert await stage.client.client_kill_filter(_id=listed[0]["id"]) == 1
    message = None
    for _ in range(100):
        await stage.client.publish("news", "again")
        message = await subscriber.get_message(timeout=0.05)
        if message:
            break
    assert message
    assert (message["channel"], message["data"]) == ("news", "again")
    await subscriber.aclose()


def _hears(subscribe: str, unsubscribe: str, publish: str, name: str) -> Scenario:
    async def scenario(stage: Stage) -> None:
        listener = stage.open()
        subscriber = listener.pubsub()
        kind = f"{subscribe.removesuffix('subscribe')}message"
        announce = getattr(stage.client, publish)

        async def next_message() -> tuple[str, object, object]:
            message = await subscriber.get_message(timeout=PATIENCE)
            assert message, "no message came"
            return message["type"], message["channel"], message["data"]

        await getattr(subscriber, subscribe)(name)
        assert await next_message() == (subscribe, name, 1)
        assert await announce("news", "first") == 1
        assert await announce("news", "söcond") == 1
        assert await announce("other", "unheard") == 0
        assert await next_message() == (kind, "news", "first")
        assert await next_message() == (kind, "news", "söcond")
        if stage.protocol == 2:  # in RESP3 redis-py can't read the PONG
            await subscriber.ping()
            assert (await next_message())[0] == "pong"
        await getattr(subscriber, unsubscribe)(name)
        assert await next_message() == (unsubscribe, name, 0)
        assert await announce("news", "late") == 0
        await subscriber.aclose()
        assert await listener.set("key", "after") is True
        assert await listener.get("key") == "after"

    return scenario


async def the_connection_has_the_client_s_name_library_and_protocol(stage: Stage) -> None:
    named = stage.open(client_name="named-by-test")
    information = await named.client_info()
    assert information["name"] == "named-by-test"
    assert int(information["resp"]) == stage.protocol
    if (await named.info("server"))["redis_version"] >= "7.2":  # older ones have no CLIENT SETINFO
        assert information["lib-name"].startswith("redis-py")
        assert information["lib-ver"][0].isdigit()


async def another_database_is_selected_at_set_up(stage: Stage) -> None:
    second = stage.open(db=2)
    await second.set("key", "there")
    assert await stage.client.get("key") is None
    assert await second.get("key") == "there"


async def wrong_credentials_are_refused(stage: Stage) -> None:
    stranger = stage.open(username="nobody", password="wrong", retry=None)
    with pytest.raises(AuthenticationError, match="invalid username-password pair"):
        await stranger.ping()


async def a_health_check_pings_before_a_command(stage: Stage) -> None:
    checked = stage.open(health_check_interval=0.05)
    await checked.set("key", "value")
    await asyncio.sleep(0.06)
    before = await stage.client.info("commandstats")
    assert await checked.get("key") == "value"
    after = await stage.client.info("commandstats")
    pings = [stats.get("cmdstat_ping", {"calls": 0})["calls"] for stats in (before, after)]
    assert pings[1] == pings[0] + 1


async def json_documents_are_set_searched_and_changed(stage: Stage) -> None:
    if IS_REDIS:
        pytest.skip("the redis-servers at hand have no JSON")
    documents = stage.client.json()
    bike = {"model": "Phoebe", "price": 1920, "specs": {"weight": 13.1}, "colors": ["black"]}
    assert await documents.set("bike", "$", bike) is True
    assert await documents.set("bike", "$", {}, nx=True) is None
    assert await documents.get("bike") == bike
    assert await documents.get("bike", "$..weight") == [13.1]
    assert await documents.get("bike", "$.model", "$.price") == {
        "$.model": ["Phoebe"],
        "$.price": [1920],
    }
    assert await documents.get("none") is None
    assert await documents.type("bike", "$.specs") in (["object"], [["object"]])
    assert await documents.numincrby("bike", "$.price", -100) == [1820]
    assert await documents.numincrby("bike", "$.specs.weight", 1) == [14.1]
    assert await documents.strappend("bike", " II", "$.model") == [9]
    assert await documents.strlen("bike", "$.model") == [9]
    assert await documents.arrappend("bike", "$.colors", "silver", {"rgb": [1, 2, 3]}) == [3]
    assert await documents.arrindex("bike", "$.colors", "silver") == [1]
    assert await documents.arrinsert("bike", "$.colors", 0, "white") == [4]
    assert await documents.arrlen("bike", "$.colors") == [4]
    assert await documents.arrpop("bike", "$.colors") == ['{"rgb":[1,2,3]}']
    assert await documents.arrtrim("bike", "$.colors", 0, 1) == [2]
    assert await documents.merge("bike", "$", {"specs": None, "sold": False}) is True
    assert await documents.toggle("bike", "$.sold") == [1]
    assert await documents.objkeys("bike") == ["model", "price", "colors", "sold"]
    assert await documents.objlen("bike", "$") == [4]
    assert await documents.mset([("a", "$", {"n": 1}), ("b", "$", {"n": [2]})]) is True
    assert await documents.mget(["a", "b", "none"], "$..n") == [[1], [[2]], None]
    assert await documents.clear("b", "$.n") == 1
    assert await documents.delete("bike", "$.colors[0]") == 1
    assert await documents.get("bike") == {
        "model": "Phoebe II",
        "price": 1820,
        "colors": ["black"],
        "sold": True,
    }
    assert await documents.resp("a", "$.n") == [1]
    assert await documents.forget("bike") == 1
    with pytest.raises(ResponseError, match="Path does not exist"):
        await documents.get("a", ".nope")
    await stage.client.set("text", "x")
    with pytest.raises(ResponseError, match="wrong Redis type"):
        await documents.get("text")


async def replies_with_structure_are_parsed(stage: Stage) -> None:
    assert await stage.client.ping() is True
    assert await stage.client.echo("é") == "é"
    assert (await stage.client.config_get("maxmemory"))["maxmemory"] == "0"
    assert (await stage.client.info("server"))["tcp_port"] > 0
    assert (await stage.client.memory_usage("none")) is None
    assert isinstance(await stage.client.time(), tuple)


SCENARIOS: dict[str, Scenario] = {
    **{name: _follow(steps) for name, steps in STEPS.items()},
    **{
        flow.__name__.replace("_", " "): flow
        for flow in (
            keys_lists_those_of_a_pattern,
            scan_goes_over_10_000_keys,
            a_pipeline_of_10_000_commands_answers_in_order,
            a_transaction_answers_once_with_all_replies,
            a_watched_key_that_changed_stops_the_transaction,
            a_binary_value_of_1_mb_comes_back_as_it_was,
            an_error_is_of_the_client_s_own_class,
            an_error_within_a_pipeline_leaves_the_others,
            an_expired_key_reads_as_none,
            a_killed_connection_comes_back_by_itself,
            a_killed_subscriber_hears_again,
            the_connection_has_the_client_s_name_library_and_protocol,
            another_database_is_selected_at_set_up,
            wrong_credentials_are_refused,
            a_health_check_pings_before_a_command,
            json_documents_are_set_searched_and_changed,
            replies_with_structure_are_parsed,
        )
    },
    "subscribe hears, and ends": _hears("subscribe", "unsubscribe", "publish", "news"),
    "psubscribe hears, and ends": _hears("psubscribe", "punsubscribe", "publish", "n?w*"),
    "ssubscribe hears, and ends": _hears("ssubscribe", "sunsubscribe", "spublish", "news"),
}
