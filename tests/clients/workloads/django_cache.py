"""Django's own cache on the server, and sessions in it."""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import asyncio
import time

import django
import pytest
from django.conf import settings
from django.contrib.sessions.backends.cache import SessionStore
from django.core.cache import cache, caches

from tests.clients.workloads.address import url

BACKEND = "django.core.cache.backends.redis.RedisCache"

settings.configure(
    CACHES={
        "default": {"BACKEND": BACKEND, "LOCATION": url(2), "KEY_PREFIX": "site"},
        "other": {"BACKEND": BACKEND, "LOCATION": [url(3)], "TIMEOUT": 1},
    },
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    SECRET_KEY="for this test",
)


def values_come_back_as_they_were() -> None:
    for value in (1, -5, "text é", b"\x00\xff", 1.5, None, True, {"a": [1, 2]}, "x" * (1 << 20)):
        cache.set("key", value)
        assert cache.get("key", "default") == value
    assert cache.get("none", "default") == "default"
    assert cache.get_or_set("made", lambda: "once") == "once"
    assert cache.get("made") == "once"


def a_key_is_added_once() -> None:
    assert cache.add("lock", "mine", timeout=60)
    assert not cache.add("lock", "theirs", timeout=60)
    assert cache.delete("lock")
    assert not cache.delete("lock")
    assert cache.add("lock", "theirs", timeout=60)


def many_at_once() -> None:
    assert cache.set_many({"a": 1, "b": "two", "c": 3.0}, timeout=60) == []
    assert cache.get_many(["a", "b", "c", "none"]) == {"a": 1, "b": "two", "c": 3.0}
    cache.delete_many(["a", "c"])
    assert cache.get_many(["a", "b", "c"]) == {"b": "two"}


def numbers_are_counted() -> None:
    cache.set("n", 10)
    assert cache.incr("n", 5) == 15
    assert cache.decr("n") == 14
    with pytest.raises(ValueError, match="not found"):
        cache.incr("none")


def keys_expire() -> None:
    cache.set("short", 1, timeout=1)
    cache.set("touched", 1, timeout=1)
    cache.set("gone", 1, timeout=0)
    caches["other"].set("short", 1)
    assert cache.touch("touched", timeout=60)
    assert not cache.touch("none")
    assert cache.get("gone") is None
    assert cache.get("short") == 1
    time.sleep(1.1)
    assert cache.get("short") is None
    assert caches["other"].get("short") is None
    assert cache.get("touched") == 1


def versions_are_apart() -> None:
    cache.set("key", "one", version=1)
    cache.set("key", "two", version=2)
    assert (cache.get("key", version=1), cache.get("key", version=2)) == ("one", "two")
    assert cache.incr_version("key", version=2) == 3
    assert cache.get("key", version=3) == "two"


def databases_are_apart() -> None:
    cache.set("key", "default")
    caches["other"].set("key", "other")
    caches["other"].clear()
    assert caches["other"].get("key") is None
    assert cache.get("key") == "default"


def a_session_lives_in_the_cache() -> None:
    session = SessionStore()
    session["user"] = 42
    session.set_expiry(60)
    session.save()
    assert session.session_key
    assert SessionStore(session.session_key)["user"] == 42
    session.flush()
    assert "user" not in SessionStore(session.session_key)


async def coroutines_use_it_too() -> None:
    await cache.aset("key", "value")
    assert await cache.aget("key") == "value"


if __name__ == "__main__":
    django.setup()
    values_come_back_as_they_were()
    a_key_is_added_once()
    many_at_once()
    numbers_are_counted()
    keys_expire()
    versions_are_apart()
    databases_are_apart()
    a_session_lives_in_the_cache()
    asyncio.run(coroutines_use_it_too())
