"""redis-py's client-side cache: reads come from its own memory until a key changes."""

from __future__ import annotations

import time

import redis
from redis.cache import CacheConfig

from tests.clients.workloads.address import url

PATIENCE = 5.0


def value_changes_to(client: redis.Redis, value: bytes | None) -> bool:
    deadline = time.monotonic() + PATIENCE
    while client.get("key") != value:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def reads_of(client: redis.Redis) -> int:
    """How many GET the server has run."""
    calls: int = client.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"]
    return calls


if __name__ == "__main__":
    writer = redis.Redis.from_url(url(0))
    reader = redis.Redis.from_url(url(0), protocol=3, cache_config=CacheConfig())
    writer.set("key", "old")
    assert reader.get("key") == b"old"
    before = reads_of(writer)
    assert [reader.get("key") for _ in range(100)] == [b"old"] * 100
    assert reads_of(writer) == before
    writer.set("key", "new")
    assert value_changes_to(reader, b"new")
    writer.delete("key")
    assert value_changes_to(reader, None)
