"""Background work is done in steps, none of which holds the loop for more than 5 ms (invariant 4).

Time is the processor's, for this thread: other processes do not count, and the collector is off as
it is in the server.
"""

import gc
import time
from collections.abc import Iterator

import pytest

from nearkeep import engine_kind
from tests.engine.conftest import Client

STEP = 200
LONGEST = 0.005 if engine_kind() == "compiled" else 0.02


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def longest_step(client: Client) -> float:
    """Does all background work that is due; the longest step, in seconds of processor time."""
    worst = 0.0
    more = True
    while more:
        start = time.thread_time()
        more = client.namespace.step(STEP)
        worst = max(worst, time.thread_time() - start)
    return worst


def fill(client: Client, count: int, at: int = 0) -> None:
    for number in range(count):
        key = b"key:%d" % number
        client.namespace.databases[0].set(key, b"value")
        if at:
            client.namespace.databases[0].set_expiry(key, at)


def test_keys_that_expire_at_the_same_moment_go_in_short_steps(client: Client) -> None:
    clock = client.namespace.clock
    fill(client, 300_000, clock.ms + 1000)
    clock.ms += 2000
    assert longest_step(client) < LONGEST
    assert client("DBSIZE") == 0
    assert client.namespace.expired_keys == 300_000


def test_a_flushed_database_is_freed_in_short_steps(client: Client) -> None:
    fill(client, 300_000)
    start = time.thread_time()
    client("FLUSHALL")
    assert time.thread_time() - start < LONGEST
    assert client.namespace.garbage
    assert longest_step(client) < LONGEST
    assert not client.namespace.garbage


def test_a_large_collection_is_freed_in_short_steps(client: Client) -> None:
    for start in range(0, 200_000, 1000):
        fields = [word for number in range(start, start + 1000) for word in (str(number), "v")]
        client("HSET", "large", *fields)
    start_time = time.thread_time()
    client("DEL", "large")
    assert time.thread_time() - start_time < LONGEST
    assert client.namespace.garbage
    assert longest_step(client) < LONGEST
    assert not client.namespace.garbage


@pytest.mark.parametrize(
    "line", ["DEL doc", "JSON.DEL doc $.a", "JSON.SET doc $ 1", "JSON.CLEAR doc"]
)
def test_what_leaves_a_large_document_is_freed_in_short_steps(client: Client, line: str) -> None:
    elements = ",".join(f'{{"k":{number},"v":{{"w":[]}}}}' for number in range(100_000))
    client("JSON.SET", "doc", "$", f'{{"a":[{elements}]}}')
    start = time.thread_time()
    client(line)
    assert time.thread_time() - start < LONGEST
    assert client.namespace.garbage
    assert longest_step(client) < LONGEST
    assert not client.namespace.garbage


def test_keys_are_evicted_in_short_steps(client: Client) -> None:
    fill(client, 20_000)
    for number in range(20):
        client("RPUSH", f"list:{number}", *range(20_000))
    client("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    most = client.namespace.used_bytes() // 4
    client.namespace.settings.set("maxmemory", [b"%d" % most])
    assert longest_step(client) < LONGEST
    assert client.namespace.used_bytes() <= most
