"""Each workload needs commands that the server must know.

An older redis-server may lack some: then the workload is skipped, and what is missing named.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.node.runner import run_node
from tests.clients.subject import IS_REDIS, Subject

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
# Seconds for one workload; the longest takes about ten.
LIMIT = 60.0

# What `INFO commandstats` of redis-server lists after each, but for CLIENT SETINFO, without which only
# redis-py's cache can't do: it asks for Redis 7.4.
WORKLOADS = {
    "bullmq.test.mjs": """
        bzpopmin client|setname del eval evalsha exec exists get hdel hello hexists hget hgetall
        hincrby hmget hmset hset incr info llen lpush lrange lrem multi pexpire pttl quit rpoplpush
        rpush sadd scard set smembers srem xadd xread xtrim zadd zcard zpopmin zrange zrangebyscore
        zrem zrevrangebyscore zscore""",
    "celery_tasks.py": """
        brpop del evalsha exec expire get hdel hello hset llen lpush mget multi ping psubscribe
        publish punsubscribe sadd script|exists script|load select set setex sismember srem
        subscribe time unsubscribe zadd zcount zrange zrangebyscore zrem""",
    "client_side_cache.test.mjs": "client|tracking get hello set",
    "django_cache.py": "del exec exists expire flushdb get hello incrby mget mset multi select set",
    "rate_limit.test.mjs": "evalsha hello incr info pttl script|load set",
    "redis_py_cache.py": "client|setinfo client|tracking del get hello info set",
    "sessions.test.mjs": "del get hello mget scan set ttl",
    "socket_io.test.mjs": """
        hello info psubscribe publish pubsub|numsub pubsub|shardnumsub spublish ssubscribe
        subscribe""",
}


@pytest.mark.parametrize("workload", WORKLOADS)
def test_workload(workload: str, subject: Subject, subtests: pytest.Subtests) -> None:
    missing = _unknown_commands(subject, WORKLOADS[workload].split())
    if missing and IS_REDIS:
        pytest.skip(f"the server has no {', '.join(missing)}")
    assert not missing, "the server does not know all commands"
    if workload.endswith(".mjs"):
        run_node(HERE / workload, subject, subtests, limit=LIMIT)
    else:
        _run_python(workload, subject)


def _unknown_commands(subject: Subject, names: list[str]) -> list[str]:
    """Those of the commands that the server lacks. Empties the server, too."""
    with subject.server.raw() as connection:
        if subject.password:
            connection.value("AUTH", subject.password)
        connection.value("FLUSHALL")
        known = connection.value("COMMAND", "INFO", *names)
    assert isinstance(known, list)
    return [name for name, entry in zip(names, known, strict=True) if entry is None]


def _run_python(workload: str, subject: Subject) -> None:
    module = f"tests.clients.workloads.{workload.removesuffix('.py')}"
    environment = {
        "SERVER_PORT": str(subject.port),
        "SERVER_PASSWORD": subject.password,
        "SERVER_CA": str(subject.authority or ""),
    }
    run = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
