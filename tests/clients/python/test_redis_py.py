"""redis-py goes through scenarios.py: synchronous and on asyncio, in RESP2 and RESP3."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.commands.json import JSON

from tests.clients.python.scenarios import SCENARIOS, Client, Stage
from tests.clients.subject import Subject

# Seconds for one scenario.
LIMIT = 20.0

# What a client makes that has commands of its own.
PARTS = (redis.client.Pipeline, redis.client.PubSub, JSON)


class Synchronous:
    """A synchronous client, or what it makes, with asyncio's interface: replies are awaited."""

    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, "close" if name == "aclose" else name)

        def call(*args: object, **options: object) -> object:
            result = method(*args, **options)
            if result is self._target:
                return self
            if isinstance(result, PARTS):
                return Synchronous(result)
            done = asyncio.get_running_loop().create_future()
            done.set_result(result)
            return done

        return call


def _synchronous(**options: Any) -> Client:
    return Synchronous(redis.Redis(**options))


CLIENTS: dict[str, Callable[..., Client]] = {"sync": _synchronous, "asyncio": redis.asyncio.Redis}


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("protocol", [2, 3], ids=["resp2", "resp3"])
@pytest.mark.parametrize("client", CLIENTS)
def test_redis_py(client: str, protocol: int, scenario: str, subject: Subject) -> None:
    options = {
        "host": subject.host,
        "port": subject.port,
        "password": subject.password or None,
        "protocol": protocol,
        "decode_responses": True,
    }
    if subject.authority:
        options |= {"ssl": True, "ssl_ca_certs": str(subject.authority)}

    async def play() -> None:
        async with AsyncExitStack() as stack:

            def opened(**differences: object) -> Client:
                connected = CLIENTS[client](**(options | differences))
                stack.push_async_callback(connected.aclose)
                return connected

            first = opened()
            await first.flushall()
            async with asyncio.timeout(LIMIT):
                await SCENARIOS[scenario](Stage(first, opened, protocol))

    asyncio.run(play())
