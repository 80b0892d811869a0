"""redis-py goes through scenarios.py: synchronous and on asyncio, in RESP2 and RESP3."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
import redis
import redis.asyncio

from tests.clients.python.scenarios import SCENARIOS, Client, Stage
from tests.clients.subject import Subject


class Awaited:
    """A synchronous client, pipeline or pubsub whose methods give coroutines, done at once.

    What gives another of these (`pipeline()`, or a command queued in one) stays as it is.
    """

    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, "close" if name == "aclose" else name)

        def call(*args: object, **options: object) -> Any:
            if name in {"pipeline", "pubsub"}:
                return Awaited(method(*args, **options))
            if isinstance(self._target, redis.client.Pipeline) and not self._target.explicit:
                ...
            return _done(method, *args, **options)

        return call


async def _done(method: Any, *args: object, **options: object) -> Any:
    return method(*args, **options)
